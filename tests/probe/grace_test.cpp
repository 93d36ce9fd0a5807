// Our own lateness is no evidence.
#include <doctest/doctest.h>

#include "pair.hpp"

using namespace probe_test;
using bfd::State;

namespace {

const bfd::Parameters fast{.desired_min_tx = bfd::Microseconds{50'000}, .required_min_rx = bfd::Microseconds{50'000}};
// Detection takes so long at the far end that a stall of ours does not take it down.
const bfd::Parameters patient{
    .desired_min_tx = bfd::Microseconds{50'000}, .required_min_rx = bfd::Microseconds{50'000}, .detect_mult = 50};

struct Bench : Pair {
    // Ours expects the peer for 150 ms; the peer waits 2.5 s for us.
    std::pair<probe::Slot*, probe::Slot*> unequal(std::uint32_t n, std::uint32_t ifindex) {
        const auto a = numbered(0, n), b = numbered(1, n);
        return {&sides[0].add(now, {{ifindex}, a, b}, n + 1, patient),
                &sides[1].add(now, {{ifindex}, b, a}, n + 100'001, fast)};
    }
    const probe::EngineCounters& counters() { return sides[0].engine.counters(); }
};

}  // namespace

TEST_CASE_FIXTURE(Bench, "a stall of twice the detection time takes nobody down: what was queued is read first") {
    const auto [a, b] = unequal(1, 7);
    run_for(5s);
    stall(sides[0], 300ms);
    run_for(5s);
    CHECK(a->counters.downs.value() == 0);
    CHECK(b->counters.downs.value() == 0);
    CHECK(counters().late_wakes.value() == 1);
    CHECK(counters().max_lateness_us.value() > 200'000);
    CHECK(a->counters.extended.value() == 0);  // the last packets were young enough
}

TEST_CASE_FIXTURE(Bench, "a peer that wants packets sooner gets the next one at once, and nobody counts it as late") {
    const auto [a, b] = unequal(1, 7);
    auto slow = fast;
    slow.required_min_rx = bfd::Microseconds{2'000'000};
    sides[1].engine.on_command(now, probe::Change{b->id, slow, 255, 0});
    run_for(10s);
    REQUIRE(a->session.state() == State::up);
    CHECK(counters().max_lateness_us.value() == 0);
    run_for(1s);
    sides[1].engine.on_command(now, probe::Change{b->id, fast, 255, 0});
    run_for(10s);
    CHECK(counters().max_lateness_us.value() == 0);
    CHECK(a->session.state() == State::up);
}

TEST_CASE_FIXTURE(Bench, "packets lost in a stall of ours do not take a session down either") {
    const auto [a, b] = unequal(1, 7);
    run_for(5s);
    stall(sides[0], 300ms);
    cut = {7};  // as if the receive buffer had overflowed
    run_for(299ms);
    cut = {};
    run_for(5s);
    CHECK(a->counters.downs.value() == 0);
    CHECK(a->counters.extended.value() == 1);
}

TEST_CASE_FIXTURE(Bench, "the grace is one interval: a peer that died during the stall is down after it") {
    const auto [a, b] = unequal(1, 7);
    run_for(5s);
    stall(sides[0], 300ms);
    cut = {7};
    run_for(300ms);
    CHECK(a->session.state() == State::up);
    run_for(49ms);
    CHECK(a->session.state() == State::up);
    run_for(2ms);
    CHECK(a->session.state() == State::down);
    CHECK(a->counters.extended.value() == 1);
}

TEST_CASE_FIXTURE(Bench, "a second stall within the grace does not keep a dead peer up") {
    const auto [a, b] = unequal(1, 7);
    run_for(5s);
    cut = {7};
    stall(sides[0], 300ms);
    run_for(300ms);
    stall(sides[0], 300ms);
    run_for(300ms);
    CHECK(a->session.state() == State::down);
    CHECK(counters().late_wakes.value() == 2);
}

namespace {

// Silence judged `late` after the engine's earliest deadline, which is the session's own detection deadline.
bool is_extended_when_late(base::Duration late) {
    Side side{4};
    TimePoint now{1h};
    bfd::Parameters passive{.passive = true};
    auto& slot = side.add(now, {{3}, ip("10.0.0.1"), ip("10.0.0.2")}, 77, passive);
    for (const auto state : {State::down, State::init}) {
        auto from_peer = packet(state, 9, state == State::down ? 0 : 77, bfd::Microseconds{50'000});
        from_peer.required_min_rx = {};  // it wants nothing from us
        const auto bytes = encoded(from_peer);
        side.engine.on_datagram(now, {now, {3}, slot.key.local, slot.key.remote, 50'000, 255, false, bytes});
        side.engine.clear_outbox();
    }
    REQUIRE(slot.session.state() == State::up);
    REQUIRE(side.engine.deadline() == slot.session.detect_deadline());
    now = side.engine.deadline() + late;
    side.engine.on_wake(now);
    CHECK(side.engine.judges(now));
    REQUIRE(side.engine.on_deadlines(now));
    CHECK((slot.session.state() == State::up) == (slot.counters.extended.value() == 1));
    return slot.session.state() == State::up;
}

}  // namespace

TEST_CASE("half a detection time late is judged, more is not") {
    CHECK_FALSE(is_extended_when_late(0ms));
    CHECK_FALSE(is_extended_when_late(75ms));
    CHECK(is_extended_when_late(75ms + 1ns));
    CHECK(is_extended_when_late(10s));
}

TEST_CASE_FIXTURE(Bench, "sessions on two interfaces that expire in one late wake are a stall, told once") {
    for (std::uint32_t n = 0; n < 200; ++n) unequal(n, 1 + n % 2);
    run_for(5s);
    cut = {1, 2};
    stall(sides[0], 400ms);
    run_for(400ms);
    cut = {};
    run_for(2s);
    const auto stalls = all_of<probe::Stall>(sides[0].events);
    REQUIRE(stalls.size() == 1);
    CHECK(stalls[0].sessions == 200);
    CHECK(stalls[0].late_by > 300ms);
    CHECK(counters().stalls.value() == 1);
}

TEST_CASE_FIXTURE(Bench, "sessions on one interface that expire in one late wake are no stall") {
    for (std::uint32_t n = 0; n < 20; ++n) unequal(n, 1);
    run_for(5s);
    cut = {1};
    stall(sides[0], 400ms);
    run_for(2s);
    CHECK(counters().stalls.value() == 0);
}

TEST_CASE_FIXTURE(Bench, "sessions on two interfaces that expire while we are on time are no stall") {
    unequal(1, 1);
    unequal(2, 2);
    run_for(5s);
    cut = {1, 2};
    run_for(2s);
    CHECK(counters().stalls.value() == 0);
    CHECK(counters().late_wakes.value() == 0);
}

TEST_CASE_FIXTURE(Bench, "nothing is judged while nothing has expired") {
    const auto [a, b] = unequal(1, 1);
    run_for(5s);
    CHECK_FALSE(sides[0].engine.judges(a->session.detect_deadline() - 1ns));
    CHECK(sides[0].engine.judges(a->session.detect_deadline()));
}
