// On which adjacency does a next hop lie? An index over all adjacencies, made anew when one of them changes.
#pragma once

#include <map>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "adjacency/route_change.hpp"
#include "control/adjacencies.hpp"

namespace control {

class Whereabouts {
public:
    Whereabouts() = default;
    explicit Whereabouts(const Adjacencies& adjacencies);

    // The only peer of the interface; of several the one whose tunnel address the gateway is, else the one whose
    // allowed-ips hold it, else none.
    std::optional<adjacency::AdjacencyId> of(const adjacency::Hop& hop) const;
    bool empty() const { return interfaces_.empty(); }

private:
    struct Interface {
        std::vector<std::pair<base::Prefix, adjacency::AdjacencyId>> networks;  // allowed-ips that are no single host
        std::vector<adjacency::AdjacencyId> present, absent;                    // absent: gone, but not forgotten
        std::optional<adjacency::AdjacencyId> only() const;
    };
    void add(const Tracked& tracked);
    std::optional<adjacency::AdjacencyId> owner(const Interface& interface, const base::IpAddress& gateway) const;

    std::unordered_map<base::IfIndex, Interface> interfaces_;
    std::map<adjacency::Hop, adjacency::AdjacencyId> hosts_;  // tunnel addresses, and allowed-ips of one host
};

}  // namespace control
