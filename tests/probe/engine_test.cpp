#include "probe/engine.hpp"

#include <doctest/doctest.h>

#include "pair.hpp"

using namespace probe_test;
using bfd::State;
using enum bfd::DropReason;

namespace {

const bfd::Parameters fast{.desired_min_tx = bfd::Microseconds{50'000}, .required_min_rx = bfd::Microseconds{50'000}};

std::vector<probe::Changed> changes(const Side& side) { return all_of<probe::Changed>(side.events); }

}  // namespace

TEST_CASE("two engines bring a session up and tell of each step") {
    Pair pair;
    const auto [a, b] = pair.connect(1, 7, fast);
    pair.run_for(5s);
    CHECK(a->session.state() == State::up);
    CHECK(b->session.state() == State::up);
    const auto told = changes(pair.sides[0]);
    REQUIRE_FALSE(told.empty());
    CHECK(told.back().id == a->id);
    CHECK(told.back().status == a->session.status());
    CHECK(told.back().at <= pair.now);
    CHECK(told.back().last_received >= TimePoint{1h});
    CHECK(a->counters.ups.value() == 1);
    CHECK(a->counters.downs.value() == 0);
}

TEST_CASE("packets and bytes are counted at both ends alike") {
    Pair pair;
    const auto [a, b] = pair.connect(1, 7, fast);
    pair.run_for(5s);
    CHECK(a->counters.packets_sent.value() > 50);
    CHECK(a->counters.packets_sent.value() == b->counters.packets_received.value());
    CHECK(a->counters.bytes_sent.value() == 24 * a->counters.packets_sent.value());
    CHECK(a->counters.bytes_received.value() == b->counters.bytes_sent.value());
}

TEST_CASE("silence takes both ends down, never before the detection time, and each counts one down") {
    Pair pair;
    const auto [a, b] = pair.connect(1, 7, fast);
    pair.run_for(5s);
    pair.sides[0].events.clear();
    const auto last = a->session.last_received();
    pair.cut = {7};
    pair.run_for(1s);
    CHECK(a->session.state() == State::down);
    CHECK(b->session.state() == State::down);
    const auto told = changes(pair.sides[0]);
    REQUIRE_FALSE(told.empty());
    CHECK(told.front().status.state == State::down);
    CHECK(told.front().at - last == 150ms);
    CHECK(told.front().last_received == last);
    CHECK(a->counters.downs.value() == 1);
}

TEST_CASE("a session that is removed is silent, and its slot comes back once") {
    Pair pair;
    const auto [a, b] = pair.connect(1, 7, fast);
    pair.run_for(5s);
    auto& side = pair.sides[0];
    side.events.clear();
    const auto sent = a->counters.packets_sent.value();
    side.engine.on_command(pair.now, probe::Remove{a->id});
    side.engine.on_command(pair.now, probe::Remove{a->id});  // now a stale id
    pair.run_for(1s);
    const auto removed = all_of<probe::Removed>(side.events);
    REQUIRE(removed.size() == 1);
    CHECK(removed[0].slot == a);
    CHECK(side.engine.size() == 0);
    CHECK(a->counters.packets_sent.value() == sent);
    CHECK(b->session.state() == State::down);
}

TEST_CASE("a session the engine has no room for comes straight back") {
    Side side{2};
    probe::SlotPool pool{3};
    for (std::uint32_t n = 0; n < 3; ++n) {
        const bfd::Session fresh{{}, bfd::Discriminator{n + 1}, 1, TimePoint{1h}};
        auto* const slot = pool.create({{1}, numbered(0, n), numbered(1, n)}, 255, fresh);
        side.engine.on_command(TimePoint{1h}, probe::Add{slot});
    }
    const auto event = side.engine.next_event();
    REQUIRE(event);
    REQUIRE(std::get_if<probe::Removed>(&*event) != nullptr);
    CHECK(std::get<probe::Removed>(*event).slot->id.slot == 2);
    CHECK(side.engine.size() == 2);
}

