#include "wire.hpp"

using namespace bfd_test;
using bfd::Session;

TEST_CASE("a successor given a snapshot is Up with the same discriminators, and no peer notices") {
    Wire wire{Parameters{}};
    wire.run_for(3s);
    REQUIRE(wire.both_up());
    for (int i = 0; i < 20; ++i) {
        wire.a = Session{wire.a.snapshot(), wire.now};
        wire.run_for(777ms);
    }
    CHECK(wire.both_up());
    CHECK(wire.of_a.size() == 2);
    CHECK(wire.of_b.size() == 2);
    for (const auto& s : wire.from('a')) CHECK(s.packet.my_discriminator == Discriminator{0xa});
}

TEST_CASE("a restored Up session is judged one whole detection time after the restart: no false Down, no later one") {
    Solo solo;
    solo.bring_up();
    const auto heard = solo.now;
    const auto snapshot = solo.session.snapshot();
    const auto restart = heard + 10s;
    solo.session = Session{snapshot, restart};
    solo.now = restart;
    CHECK(solo.session.state() == State::up);
    CHECK(solo.session.last_received() == heard);
    CHECK(solo.session.detect_deadline() == restart + 150ms);
    CHECK_FALSE(solo.session.on_deadline(restart).transition);
    solo.run_for(150ms - 1ns);
    CHECK(solo.session.state() == State::up);
    SUBCASE("a dead peer is found") {
        solo.run_for(1ns);
        CHECK(solo.session.state() == State::down);
        CHECK(solo.session.status().diagnostic == Diagnostic::control_detection_time_expired);
    }
    SUBCASE("a living one counts from its packet") {
        solo.hear(State::up);
        CHECK(solo.session.detect_deadline() == solo.now + 150ms);
    }
}

TEST_CASE("packets that waited in the socket during the restart do not bring the judgement forward") {
    Solo solo;
    solo.bring_up();
    const auto heard = solo.now;
    const auto restart = heard + 200ms;
    solo.session = Session{solo.session.snapshot(), restart};
    solo.session.on_packet(heard + 10ms, solo.packet(State::up), restart);
    CHECK(solo.session.detect_deadline() == restart + 150ms);
}

TEST_CASE("a restored session sends at once what is overdue, and nothing before it is due") {
    Solo solo;
    solo.bring_up();
    const auto due = solo.session.snapshot().next_send;
    CHECK(Session(solo.session.snapshot(), due - 10ms).deadline() == due);
    Session late{solo.session.snapshot(), due + 1s};
    CHECK(late.deadline() <= due + 1s);
    CHECK(late.on_deadline(due + 1s).send);
}

TEST_CASE("a Poll Sequence goes on in the successor, with the old values in force until F") {
    Solo solo;
    solo.bring_up();
    solo.change({.desired_min_tx = 200ms});
    solo.run_for(60ms);
    solo.change({.desired_min_tx = 300ms});
    const auto before = solo.session.snapshot();
    REQUIRE(before.polling);
    REQUIRE(before.poll_queued);
    solo.session = Session{before, solo.now};
    const auto restart = solo.now;
    solo.run_for(60ms);
    REQUIRE_FALSE(solo.since(restart).empty());
    CHECK(solo.since(restart).front().packet.poll);
    CHECK(solo.since(restart).front().packet.desired_min_tx == Microseconds{200'000});
    CHECK(solo.session.status().tx_interval == 50ms);
    auto f = solo.packet(State::up);
    f.final = true;
    solo.hear(f);
    CHECK(solo.session.status().tx_interval == 200ms);
    solo.hear(State::up);
    CHECK(solo.session.snapshot().advertised_desired_min_tx == Microseconds{300'000});
}

TEST_CASE("each state survives a restart") {
    for (const auto state : {State::admin_down, State::down, State::init, State::up}) {
        Solo solo{{.admin_down = state == State::admin_down}};
        solo.run_for(1ms);
        if (state == State::init || state == State::up) solo.hear(State::down);
        if (state == State::up) solo.hear(State::up);
        const Session successor{solo.session.snapshot(), solo.now};
        CHECK(successor.state() == state);
        CHECK(successor.status() == solo.session.status());
        CHECK(successor.parameters() == solo.session.parameters());
        CHECK(successor.deadline() >= solo.now);
    }
}

TEST_CASE("a grace used before the restart is there again after it, once") {
    Solo solo;
    solo.bring_up();
    REQUIRE(solo.session.extend(solo.now));
    solo.session = Session{solo.session.snapshot(), solo.now};
    CHECK(solo.session.extend(solo.now));
    CHECK_FALSE(solo.session.extend(solo.now));
}

TEST_CASE("times from the future (another boot's clock) stop nothing") {
    Solo solo;
    solo.bring_up();
    const auto restart = start - 30min;
    Session successor{solo.session.snapshot(), restart};
    CHECK(successor.deadline() <= restart + 50ms);
    CHECK(successor.detect_deadline() == restart + 150ms);
}
