// Which lines of FRR's running configuration the feed `frr-vty` wants: the rules alone. Pure.
//
// OSPF: an interface whose peers are down costs 65535, which is still a way where there is no other; a degraded one as
// many times its own cost as the verdict's cost is times 10, what a good path has.
// BGP: the weight of a neighbour that is down cannot be lowered below 0, and would act only after a route refresh that
// it does not answer. So the others of its address family are raised above it, all by the same, which leaves their
// order among themselves as it was. One that is degraded answers: where bgpd has `neighbor X graceful-shutdown` it
// alone is touched, else the others are raised above it too.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "frr/wishes.hpp"

namespace frr {

inline constexpr std::uint32_t greatest_cost = 65'535;
inline constexpr std::uint32_t greatest_weight = 65'535;
inline constexpr std::uint32_t weight_of_local_routes = 32'768;  // what a learned one was below, it stays below

struct DesiredSettings {
    std::map<Place, std::uint32_t> lines;
    std::set<adjacency::AdjacencyId> reached;  // OSPF or BGP runs over them
    std::set<adjacency::AdjacencyId> lowered;  // all others of its address family come before it
    std::vector<std::string> problems;         // each with the fix
};

using Own = std::function<Value(const Place&)>;         // the line that stands, or would, were it not for us
using Reckoned = std::map<std::string, std::uint32_t>;  // the cost that OSPF has on the interfaces it runs on

// `setting`: ospf_cost or ospf6_cost.
DesiredSettings desired_costs(Setting setting, const Wishes& wishes, const RunningConfig& running, const Own& own,
                              const Reckoned& reckoned);
DesiredSettings desired_bgp(const PeerLookup& peers, const RunningConfig& running, const Own& own,
                            bool knows_graceful_shutdown);

}  // namespace frr