TEST_CASE("Change is obeyed, and a stale id changes nothing") {
    Pair pair;
    const auto [a, b] = pair.connect(1, 7, fast);
    pair.run_for(5s);
    auto down = fast;
    down.admin_down = true;
    auto stale = a->id;
    ++stale.generation;
    pair.sides[0].engine.on_command(pair.now, probe::Change{stale, down, 255});
    pair.run_for(1s);
    CHECK(a->session.state() == State::up);
    pair.sides[0].engine.on_command(pair.now, probe::Change{a->id, down, 255});
    pair.run_for(1s);
    CHECK(a->session.state() == State::admin_down);
    CHECK(b->session.state() == State::down);
    CHECK(b->session.status().remote_state == State::admin_down);
    CHECK(a->counters.downs.value() == 1);
}

TEST_CASE("Late is told once a deadline, and Extend buys one more detection time") {
    Pair pair;
    auto trusting = fast;
    trusting.trust_data = true;
    const auto [a, b] = pair.connect(1, 7, trusting);
    pair.run_for(5s);
    auto& events = pair.sides[0].events;
    CHECK(all_of<probe::Late>(events).empty());
    pair.cut = {7};
    const auto deadline = a->session.detect_deadline();
    pair.run_for(deadline - pair.now - 51ms);
    CHECK(all_of<probe::Late>(events).empty());
    pair.run_for(2ms);
    const auto late = all_of<probe::Late>(events);
    REQUIRE(late.size() == 1);
    CHECK(late[0].id == a->id);
    CHECK(late[0].deadline == deadline);
    CHECK(deadline - late[0].at == 50ms);
    pair.run_for(deadline - pair.now - 10ms);
    CHECK(all_of<probe::Late>(events).size() == 1);
    const probe::Extend extend{a->id, deadline};
    pair.sides[0].engine.on_command(pair.now, extend);
    pair.sides[0].engine.on_command(pair.now, extend);
    CHECK(a->session.detect_deadline() == deadline + 150ms);
    CHECK(a->counters.vouched.value() == 1);
    CHECK(a->counters.extended.value() == 0);
    pair.run_for(deadline - pair.now + 149ms);
    CHECK(a->session.state() == State::up);
    CHECK(all_of<probe::Late>(events).size() == 2);
    CHECK(all_of<probe::Late>(events)[1].deadline == deadline + 150ms);
    pair.run_for(2ms);
    CHECK(a->session.state() == State::down);
}

TEST_CASE("one refused send is told at most once a second, want of room on this host never") {
    Pair pair;
    auto patient = fast;
    patient.detect_mult = 100;
    const auto [a, b] = pair.connect(1, 7, patient);
    const auto [c, d] = pair.connect(2, 7, patient);
    pair.run_for(5s);
    pair.send_error = [&, bad = a->id, full = c->id](const probe::Outgoing& packet) {
        if (packet.key.remote == a->key.remote && packet.id == bad) return EDESTADDRREQ;
        return packet.key.remote == c->key.remote && packet.id == full ? ENOBUFS : 0;
    };
    const auto failures = a->counters.send_failures.value();
    pair.run_for(2500ms);
    const auto told = all_of<probe::SendFailed>(pair.sides[0].events);
    REQUIRE(told.size() == 3);
    CHECK(told[0].id == a->id);
    CHECK(told[0].error == EDESTADDRREQ);
    CHECK(a->counters.send_failures.value() - failures > 40);
    CHECK(a->counters.last_send_errno.value() == EDESTADDRREQ);
    CHECK(c->counters.last_send_errno.value() == ENOBUFS);
}

TEST_CASE("two thousand sessions come up, and silence on one interface takes its sessions alone") {
    Pair pair{2000};
    std::vector<std::pair<probe::Slot*, probe::Slot*>> slots;
    for (std::uint32_t n = 0; n < 2000; ++n) slots.push_back(pair.connect(n, n % 50 + 1, fast));
    pair.run_for(2s);
    for (const auto& [a, b] : slots) REQUIRE((a->session.state() == State::up && b->session.state() == State::up));
    pair.cut = {17};
    pair.run_for(400ms);
    for (const auto& [a, b] : slots) {
        const bool is_cut = a->key.ifindex.value == 17;
        REQUIRE(a->counters.downs.value() == (is_cut ? 1 : 0));
        REQUIRE(b->counters.downs.value() == (is_cut ? 1 : 0));
    }
    CHECK(pair.sides[0].engine.counters().late_wakes.value() == 0);
    CHECK(pair.sides[0].engine.counters().stalls.value() == 0);
}
