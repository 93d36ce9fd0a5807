#include "wire.hpp"

using namespace bfd_test;
using bfd::next_state;

namespace {

// A session brought into `state`, with its peer heard but in AdminDown.
Solo solo_in(State state) {
    Solo solo{{.admin_down = state == State::admin_down}};
    solo.run_for(1ms);
    if (state == State::init || state == State::up) solo.hear(State::down);
    if (state == State::up) solo.hear(State::up);
    REQUIRE(solo.session.state() == state);
    return solo;
}

}  // namespace

TEST_CASE("RFC 5880 §6.2, §6.8.6: each cell of the state table, as written in the RFC") {
    using enum State;
    struct Cell {
        State local, received, becomes;
    };
    constexpr std::array cells{
        Cell{admin_down, admin_down, admin_down},
        Cell{admin_down, down, admin_down},
        Cell{admin_down, init, admin_down},
        Cell{admin_down, up, admin_down},
        Cell{down, admin_down, down},
        Cell{down, down, init},
        Cell{down, init, up},
        Cell{down, up, down},
        Cell{init, admin_down, down},
        Cell{init, down, init},
        Cell{init, init, up},
        Cell{init, up, up},
        Cell{up, admin_down, down},
        Cell{up, down, down},
        Cell{up, init, up},
        Cell{up, up, up},
    };
    for (const auto& cell : cells) {
        CAPTURE(cell.local);
        CAPTURE(cell.received);
        CHECK(next_state(cell.local, cell.received) == cell.becomes);
        auto solo = solo_in(cell.local);
        const auto& out = solo.hear(cell.received);
        CHECK(solo.session.state() == cell.becomes);
        CHECK(out.transition.has_value() == (cell.local != cell.becomes));
        if (out.transition) {
            CHECK(out.transition->from == cell.local);
            CHECK(out.transition->to == cell.becomes);
            CHECK(out.transition->at == solo.now);
            CHECK(out.status_changed);
        }
    }
}

TEST_CASE("RFC 5880 §6.8.6: Up or Init that hears Down or AdminDown goes Down with diagnostic 3") {
    for (const auto& [local, received] : {std::pair{State::up, State::down}, std::pair{State::up, State::admin_down},
                                          std::pair{State::init, State::admin_down}}) {
        CAPTURE(local);
        CAPTURE(received);
        auto solo = solo_in(local);
        solo.hear(received);
        CHECK(solo.session.state() == State::down);
        CHECK(solo.session.status().diagnostic == Diagnostic::neighbor_signaled_session_down);
        REQUIRE(solo.last.send);
        CHECK(solo.last.send->diagnostic == Diagnostic::neighbor_signaled_session_down);
    }
}

TEST_CASE("RFC 5880 §6.8.6: AdminDown heard while already Down overwrites no diagnostic") {
    SUBCASE("the fresh session keeps none") {
        auto solo = solo_in(State::down);
        solo.hear(State::admin_down);
        CHECK(solo.session.status().diagnostic == Diagnostic::none);
        CHECK_FALSE(solo.last.transition);
    }
    SUBCASE("the expired session keeps 1") {
        auto solo = solo_in(State::up);
        solo.run_for(5s);
        REQUIRE(solo.session.status().diagnostic == Diagnostic::control_detection_time_expired);
        solo.hear(State::admin_down);
        CHECK(solo.session.state() == State::down);
        CHECK(solo.session.status().diagnostic == Diagnostic::control_detection_time_expired);
        CHECK(solo.session.status().remote_state == State::admin_down);
    }
}

TEST_CASE("RFC 5880 §6.8.1: the diagnostic says why the session went down, through Init, and Up clears it") {
    auto solo = solo_in(State::up);
    CHECK(solo.session.status().diagnostic == Diagnostic::none);
    solo.hear(State::down);
    CHECK(solo.session.status().diagnostic == Diagnostic::neighbor_signaled_session_down);
    solo.hear(State::down);
    REQUIRE(solo.session.state() == State::init);
    CHECK(solo.session.status().diagnostic == Diagnostic::neighbor_signaled_session_down);
    solo.hear(State::init);
    REQUIRE(solo.session.state() == State::up);
    CHECK(solo.session.status().diagnostic == Diagnostic::none);
}

TEST_CASE("RFC 5880 §6.8.1: state variables begin as the RFC says") {
    const Solo solo;
    const auto& status = solo.session.status();
    CHECK(status.state == State::down);
    CHECK(status.remote_state == State::down);
    CHECK(status.remote_discriminator.value == 0);
    CHECK(status.local_discriminator.value == 0x11);
    CHECK(status.diagnostic == Diagnostic::none);
    CHECK(status.remote_required_min_rx == Microseconds{1});
    CHECK_FALSE(status.remote_demand);
    CHECK(status.detection_time == 0ms);
    CHECK(solo.session.snapshot().advertised_desired_min_tx == Microseconds{1'000'000});
    CHECK(solo.session.detect_deadline() == base::never);
}

