#include "bird/desired_protocols.hpp"

#include <doctest/doctest.h>

#include "peers.hpp"

using namespace bird;
using policy::Cause;
using policy::VerdictState;

namespace {

const std::string message = "wgbfd: paris is down (detect-timeout)";

Protocol shown(const char* state, const std::string& says = {}) { return {"paris", "BGP", state, says}; }

}  // namespace

TEST_CASE("a protocol is wanted down while its peer is down, with the cause; else as it is") {
    Peers peers;
    peers.add("paris", "to_paris", VerdictState::down, Cause::detect_timeout);
    peers.add("berlin", "to_berlin", VerdictState::up);
    peers.add("rome", "to_rome", VerdictState::unknown, Cause::never_up);
    peers.add("oslo", "to_oslo", VerdictState::admin_down, Cause::admin);
    peers.add("bonn", "", VerdictState::down, Cause::one_way);
    const auto desired = desired_protocols(peers.all);
    REQUIRE(desired.protocols.size() == 4);
    CHECK(desired.protocols.at("to_paris").down);
    CHECK(desired.protocols.at("to_paris").message == message);
    for (const auto* name : {"to_berlin", "to_rome", "to_oslo"}) CHECK_FALSE(desired.protocols.at(name).down);
    CHECK(desired.unnamed == std::vector<std::string>{"bonn"});
}

TEST_CASE("a protocol over several peers goes down when one is down and none lives") {
    Peers peers;
    peers.add("a", "ospf", VerdictState::down, Cause::one_way);
    peers.add("b", "ospf", VerdictState::unknown);
    CHECK(desired_protocols(peers.all).protocols.at("ospf").down);
    CHECK(desired_protocols(peers.all).protocols.at("ospf").message == "wgbfd: a is down (one-way)");
    CHECK(desired_protocols(peers.all).protocols.at("ospf").adjacencies.size() == 2);
    peers.add("c", "ospf", VerdictState::up);
    CHECK_FALSE(desired_protocols(peers.all).protocols.at("ospf").down);
}

TEST_CASE("ours to disable is what is enabled; what is down or going down is somebody else's") {
    for (const auto* state : {"up", "start"}) {
        CHECK(next_step(true, {}, false, shown(state)) == Step::disable);
        CHECK(next_step(true, {}, true, shown(state)) == Step::none);  // somebody enabled it against us
        CHECK(next_step(false, {}, false, shown(state)) == Step::none);
    }
    for (const auto* state : {"down", "stop", "flush"})
        for (const bool want_down : {false, true})
            CHECK(next_step(want_down, {}, false, shown(state, "maintenance")) == Step::none);
}

TEST_CASE("ours it stays while our message stands") {
    for (const auto* state : {"down", "stop", "flush"}) {
        CHECK(next_step(true, message, false, shown(state, message)) == Step::none);
        CHECK(next_step(false, message, false, shown(state, message)) == Step::enable);
        CHECK(next_step(false, message, false, shown(state, "maintenance")) == Step::let_go);
        CHECK(next_step(true, message, false, shown(state)) == Step::let_go);
    }
    for (const auto* state : {"up", "start"})
        for (const bool want_down : {false, true})
            CHECK(next_step(want_down, message, false, shown(state)) == Step::let_go);
}
