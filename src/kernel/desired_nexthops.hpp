// What the feed `bird-nexthop` wants in its table: the rule alone, and the way there. Pure.
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "kernel/host_route.hpp"
#include "policy/feed.hpp"

namespace kernel {

// Of an unreachable route. Costs stay above it: for the moment in which both routes of a path stand, Down wins.
inline constexpr std::uint32_t down_metric = 1;

struct DesiredNexthops {
    std::set<HostRoute> routes;
    std::map<adjacency::AdjacencyId, std::string> told;  // "cost 10", "unreachable", "nothing"
    std::vector<std::string> link_local;                 // adjacencies whose next hop BIRD cannot look up
    std::vector<std::string> elsewhere;                  // … whose address is another's too, in another VRF
    friend bool operator==(const DesiredNexthops&, const DesiredNexthops&) = default;
};

// A route with metric = cost to a peer that is up or degraded, an unreachable one to a peer that is down, none to one
// of which nothing is known or that is down on purpose: what is not in the table changes nothing in BIRD. Where several
// peers share an address, the best of those that are up is the way, and down needs that none of them lives.
DesiredNexthops desired_nexthops(std::span<const policy::Wanted> all);

// New routes first, Down's before all; what they replace after.
struct RouteChange {
    bool add = false;
    HostRoute route;
    friend bool operator==(const RouteChange&, const RouteChange&) = default;
};
std::vector<RouteChange> changes(const std::set<HostRoute>& have, const std::set<HostRoute>& want);

}  // namespace kernel