TEST_CASE("RFC 5880 §6.2: two active systems are Up three packets after the first") {
    Wire wire{Parameters{}};
    wire.ab.delay = wire.ba.delay = 10ms;
    wire.run_for(100ms);
    CHECK(wire.both_up());
    CHECK(wire.of_a.size() == 2);
    CHECK(wire.of_b.size() == 2);
    CHECK(wire.a.status().ever_up);
}

TEST_CASE("RFC 5880 §6.1: an active system speaks without having heard anybody; a passive one is silent") {
    Solo active{{.passive = false}};
    active.run_for(10s);
    CHECK(active.log.size() >= 10);
    Solo passive{{.passive = true}};
    passive.run_for(10min);
    CHECK(passive.log.empty());
    CHECK(passive.session.deadline() == base::never);
    passive.hear(State::down);
    REQUIRE(passive.last.send);
    CHECK(passive.last.send->state == State::init);
    CHECK(passive.last.send->your_discriminator.value == 0x22);
}

TEST_CASE("RFC 5880 §6.1: one active system is enough, two passive ones stay silent") {
    Wire one{{.passive = true}, {.passive = false}};
    one.run_for(3s);
    CHECK(one.both_up());
    Wire none{Parameters{.passive = true}};
    none.run_for(10min);
    CHECK(none.log.empty());
}

TEST_CASE("RFC 5880 §6.8.7: a passive system whose peer fell silent is silent again") {
    Solo solo{{.passive = true}};
    solo.run_for(1ms);
    solo.hear(State::down);
    solo.hear(State::up);
    REQUIRE(solo.session.state() == State::up);
    solo.run_for(10s);
    REQUIRE(solo.session.state() == State::down);
    CHECK(solo.session.status().remote_discriminator.value == 0);
    const auto before = solo.log.size();
    solo.run_for(10min);
    CHECK(solo.log.size() == before);
}

TEST_CASE("RFC 5880 §6.3: a new My Discriminator of the peer is reflected at once, without a Down") {
    Solo solo;
    solo.bring_up();
    auto moved = solo.packet(State::up);
    moved.my_discriminator = Discriminator{0xffffffff};
    const auto& out = solo.hear(moved);
    CHECK_FALSE(out.transition);
    CHECK(out.status_changed);
    REQUIRE(out.send);
    CHECK(out.send->your_discriminator == Discriminator{0xffffffff});
    CHECK(solo.session.state() == State::up);
}

TEST_CASE("RFC 5882 §3.2: the peer's AdminDown stays known after it fell silent, so it is told from a failure") {
    Solo solo;
    solo.bring_up();
    auto bye = solo.packet(State::admin_down);
    bye.diagnostic = Diagnostic::administratively_down;
    solo.hear(bye);
    CHECK(solo.session.state() == State::down);
    solo.run_for(30s);
    CHECK(solo.session.status().diagnostic == Diagnostic::neighbor_signaled_session_down);
    CHECK(solo.session.status().remote_state == State::admin_down);
    CHECK(solo.session.status().remote_diagnostic == Diagnostic::administratively_down);
    CHECK(solo.session.status().remote_discriminator.value == 0);
}

TEST_CASE("RFC 5880 §6.8.6: what a packet says is what status shows, each field at all-ones") {
    Solo solo;
    auto p = solo.packet(State::up);
    p.diagnostic = static_cast<Diagnostic>(31);
    p.detect_mult = 255;
    p.my_discriminator = Discriminator{UINT32_MAX};
    p.desired_min_tx = p.required_min_rx = p.required_min_echo_rx = Microseconds{UINT32_MAX};
    p.control_plane_independent = p.demand = true;
    solo.hear(p);
    const auto& status = solo.session.status();
    CHECK(status.remote_diagnostic == static_cast<Diagnostic>(31));
    CHECK(status.remote_discriminator.value == UINT32_MAX);
    CHECK(status.tx_interval == Microseconds{UINT32_MAX});
    CHECK(status.rx_interval == Microseconds{UINT32_MAX});
    CHECK(status.detection_time == Duration{Microseconds{UINT32_MAX}} * 255);
    CHECK(status.remote_required_min_echo_rx == Microseconds{UINT32_MAX});
    CHECK(status.remote_control_plane_independent);
    CHECK(status.remote_demand);
    CHECK(status.ever_heard);
    CHECK(solo.session.deadline() > solo.now);
}
