// What becomes of events while the ring is full: the driver takes none.
#include <doctest/doctest.h>

#include "pair.hpp"

using namespace probe_test;
using bfd::State;

namespace {

struct Bench {
    TimePoint now{1h};
    Side side{1024};
    bfd::SessionKey key{{3}, ip("10.0.0.1"), ip("10.0.0.2")};
    probe::Slot& slot = side.add(now, key, 77);

    void receive(State state, const base::IpAddress& from) {
        const auto bytes = encoded(packet(state, 9, state == State::down ? 0 : 77));
        side.engine.on_datagram(now, {now, {3}, key.local, from, 50'000, 255, false, bytes});
        side.engine.clear_outbox();
        now += 1ms;
    }
    std::vector<probe::Event> drain() {
        std::vector<probe::Event> out;
        while (const auto event = side.engine.next_event()) out.push_back(*event);
        return out;
    }
};

}  // namespace

TEST_CASE_FIXTURE(Bench, "Changed tells the latest: a final state is never lost, a missed flap shows in the counters") {
    receive(State::down, key.remote);  // Init
    receive(State::init, key.remote);  // Up
    receive(State::down, key.remote);  // Down
    receive(State::down, key.remote);  // Init
    receive(State::init, key.remote);  // Up
    const auto events = drain();
    REQUIRE(events.size() == 1);
    const auto& changed = std::get<probe::Changed>(events[0]);
    CHECK(changed.status.state == State::up);
    CHECK(changed.at == now - 1ms);
    CHECK(changed.last_received == now - 1ms);
    CHECK(slot.counters.ups.value() == 2);
    CHECK(slot.counters.downs.value() == 1);
}

TEST_CASE_FIXTURE(Bench, "taken one by one, each step is told") {
    std::vector<State> told;
    for (const auto state : {State::down, State::init, State::down}) {
        receive(state, key.remote);
        for (const auto& event : drain()) told.push_back(std::get<probe::Changed>(event).status.state);
    }
    CHECK(told == std::vector{State::init, State::up, State::down});
}

TEST_CASE_FIXTURE(Bench, "Removed waits as long as it must, and after it nothing of that session comes") {
    receive(State::down, key.remote);
    side.engine.on_command(now, probe::Remove{slot.id});
    const auto events = drain();
    REQUIRE(events.size() == 1);
    CHECK(std::get<probe::Removed>(events[0]).slot == &slot);
    CHECK_FALSE(side.engine.has_events());
}

TEST_CASE_FIXTURE(Bench, "of Unmatched only so many wait; the rest are counted, and Changed is not held up by them") {
    for (std::uint32_t n = 0; n < 100; ++n) receive(State::down, numbered(9, n));
    receive(State::down, key.remote);
    CHECK(side.engine.counters().unmatched_dropped.value() == 36);
    const auto events = drain();
    REQUIRE(events.size() == 65);
    CHECK(std::holds_alternative<probe::Changed>(events[0]));
    CHECK(std::get<probe::Unmatched>(events[1]).remote == numbered(9, 0));
    CHECK(std::get<probe::Unmatched>(events[64]).remote == numbered(9, 63));
}

TEST_CASE_FIXTURE(Bench, "SendFailed waits in its slot beside Changed, and tells the latest error") {
    receive(State::down, key.remote);
    const probe::Outgoing refused{slot.id, key, slot.source_port};
    side.engine.on_sent(now, refused, ENETUNREACH);
    side.engine.on_sent(now, refused, EPERM);
    const auto events = drain();
    REQUIRE(events.size() == 2);
    CHECK(std::holds_alternative<probe::Changed>(events[0]));
    CHECK(std::get<probe::SendFailed>(events[1]).error == EPERM);
}

TEST_CASE_FIXTURE(Bench, "sessions are told in the order in which they first changed") {
    std::vector<probe::Slot*> slots;
    for (std::uint32_t n = 1; n <= 3; ++n) slots.push_back(&side.add(now, {{3}, key.local, numbered(8, n)}, 100 + n));
    for (const auto n : {2U, 1U, 3U, 2U}) receive(State::down, numbered(8, n));
    std::vector<probe::SessionId> order;
    for (const auto& event : drain()) order.push_back(std::get<probe::Changed>(event).id);
    CHECK(order == std::vector{slots[1]->id, slots[0]->id, slots[2]->id});
}

TEST_CASE_FIXTURE(Bench, "a packet of a session that was removed before it went out harms nobody") {
    const auto bytes = encoded(packet(State::down, 9));
    side.engine.on_datagram(now, {now, {3}, key.local, key.remote, 50'000, 255, false, bytes});
    REQUIRE_FALSE(side.engine.outbox().empty());
    side.engine.on_command(now, probe::Remove{slot.id});
    const auto removed = side.engine.next_event();
    REQUIRE(removed);
    side.pool.release(std::get<probe::Removed>(*removed).slot);
    side.engine.on_sent(now, side.engine.outbox()[0], 0);
    side.engine.clear_outbox();
    CHECK(side.engine.size() == 0);
}
