#include "kernel/desired_nexthops.hpp"

#include <doctest/doctest.h>

#include "kernel/nexthop_host.hpp"
#include "policy/cost.hpp"

using namespace kernel_test;
using kernel::HostRoute;
using policy::VerdictState;
using Routes = std::set<HostRoute>;

TEST_CASE("up, degraded and admin-down are a route with metric = cost, down is unreachable, never up is nothing") {
    for (const auto state : {VerdictState::up, VerdictState::degraded, VerdictState::admin_down}) {
        Peers peers;
        peers.add("10.8.0.1", state, 30);
        CHECK(kernel::desired_nexthops(peers.all).routes == Routes{{ip("10.8.0.1"), false, 30, {7}}});
    }
    Peers peers;
    peers.add("10.8.0.1", VerdictState::down);
    peers.add("10.8.0.3", VerdictState::unknown);
    peers.add("", VerdictState::down);  // no address
    peers.add("fd00::1", VerdictState::down);
    const auto desired = kernel::desired_nexthops(peers.all);
    CHECK(desired.routes == Routes{{ip("10.8.0.1"), true, 1, {}}, {ip("fd00::1"), true, 1, {}}});
    CHECK(desired.told.at({1}) == "unreachable");
    CHECK(desired.told.at({2}) == "nothing");
    CHECK(desired.told.size() == 3);
}

TEST_CASE("a drained peer keeps its route, at the greatest cost, while its session is shut") {
    for (const bool live : {true, false}) {
        Peers peers;
        peers.add("10.8.0.1", VerdictState::admin_down, policy::cost_when_drained);
        peers.all[0].live = live;
        const auto routes = kernel::desired_nexthops(peers.all).routes;
        CHECK(routes == Routes{{ip("10.8.0.1"), false, 60'000, {7}}});  // powered off it must not become the best
    }
}

TEST_CASE("a peer that must prove itself counts as down before it was ever up") {
    Peers peers;
    peers.add("10.8.0.1", VerdictState::unknown);
    peers.all[0].counts_as_down = true;
    CHECK(kernel::desired_nexthops(peers.all).routes == Routes{{ip("10.8.0.1"), true, 1, {}}});
}

TEST_CASE("of peers in several VRFs with one address the one outside them has the route, and the others are named") {
    Peers peers;
    peers.add("10.8.0.1", VerdictState::up, 30);
    peers.add("10.8.0.1", VerdictState::down);
    peers.adjacencies.front().vrf = {9};
    const auto desired = kernel::desired_nexthops(peers.all);
    CHECK(desired.routes == Routes{{ip("10.8.0.1"), true, 1, {}}});  // not the other's, which is up
    CHECK(desired.elsewhere.size() == 1);
    peers.adjacencies.back().vrf = {9};
    CHECK(kernel::desired_nexthops(peers.all).elsewhere.empty());
}

TEST_CASE("Down's metric is below every cost") {
    for (const std::uint32_t cost : {0U, 1U, 2U, 0xffffffffU}) {
        Peers peers;
        peers.add("10.8.0.1", VerdictState::up, cost);
        const auto metric = kernel::desired_nexthops(peers.all).routes.begin()->metric;
        CHECK(metric == std::max(cost, 2U));
        CHECK(metric > kernel::down_metric);
    }
}

TEST_CASE("an IPv6 link-local next hop is named, and has no route; 169.254.0.0/16 is an address like others") {
    Peers peers;
    peers.add("fe80::1", VerdictState::down);
    peers.add("169.254.7.1", VerdictState::down);
    const auto desired = kernel::desired_nexthops(peers.all);
    CHECK(desired.link_local == std::vector<std::string>{"peer-1"});
    CHECK(desired.routes == Routes{{ip("169.254.7.1"), true, 1, {}}});
}

TEST_CASE("one address behind several peers: the cheapest that is up; down only when none lives") {
    Peers peers;
    peers.add("10.8.0.1", VerdictState::up, 20);
    peers.add("10.8.0.1", VerdictState::up, 10);
    peers.adjacencies[1].ifindex = {8};
    peers.add("10.8.0.1", VerdictState::down);
    CHECK(kernel::desired_nexthops(peers.all).routes == Routes{{ip("10.8.0.1"), false, 10, {8}}});
    Peers none;
    none.add("10.8.0.1", VerdictState::down);
    none.add("10.8.0.1", VerdictState::unknown);
    CHECK(kernel::desired_nexthops(none.all).routes.size() == 1);
    none.all[1].live = true;
    none.all[1].verdict.cause = policy::Cause::never_up;
    CHECK(kernel::desired_nexthops(none.all).routes.empty());
    none.all[1].verdict.cause.reset();  // it was up, and its session has just begun anew
    CHECK(kernel::desired_nexthops(none.all).routes == Routes{{ip("10.8.0.1"), false, 10, {7}}});
}

TEST_CASE("what is new comes before what it replaces, and Down before all") {
    const HostRoute a10{ip("10.8.0.1"), false, 10, {7}}, a20{ip("10.8.0.1"), false, 20, {7}};
    const HostRoute b10{ip("10.8.0.3"), false, 10, {8}}, b_down{ip("10.8.0.3"), true, 1, {}};
    CHECK(kernel::changes({a10, b10}, {a20, b_down}) ==
          std::vector<kernel::RouteChange>{{true, b_down}, {true, a20}, {false, a10}, {false, b10}});
    CHECK(kernel::changes({a10}, {a10}).empty());
    CHECK(kernel::changes({}, {}).empty());
    // The same path on an interface that was made anew is another route.
    const HostRoute a10_anew{ip("10.8.0.1"), false, 10, {9}};
    CHECK(kernel::changes({a10}, {a10_anew}).size() == 2);
}
