#include "control/whereabouts.hpp"

namespace control {

using adjacency::AdjacencyId;

// A peer whose interface has just gone keeps its place: what rode on it is still to be told.
Whereabouts::Whereabouts(const Adjacencies& adjacencies) {
    for (const auto& [key, tracked] : adjacencies.all())
        if (tracked.adjacency.ifindex.value != 0 && tracked.adjacency.addresses)
            hosts_.emplace(adjacency::Hop{tracked.adjacency.addresses->remote, tracked.adjacency.ifindex},
                           tracked.adjacency.id);
    for (const auto& [key, tracked] : adjacencies.all())
        if (tracked.adjacency.ifindex.value != 0) add(tracked);
}

void Whereabouts::add(const Tracked& tracked) {
    const auto id = tracked.adjacency.id;
    const auto ifindex = tracked.adjacency.ifindex;
    auto& interface = interfaces_[ifindex];
    (tracked.present() ? interface.present : interface.absent).push_back(id);
    if (!tracked.peer) return;
    for (const auto& prefix : tracked.peer->allowed_ips) {
        if (prefix.is_host())
            hosts_.emplace(adjacency::Hop{prefix.address, ifindex}, id);
        else
            interface.networks.emplace_back(prefix, id);
    }
}

std::optional<AdjacencyId> Whereabouts::Interface::only() const {
    const auto& all = present.empty() ? absent : present;
    return all.size() == 1 ? std::optional{all.front()} : std::nullopt;
}

std::optional<AdjacencyId> Whereabouts::owner(const Interface& interface, const base::IpAddress& gateway) const {
    std::optional<AdjacencyId> best;
    int longest = -1;
    for (const auto& [prefix, id] : interface.networks) {
        if (prefix.length <= longest || !prefix.contains(gateway)) continue;
        best = id;
        longest = prefix.length;
    }
    return best;
}

std::optional<AdjacencyId> Whereabouts::of(const adjacency::Hop& hop) const {
    const auto interface = interfaces_.find(hop.out);
    if (interface == interfaces_.end()) return std::nullopt;
    if (const auto only = interface->second.only()) return only;
    if (!hop.gateway.is_set()) return std::nullopt;
    if (const auto host = hosts_.find(hop); host != hosts_.end()) return host->second;
    return owner(interface->second, hop.gateway);
}

}  // namespace control
