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
    // Drained: without a route here BIRD would resolve it by the connected one, better than all others.
    if (wanted.verdict.cost == policy::cost_when_drained) return wanted.live;
    return wanted.verdict.state == policy::VerdictState::up || wanted.verdict.state == policy::VerdictState::degraded;
}

}  // namespace

DesiredNexthops desired_nexthops(std::span<const policy::Wanted> all) {
    DesiredNexthops out;
    std::map<base::IpAddress, Destination> destinations;
    for (const auto& wanted : all) {
        const auto& addresses = wanted.adjacency.addresses;
        if (!addresses) continue;
        const auto& remote = addresses->remote;
        if (remote.is_v6() && remote.is_link_local()) {
            out.link_local.push_back(wanted.adjacency.name);
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
