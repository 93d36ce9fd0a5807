#include "frr/told.hpp"

#include <doctest/doctest.h>

#include "frr/dataplane_sessions.hpp"

using namespace frr;
using bfd::State;

namespace {

bfd::Status status(State state, State remote = State::down) {
    bfd::Status out;
    out.state = state;
    out.remote_state = remote;
    out.remote_discriminator = bfd::Discriminator{9};
    out.remote_detect_mult = 3;
    out.remote_desired_min_tx = bfd::Microseconds{50'000};
    out.remote_required_min_rx = bfd::Microseconds{60'000};
    return out;
}
AddSession asked(std::uint32_t lid, bool shutdown = false) {
    AddSession out;
    out.lid = lid;
    out.shutdown = shutdown;
    return out;
}

}  // namespace

TEST_CASE("Init is told as Down, Up and Down as they are") {
    CHECK(what_to_tell(1, status(State::init), false).state == State::down);
    CHECK(what_to_tell(1, status(State::down), false).state == State::down);
    CHECK(what_to_tell(1, status(State::up, State::up), false).state == State::up);
}

TEST_CASE("RFC 5882 §3.2: the peer's AdminDown and our own are told as AdminDown, never as Down") {
    CHECK(what_to_tell(1, status(State::down, State::admin_down), false).state == State::admin_down);
    CHECK(what_to_tell(1, status(State::admin_down, State::up), false).state == State::admin_down);
    CHECK(what_to_tell(1, status(State::down, State::up), false).state == State::down);
}

TEST_CASE("a session that is shut down is never told Up") {
    for (const auto state : {State::admin_down, State::down, State::init, State::up})
        CHECK(what_to_tell(1, status(state), true).state == State::admin_down);
}

TEST_CASE("the rest of a message is the peer's") {
    auto s = status(State::up, State::up);
    s.remote_diagnostic = bfd::Diagnostic::path_down;
    s.remote_control_plane_independent = true;
    s.remote_required_min_echo_rx = bfd::Microseconds{7};
    const auto message = what_to_tell(5, s, false);
    CHECK(message.lid == 5);
    CHECK(message.remote_discriminator.value == 9);
    CHECK(message.control_plane_independent);
    CHECK(message.desired_min_tx.count() == 50'000);
    CHECK(message.required_min_rx.count() == 60'000);
    CHECK(message.required_min_echo_rx.count() == 7);
    CHECK(message.diagnostic == bfd::Diagnostic::path_down);
    CHECK(message.detect_mult == 3);
}

TEST_CASE("the same state is news only when the peer's values changed, the diagnostic alone is none") {
    const auto told = what_to_tell(1, status(State::up, State::up), false);
    auto next = told;
    CHECK_FALSE(is_news(told, next, true));
    next.diagnostic = bfd::Diagnostic::path_down;
    CHECK_FALSE(is_news(told, next, true));
    next.required_min_rx = bfd::Microseconds{1};
    CHECK(is_news(told, next, true));
    next = told;
    next.remote_discriminator.value = 10;
    CHECK(is_news(told, next, true));
    next = told;
    next.detect_mult = 4;
    CHECK(is_news(told, next, true));
    next = told;
    next.state = State::down;
    CHECK(is_news(told, next, true));
}

TEST_CASE("a first Down is no news to bfdd, unless it may still believe an earlier Up") {
    const auto down = what_to_tell(1, status(State::down), false);
    CHECK_FALSE(is_news(std::nullopt, down, false));
    CHECK(is_news(std::nullopt, down, true));
    CHECK(is_news(std::nullopt, what_to_tell(1, status(State::up), false), false));
    CHECK(is_news(std::nullopt, what_to_tell(1, status(State::admin_down), false), false));
}

TEST_CASE("a lid is told on the connection that added it last, and again there") {
    DataplaneSessions sessions;
    CHECK_FALSE(sessions.tell(1, status(State::up)));  // nobody asked for it
    CHECK_FALSE(sessions.add(10, asked(1)));
    CHECK(sessions.tell(1, status(State::up)));
    CHECK_FALSE(sessions.compose(11, 1).has_value());
    REQUIRE(sessions.compose(10, 1).has_value());
    sessions.sent(*sessions.compose(10, 1));
    CHECK_FALSE(sessions.compose(10, 1).has_value());
    CHECK_FALSE(sessions.add(10, asked(1)));  // an update
    CHECK(sessions.add(11, asked(1)));        // moved
    CHECK(sessions.connection_of(1) == 11);
    CHECK(sessions.attached_to(10) == 0);
    CHECK(sessions.attached_to(11) == 1);
    CHECK_FALSE(sessions.compose(10, 1).has_value());
    CHECK(sessions.compose(11, 1)->state == State::up);
    CHECK_FALSE(sessions.remove(10, 1));
    CHECK(sessions.remove(11, 1));
    CHECK(sessions.attached_count() == 0);
}

TEST_CASE("what a lost connection had is kept and told to the next; after some patience it is forgotten") {
    DataplaneSessions sessions;
    sessions.add(10, asked(1));
    sessions.tell(1, status(State::up));
    sessions.sent(*sessions.compose(10, 1));
    sessions.detach(10);
    CHECK_FALSE(sessions.tell(1, status(State::down)));  // kept, nobody to tell
    CHECK(sessions.add(11, asked(1)));
    CHECK(sessions.compose(11, 1)->state == State::down);  // an earlier connection heard Up
    sessions.detach(11);
    CHECK(sessions.age(2).empty());
    CHECK(sessions.age(2).empty());
    CHECK(sessions.age(2) == std::vector<std::uint32_t>{1});
    CHECK(sessions.age(2).empty());
}

TEST_CASE("shutdown is told as AdminDown though the session is Up, and `no shutdown` tells nothing old") {
    DataplaneSessions sessions;
    sessions.add(10, asked(1));
    sessions.tell(1, status(State::up));
    sessions.sent(*sessions.compose(10, 1));
    CHECK(sessions.add(10, asked(1, true)));
    CHECK(sessions.compose(10, 1)->state == State::admin_down);
    sessions.sent(*sessions.compose(10, 1));
    CHECK_FALSE(sessions.tell(1, status(State::up, State::up)));  // late: nothing Up any more
    CHECK_FALSE(sessions.compose(10, 1).has_value());
    sessions.tell(1, status(State::admin_down));
    CHECK_FALSE(sessions.add(10, asked(1, false)));
    CHECK(sessions.tell(1, status(State::up, State::up)));
    CHECK(sessions.compose(10, 1)->state == State::up);
}

TEST_CASE("a session shut down before anything was told hears AdminDown") {
    DataplaneSessions sessions;
    CHECK(sessions.add(10, asked(1, true)));
    CHECK(sessions.compose(10, 1)->state == State::admin_down);
}

TEST_CASE("after stop everything is AdminDown") {
    DataplaneSessions sessions;
    sessions.add(10, asked(1));
    sessions.add(10, asked(2));
    sessions.tell(1, status(State::up));
    sessions.sent(*sessions.compose(10, 1));
    sessions.stop();
    CHECK(sessions.compose(10, 1)->state == State::admin_down);
    CHECK(sessions.compose(10, 2)->state == State::admin_down);
}
