#include "wire.hpp"

using namespace bfd_test;

namespace {
constexpr Parameters shut{.admin_down = true};
}

TEST_CASE(
    "RFC 5880 §6.8.16: AdminDown is told at once with diagnostic 7, then at the slow rate for as long as it lasts") {
    Solo solo;
    solo.bring_up();
    const auto& out = solo.change(shut);
    REQUIRE(out.transition);
    CHECK(*out.transition == bfd::Transition{State::up, State::admin_down, solo.now});
    REQUIRE(out.send);
    CHECK(out.send->state == State::admin_down);
    CHECK(out.send->diagnostic == Diagnostic::administratively_down);
    CHECK(out.send->desired_min_tx == Microseconds{1'000'000});
    CHECK(out.send->your_discriminator.value == 0x22);
    const auto shut_at = solo.now;
    solo.run_for(100s);
    const auto sent = solo.since(shut_at);
    CHECK(sent.size() >= 100);
    CHECK(sent.size() <= 135);
    for (const auto& s : sent) CHECK(s.packet.state == State::admin_down);
}

TEST_CASE("RFC 5880 §6.8.6: in AdminDown a packet is discarded: no state, no F, no detection; what it says is known") {
    Solo solo;
    solo.bring_up();
    solo.change(shut);
    for (const auto state : {State::down, State::init, State::up, State::admin_down}) {
        auto p = solo.packet(state);
        p.poll = true;
        const auto& out = solo.hear(p);
        CHECK_FALSE(out.send);
        CHECK_FALSE(out.transition);
        CHECK(solo.session.state() == State::admin_down);
        CHECK(solo.session.status().remote_state == state);
    }
    CHECK(solo.session.detect_deadline() == base::never);
    CHECK(solo.session.status().diagnostic == Diagnostic::administratively_down);
}

TEST_CASE("RFC 5880 §6.8.6: a Poll Sequence ends with F in AdminDown, too") {
    Solo solo;
    solo.bring_up();
    solo.change(shut);
    REQUIRE(solo.last.send);
    CHECK(solo.last.send->poll);  // Desired Min TX changed: §6.8.3
    auto f = solo.packet(State::down);
    f.final = true;
    solo.hear(f);
    CHECK_FALSE(solo.session.snapshot().polling);
}

TEST_CASE("RFC 5880 §6.8.16: enabling goes to Down, keeps the diagnostic, and the handshake follows") {
    Wire wire{Parameters{}};
    wire.run_for(3s);
    wire.change_a(shut);
    wire.run_for(3s);
    CHECK(wire.b.state() == State::down);
    CHECK(wire.b.status().diagnostic == Diagnostic::neighbor_signaled_session_down);
    CHECK(wire.b.status().remote_state == State::admin_down);
    CHECK(wire.b.status().remote_diagnostic == Diagnostic::administratively_down);
    wire.change_a({});
    CHECK(wire.of_a.back() == bfd::Transition{State::admin_down, State::down, wire.now});
    CHECK(wire.a.status().diagnostic == Diagnostic::administratively_down);
    wire.run_for(2s);
    CHECK(wire.both_up());
}

TEST_CASE("RFC 5880 §6.2: AdminDown at one end holds the other in Down for as long as it lasts") {
    Wire wire{shut, {}};
    wire.run_for(10min);
    CHECK(wire.a.state() == State::admin_down);
    CHECK(wire.b.state() == State::down);
    CHECK(wire.of_b.empty());
    CHECK(wire.b.status().diagnostic == Diagnostic::none);
}

TEST_CASE("RFC 5880 §6.8.16: a session born AdminDown says so and cannot expire") {
    Solo solo{shut};
    solo.run_for(3s);
    CHECK(solo.log.size() >= 3);
    CHECK(solo.log.front().packet.state == State::admin_down);
    CHECK(solo.log.front().packet.diagnostic == Diagnostic::administratively_down);
}

TEST_CASE("a second AdminDown changes nothing") {
    Solo solo;
    solo.bring_up();
    solo.change(shut);
    const auto& again = solo.change(shut);
    CHECK_FALSE(again.transition);
    CHECK_FALSE(again.send);
    CHECK_FALSE(again.status_changed);
}

TEST_CASE("RFC 5880 §6.8.7: a passive session that never heard its peer is silent in AdminDown") {
    Solo solo{{.passive = true, .admin_down = true}};
    solo.run_for(60s);
    CHECK(solo.log.empty());
}

TEST_CASE("the C bit on the wire is the one asked for, a change of it is told at once") {
    Solo solo{{.control_plane_independent = false}};
    solo.bring_up();
    CHECK_FALSE(solo.log.back().packet.control_plane_independent);
    solo.change({.control_plane_independent = true});
    REQUIRE(solo.last.send);
    CHECK(solo.last.send->control_plane_independent);
    CHECK_FALSE(solo.last.send->poll);
}
