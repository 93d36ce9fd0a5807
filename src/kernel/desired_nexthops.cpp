#include "kernel/desired_nexthops.hpp"

#include <algorithm>
#include <optional>

#include "policy/cost.hpp"

namespace kernel {
namespace {

struct Destination {
    std::optional<HostRoute> best;  // of the peers that are up
    bool down = false, live = false;
};

bool carries(const policy::Wanted& wanted) {
    using enum policy::VerdictState;
    // Without a route here BIRD resolves it by the connected one, better than all others: what rests (AdminDown, or a
    // new session of what was up) and what is drained keeps its cost.
    switch (wanted.verdict.state) {
        case up:
        case degraded:
        case admin_down: return true;
        case unknown: return wanted.live && !wanted.verdict.cause;
        case down: return false;
    }
    return false;
}

// One table knows an address once: of several VRFs that have it, the default one's counts, else the lowest.
std::map<base::IpAddress, base::IfIndex> homes_of(std::span<const policy::Wanted> all) {
    std::map<base::IpAddress, base::IfIndex> out;
    for (const auto& wanted : all) {
        if (!wanted.adjacency.addresses) continue;
        const auto vrf = wanted.adjacency.vrf;
        const auto [home, fresh] = out.try_emplace(wanted.adjacency.addresses->remote, vrf);
        home->second = std::min(home->second, vrf);
    }
    return out;
}

}  // namespace

DesiredNexthops desired_nexthops(std::span<const policy::Wanted> all) {
    DesiredNexthops out;
    std::map<base::IpAddress, Destination> destinations;
    const auto homes = homes_of(all);
    for (const auto& wanted : all) {
        const auto& addresses = wanted.adjacency.addresses;
        if (!addresses) continue;
        const auto& remote = addresses->remote;
        if (remote.is_v6() && remote.is_link_local()) {
            out.link_local.push_back(wanted.adjacency.name);
            continue;
        }
        if (homes.at(remote) != wanted.adjacency.vrf) {
            out.elsewhere.push_back(wanted.adjacency.name);
            continue;
        }
        auto& destination = destinations[remote];
        auto& told = out.told[wanted.id];
        told = "nothing";
        destination.live |= wanted.live;
        if (wanted.counts_as_down) {
            destination.down = true;
            told = "unreachable";
        } else if (carries(wanted)) {
            const auto metric = std::max(wanted.verdict.cost, down_metric + 1);
            const HostRoute route{remote, false, metric, wanted.adjacency.ifindex};
            if (!destination.best || route.metric < destination.best->metric) destination.best = route;
            told = "cost " + std::to_string(metric);
        }
    }
    for (const auto& [remote, destination] : destinations) {
        if (destination.best)
            out.routes.insert(*destination.best);
        else if (destination.down && !destination.live)
            out.routes.insert({remote, true, down_metric, {}});
    }
    return out;
}

std::vector<RouteChange> changes(const std::set<HostRoute>& have, const std::set<HostRoute>& want) {
    std::vector<RouteChange> out;
    for (const auto& route : want)
        if (!have.contains(route)) out.push_back({true, route});
    std::ranges::stable_partition(out, [](const RouteChange& change) { return change.route.unreachable; });
    for (const auto& route : have)
        if (!want.contains(route)) out.push_back({false, route});
    return out;
}

}  // namespace kernel
