#include "wire.hpp"

using namespace bfd_test;

namespace {

Parameters every(std::chrono::microseconds tx, std::chrono::microseconds rx) {
    return {.desired_min_tx = Microseconds{tx}, .required_min_rx = Microseconds{rx}};
}

Packet final_of(const Solo& solo) {
    auto p = solo.packet(State::up);
    p.final = true;
    return p;
}

Log polls(const Log& log) {
    Log out;
    std::ranges::copy_if(log, std::back_inserter(out), [](const Sent& s) { return s.packet.poll; });
    return out;
}

}  // namespace

TEST_CASE("RFC 5880 §6.8.3: a change during a Poll Sequence waits for it and starts another") {
    Solo solo;
    solo.bring_up();
    solo.change(every(60ms, 50ms));
    solo.run_for(60ms);
    REQUIRE(solo.log.back().packet.poll);
    const auto queued = solo.now;
    solo.change(every(70ms, 40ms));
    CHECK(solo.session.snapshot().poll_queued);
    solo.run_for(60ms);  // a second P of the first sequence
    for (const auto& s : solo.since(queued)) CHECK(s.packet.desired_min_tx == Microseconds{60'000});
    solo.hear(final_of(solo));
    CHECK(solo.session.status().tx_interval == 60ms);
    SUBCASE("the next one begins after a packet with F clear") {
        CHECK_FALSE(solo.session.snapshot().polling);
        solo.run_for(1ms);
        solo.hear(State::up);
        CHECK(solo.session.snapshot().polling);
        const auto second = solo.now;
        solo.run_for(60ms);
        CHECK(solo.since(second).front().packet.poll);
        CHECK(solo.since(second).front().packet.desired_min_tx == Microseconds{70'000});
        CHECK(solo.session.status().tx_interval == 60ms);
        solo.hear(final_of(solo));
        CHECK(solo.session.status().tx_interval == 70ms);
        CHECK_FALSE(solo.session.snapshot().polling);
        CHECK_FALSE(solo.session.snapshot().poll_queued);
    }
    SUBCASE("or a round trip after the last P, and a late second F ends nothing") {
        CHECK_FALSE(solo.session.snapshot().polling);
        solo.hear(final_of(solo));
        CHECK_FALSE(solo.session.snapshot().polling);
        solo.run_for(120ms);
        CHECK(solo.session.snapshot().polling);
        CHECK(solo.log.back().packet.desired_min_tx == Microseconds{70'000});
    }
}

TEST_CASE("RFC 5880 §6.8.3: after one P and its F nothing is ambiguous, the queued sequence begins at once") {
    Solo solo;
    solo.bring_up();
    solo.change(every(60ms, 50ms));
    solo.run_for(50ms);
    REQUIRE(polls({solo.log.back()}).size() == 1);
    solo.change(every(70ms, 50ms));
    solo.hear(final_of(solo));
    CHECK(solo.session.snapshot().polling);
    CHECK(solo.session.snapshot().advertised_desired_min_tx == Microseconds{70'000});
}

TEST_CASE("changes made before the first P went out are told together") {
    Solo solo;
    solo.bring_up();
    solo.change(every(60ms, 50ms));
    solo.change(every(70ms, 40ms));
    CHECK_FALSE(solo.session.snapshot().poll_queued);
    solo.run_for(50ms);
    CHECK(solo.log.back().packet.desired_min_tx == Microseconds{70'000});
    CHECK(solo.log.back().packet.required_min_rx == Microseconds{40'000});
}

TEST_CASE("an F that no P asked for ends nothing") {
    Solo solo;
    solo.bring_up();
    solo.change(every(200ms, 50ms));
    solo.hear(final_of(solo));  // P was not sent yet
    CHECK(solo.session.snapshot().polling);
    CHECK(solo.session.status().tx_interval == 50ms);
}

TEST_CASE("RFC 5880 §6.8.12: a changed Detect Mult needs no Poll Sequence and is in the next packet") {
    Solo solo;
    solo.bring_up();
    solo.change({.detect_mult = 9});
    solo.run_for(50ms);
    CHECK(solo.log.back().packet.detect_mult == 9);
    CHECK_FALSE(solo.log.back().packet.poll);
}

TEST_CASE("RFC 5880 §6.8.10, §6.8.11: timers changed live in both directions, on both sides, without a Down") {
    Wire wire{every(50ms, 50ms)};
    wire.ab.delay = 30ms;
    wire.ba.delay = 5ms;
    wire.run_for(3s);
    REQUIRE(wire.both_up());
    for (const auto& wish :
         {every(10ms, 300ms), every(1s, 10ms), every(20ms, 20ms), every(300ms, 1s), every(50ms, 50ms)}) {
        wire.change_a(wish);
        wire.run_for(7ms);
        wire.change_b(wish);
        wire.run_for(11ms);
        wire.change_a(every(70ms, 30ms));
        wire.run_for(5s);
        CHECK(wire.both_up());
        CHECK(wire.b.status().tx_interval == std::max(wish.desired_min_tx, Microseconds{30'000}));
        CHECK(wire.a.status().tx_interval == std::max(wish.required_min_rx, Microseconds{70'000}));
        CHECK(wire.b.status().rx_interval == wire.a.status().tx_interval);
        CHECK_FALSE(wire.a.snapshot().polling);
        CHECK_FALSE(wire.b.snapshot().polling);
    }
    CHECK(wire.of_a.size() == 2);
    CHECK(wire.of_b.size() == 2);
}

TEST_CASE("RFC 5880 §6.8.3: lost Finals only delay a change: P goes on, the session stays Up") {
    Wire wire{every(50ms, 50ms)};
    wire.run_for(3s);
    wire.ba.cut_finals = true;
    wire.change_a(every(200ms, 50ms));
    const auto changed = wire.now;
    wire.run_for(5s);
    CHECK(wire.both_up());
    CHECK(wire.a.status().tx_interval == 50ms);
    CHECK(wire.from('a', changed).size() >= 99);
    wire.ba.cut_finals = false;
    wire.run_for(1s);
    CHECK(wire.a.status().tx_interval == 200ms);
    CHECK(wire.b.status().detection_time == 600ms);
}
