// A peer that sends as fast as it can, from its own address and in good form: what it may cost the others.
#include <doctest/doctest.h>

#include <algorithm>

#include "pair.hpp"

using namespace probe_test;
using bfd::State;

namespace {

struct Bench {
    TimePoint now{1h};
    Side side{16};
    bfd::SessionKey key{{3}, ip("10.0.0.1"), ip("10.0.0.2")};
    probe::Slot& slot = side.add(now, key, 77);

    void receive(const bfd::Packet& packet) { receive(packet, key.local, key.remote); }
    void receive(const bfd::Packet& packet, const base::IpAddress& local, const base::IpAddress& remote) {
        const auto bytes = encoded(packet);
        side.engine.on_datagram(now, {now, {3}, local, remote, 50'000, 255, false, bytes});
    }
    auto finals() const { return std::ranges::count(side.engine.outbox(), true, &probe::Outgoing::final); }
    bfd::Packet last_sent() const { return *bfd::decode(side.engine.outbox().back().payload); }
};

}  // namespace

TEST_CASE_FIXTURE(Bench, "RFC 5880 §6.8.7: Polls that come together get one Final, with the state they led to") {
    auto poll = packet(State::down, 9);
    poll.poll = true;
    for (int i = 0; i < 60; ++i) receive(poll);
    poll.state = State::init;
    poll.your_discriminator = {77};
    receive(poll);
    REQUIRE(side.engine.outbox().size() == 1);
    CHECK(last_sent().final);
    CHECK(last_sent().state == State::up);
}

TEST_CASE_FIXTURE(Bench, "a peer that changes with every packet is told once a batch, of its last") {
    for (std::uint32_t n = 1; n <= 60; ++n) receive(packet(State::down, n));
    REQUIRE(side.engine.outbox().size() == 1);
    CHECK(last_sent().your_discriminator.value == 60);
    side.engine.clear_outbox();
    receive(packet(State::down, 61));
    REQUIRE(side.engine.outbox().size() == 1);
    CHECK(last_sent().your_discriminator.value == 61);
}

TEST_CASE_FIXTURE(Bench, "a Final takes no other packet's place, and no other session's") {
    auto& other = side.add(now, {{3}, key.local, ip("10.0.0.3")}, 78);
    REQUIRE(side.engine.on_deadlines(now));  // the first packets of both
    side.engine.clear_outbox();
    for (std::uint32_t n = 1; n <= 20; ++n) {
        auto from_peer = packet(State::down, n);
        from_peer.poll = n % 2 == 0;
        receive(from_peer);
        receive(from_peer, key.local, other.key.remote);
    }
    REQUIRE(side.engine.outbox().size() == 4);
    CHECK(finals() == 2);
    CHECK(std::ranges::count(side.engine.outbox(), other.id, &probe::Outgoing::id) == 2);
}

TEST_CASE_FIXTURE(Bench, "while packets are still being read what is due goes out, and nobody is judged") {
    auto from_peer = packet(State::down, 9, 0, bfd::Microseconds{50'000});
    receive(from_peer);
    from_peer.state = State::init;
    from_peer.your_discriminator = {77};
    receive(from_peer);
    REQUIRE(slot.session.state() == State::up);
    side.engine.clear_outbox();
    const auto expiry = slot.session.detect_deadline();
    side.engine.on_wake(now);
    for (; now <= expiry + 100ms; now += 10ms) {  // its packets stand in the queue behind a stranger's
        side.engine.on_send_times(now);
        CHECK(slot.session.send_deadline() > now);
        side.engine.clear_outbox();
    }
    CHECK(slot.session.state() == State::up);
    from_peer.state = State::up;
    const auto bytes = encoded(from_peer);
    side.engine.on_datagram(now, {expiry - 1ms, {3}, key.local, key.remote, 50'000, 255, false, bytes});
    REQUIRE(side.engine.on_deadlines(expiry));
    CHECK(slot.session.state() == State::up);
    CHECK(slot.counters.downs.value() == 0);
}

TEST_CASE_FIXTURE(Bench, "what went out while packets were read does not hide that the turn was late") {
    REQUIRE(side.engine.on_deadlines(now));
    side.engine.clear_outbox();
    const auto due = side.engine.deadline();
    now = due + 400ms;
    side.engine.on_send_times(now);
    CHECK(side.engine.outbox().size() == 1);
    CHECK(side.engine.deadline() > now);
    now += 10ms;  // it slept until now, and woke in time
    REQUIRE(side.engine.deadline() > now);
    CHECK(side.engine.on_wake(now) == 400ms);
    CHECK(side.engine.on_wake(now) == 0ns);
}

namespace {

struct Crowd : Bench {
    std::vector<probe::Changed> changed;
    std::size_t unmatched = 0;

    void turn() {
        side.engine.on_wake(now);
        REQUIRE(side.engine.on_deadlines(now));
        side.engine.clear_outbox();
        take_events();
    }
    void take_events() {
        while (const auto event = side.engine.next_event()) {
            if (const auto* c = std::get_if<probe::Changed>(&*event)) changed.push_back(*c);
            unmatched += std::holds_alternative<probe::Unmatched>(*event);
        }
    }
};

}  // namespace

TEST_CASE_FIXTURE(Crowd,
                  "a peer that changes with every packet is told of some times a window, and of its last at the end") {
    const auto end = now + 950ms;
    std::uint32_t n = 1;
    for (turn(); now < end; now += 100us, turn()) receive(packet(State::down, ++n)), take_events();
    CHECK(changed.size() <= 11 * (probe::changes_at_most + 1));
    REQUIRE_FALSE(side.engine.has_events());
    REQUIRE(side.engine.deadline() <= now + probe::window);  // woken for what waits
    now = side.engine.deadline();
    turn();
    CHECK(changed.back().status.remote_discriminator.value == n);
}

TEST_CASE_FIXTURE(Crowd, "whoever changes beside such a peer is told at once") {
    auto& other = side.add(now, {{3}, key.local, ip("10.0.0.3")}, 78);
    turn();
    for (std::uint32_t n = 1; n < 100; ++n) receive(packet(State::down, n)), take_events();
    receive(packet(State::down, 9), key.local, other.key.remote);
    take_events();
    CHECK(changed.back().id == other.id);
    CHECK(changed.back().status.state == State::init);
}

TEST_CASE_FIXTURE(Crowd, "sixteen changes in a window are each told, the seventeenth waits; Removed takes its place") {
    turn();
    changed.clear();
    for (std::uint32_t n = 1; n <= probe::changes_at_most; ++n) {
        receive(packet(State::down, n));
        take_events();
        CHECK(changed.size() == n);
    }
    receive(packet(State::down, 17));
    CHECK_FALSE(side.engine.has_events());
    side.engine.on_command(now, probe::Remove{slot.id});
    now += probe::window;
    side.engine.on_wake(now);
    const auto event = side.engine.next_event();
    REQUIRE(event);
    CHECK(std::holds_alternative<probe::Removed>(*event));
    CHECK_FALSE(side.engine.has_events());
}

TEST_CASE_FIXTURE(Crowd, "a stranger is told once a window, however often it calls") {
    for (const auto end = now + 1s; now < end; now += 1ms, turn())
        for (int i = 0; i < 20; ++i) receive(packet(State::down, 9), ip("10.9.9.9"), key.remote), take_events();
    CHECK(unmatched >= 10);
    CHECK(unmatched <= 11);
    CHECK(side.engine.counters().unmatched_dropped.value() == 20'000 - unmatched);
}
