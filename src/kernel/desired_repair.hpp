// What the feed `repair` wants at the egress of each interface: the rules alone. Pure.
//
// While an adjacency is down, what its peer would have been sent (its allowed-ips) leaves by the best usable adjacency
// of its group instead. What is sent to the tunnel itself stays: its own subnet, the peer's tunnel address, multicast,
// link-local, single-hop BFD; so does what a backup's WireGuard sends to its endpoint, and what it depends on to its
// own. So our probes, the routing protocols' own packets and whoever else asks about this tunnel see it as it is: a
// dead tunnel that BGP saw alive by another way would keep its routes for ever.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "adjacency/link.hpp"
#include "adjacency/peer.hpp"
#include "kernel/egress_filter.hpp"
#include "policy/feed.hpp"

namespace kernel {

inline constexpr const char* repair_feed = "repair";

// One interface of this host, as far as repair is concerned. The lists are the caller's.
struct RepairLink {
    base::IfIndex index;
    bool up = false;
    bool strict = false;  // rp_filter drops what arrives here while the way back leads elsewhere
    std::span<const adjacency::LinkAddress> addresses;
    std::span<const adjacency::Peer> peers;
};
using RepairLinks = std::map<std::string, RepairLink, std::less<>>;

struct RepairedInterface {
    base::IfIndex index;
    std::vector<EgressFilter> filters;  // by number
    bool redirects = false;             // some of them do
    std::vector<std::string> problems;  // adjacencies that are not repaired, and why
};

struct DesiredRepair {
    std::map<std::string, RepairedInterface> interfaces;  // with an adjacency that names the feed
    // "ready", "redirected to wg1", "moved": routing has; "no live backup", "refused"
    std::map<adjacency::AdjacencyId, std::string> told;
};

// The interface that packets to an address leave by; 0: none that is known.
using Way = std::function<base::IfIndex(const base::IpAddress&)>;

// `needed`: of those that are down, the ones whose traffic still comes to their interface. `way` is asked for
// endpoints, of what a redirect depends on.
DesiredRepair desired_repair(std::span<const policy::Wanted> all, const RepairLinks& links,
                             const std::set<adjacency::AdjacencyId>& needed, const Way& way = {});

// The numbers of those that must go, and those to add: what carries another number or says something else.
struct FilterChanges {
    std::vector<std::uint16_t> remove;
    std::vector<EgressFilter> add;
    bool empty() const { return remove.empty() && add.empty(); }
};
FilterChanges changes(std::span<const EgressFilter> have, std::span<const EgressFilter> want);

}  // namespace kernel
