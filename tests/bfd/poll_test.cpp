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

TEST_CASE("RFC 5880 §6.5: P stands in every packet until F comes, and in none after") {
    Solo solo;
    solo.bring_up();
    const auto changed = solo.now;
    solo.change(every(50ms, 100ms));
    CHECK_FALSE(solo.last.send);  // it rides on the periodic packets, none is added
    solo.converse(10ms, solo.packet(State::up));
    for (int i = 0; i < 10; ++i) {
        solo.run_for(50ms);
        solo.hear(State::up);  // no F
    }
    const auto before = solo.since(changed);
    CHECK(before.size() >= 9);
    CHECK(polls(before).size() == before.size());
    solo.hear(final_of(solo));
    const auto answered = solo.now;
    solo.converse(500ms, solo.packet(State::up));
    CHECK(solo.since(answered).size() >= 9);
    CHECK(polls(solo.since(answered)).empty());
}

TEST_CASE("RFC 5880 §6.5: a Poll Sequence adds no packets to the periodic ones") {
    Solo solo;
    solo.bring_up();
    for (int i = 0; i < 50; ++i) {
        const auto last = solo.session.snapshot().last_sent;
        solo.change(every(50ms, i % 2 == 0 ? 100ms : 50ms));
        CHECK_FALSE(solo.last.send);
        CHECK(solo.session.snapshot().next_send >= last + 37'500us);
        solo.converse(60ms, solo.packet(State::up));
    }
}

TEST_CASE(
    "RFC 5880 §6.8.7: a Poll is answered with F at once, whatever the timer and the state; P and F never together") {
    for (const auto state : {State::down, State::init, State::up}) {
        CAPTURE(state);
        Solo solo;
        solo.run_for(1ms);
        if (state != State::down) solo.hear(State::down);
        if (state == State::up) solo.hear(State::up);  // our own Poll Sequence is in progress now
        REQUIRE(solo.session.state() == state);
        const auto due = solo.session.snapshot().next_send;
        const auto own_poll = solo.session.snapshot().polling;
        auto p = solo.packet(state == State::down ? State::up : state);  // changes nothing
        if (state == State::init) p.state = State::down;
        p.poll = true;
        for (int i = 0; i < 5; ++i) {
            const auto& out = solo.hear(p);
            REQUIRE(out.send);
            CHECK(out.send->final);
            CHECK_FALSE(out.send->poll);
            CHECK(out.send->state == state);
        }
        CHECK(solo.session.snapshot().next_send == due);  // independent of the periodic packets
        CHECK(solo.session.snapshot().polling == own_poll);
    }
}

TEST_CASE("RFC 5880 §6.5: a peer that polls without end does not keep our own Poll from going out") {
    Solo solo;
    solo.run_for(1ms);
    solo.hear(State::down);
    solo.hear(State::up);
    const auto up = solo.now;
    auto p = solo.packet(State::up);
    p.poll = true;
    for (int i = 0; i < 100; ++i) {
        solo.run_for(5ms);
        solo.hear(p);
    }
    CHECK(polls(solo.since(up)).size() >= 9);
    CHECK(std::ranges::count_if(solo.log, [](const Sent& s) { return s.packet.final; }) == 100);
}

TEST_CASE("RFC 5880 §6.8.3: a changed Desired Min TX or Required Min RX MUST start a Poll Sequence") {
    for (const auto& wish : {every(40ms, 50ms), every(60ms, 50ms), every(50ms, 40ms), every(50ms, 60ms)}) {
        Solo solo;
        solo.bring_up();
        solo.change(wish);
        const auto changed = solo.now;
        solo.run_for(60ms);
        REQUIRE_FALSE(solo.since(changed).empty());
        const auto first = solo.since(changed).front().packet;
        CHECK(first.poll);
        CHECK(first.desired_min_tx == wish.desired_min_tx);
        CHECK(first.required_min_rx == wish.required_min_rx);
    }
    SUBCASE("coming Up is such a change, too") {
        Solo solo;
        solo.run_for(1ms);
        solo.hear(State::down);
        CHECK(polls(solo.log).empty());
        solo.hear(State::up);
        REQUIRE(solo.last.send);
        CHECK(solo.last.send->poll);
        CHECK(solo.last.send->desired_min_tx == Microseconds{50'000});
    }
    SUBCASE("and going Down when the peer says so") {
        Solo solo;
        solo.bring_up();
        solo.hear(State::down);
        REQUIRE(solo.last.send);
        CHECK(solo.last.send->poll);
        CHECK(solo.last.send->desired_min_tx == Microseconds{1'000'000});
    }
}

TEST_CASE("RFC 5880 §6.8.3: while Up, slower sending waits for F; the packets already say so") {
    Solo solo;
    solo.bring_up();
    solo.change(every(200ms, 50ms));
    const auto changed = solo.now;
    for (int i = 0; i < 20; ++i) {
        solo.run_for(50ms);
        solo.hear(State::up);
    }
    const auto waiting = solo.since(changed);
    CHECK(waiting.size() >= 19);  // still every 50 ms
    for (const auto& s : waiting) CHECK(s.packet.desired_min_tx == Microseconds{200'000});
    CHECK(solo.session.status().tx_interval == 50ms);
    solo.hear(final_of(solo));
    CHECK(solo.session.status().tx_interval == 200ms);
    const auto answered = solo.now;
    solo.converse(2s, solo.packet(State::up));
    CHECK(solo.since(answered).size() <= 15);
}

TEST_CASE("RFC 5880 §6.8.3: while Up, faster receiving shortens the detection time only after F") {
    Solo solo{every(50ms, 300ms)};
    solo.bring_up();
    REQUIRE(solo.session.status().detection_time == 900ms);
    solo.change(every(50ms, 50ms));
    CHECK(solo.session.status().detection_time == 900ms);
    solo.run_for(50ms);
    CHECK(solo.log.back().packet.required_min_rx == Microseconds{50'000});
    CHECK(solo.session.status().detection_time == 900ms);
    solo.hear(State::up);
    CHECK(solo.session.detect_deadline() == solo.now + 900ms);
    solo.hear(final_of(solo));
    CHECK(solo.session.status().detection_time == 150ms);
    CHECK(solo.session.detect_deadline() == solo.now + 150ms);
}

TEST_CASE("RFC 5880 §6.8.3: faster sending and slower receiving are effected immediately") {
    Solo solo{every(300ms, 50ms)};
    solo.bring_up();
    const auto heard = solo.now;
    solo.change(every(50ms, 300ms));
    CHECK(solo.session.status().tx_interval == 50ms);
    CHECK(solo.session.status().detection_time == 900ms);
    CHECK(solo.session.detect_deadline() == heard + 900ms);
    const auto changed = solo.now;
    solo.run_for(500ms);
    CHECK(solo.since(changed).size() >= 9);
}

TEST_CASE("RFC 5880 §6.8.3: while not Up every change is effected immediately") {
    Solo solo;
    solo.run_for(1ms);
    solo.hear(State::down);
    REQUIRE(solo.session.state() == State::init);
    solo.change(every(3s, 20ms));
    CHECK(solo.session.status().tx_interval == 3s);
    CHECK(solo.session.status().rx_interval == 50ms);
    CHECK(solo.session.snapshot().polling);
}

TEST_CASE("RFC 5880 §6.5: while nobody was heard there is nobody to poll") {
    Solo solo;
    solo.run_for(3s);
    solo.change(every(2s, 20ms));
    solo.run_for(10s);
    CHECK(polls(solo.log).empty());
    CHECK(solo.log.back().packet.desired_min_tx == Microseconds{2'000'000});
}
