// What this host has: links with their addresses, and WireGuard devices with their peers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "adjacency/link.hpp"
#include "adjacency/peer.hpp"

namespace control {

struct Host {
    std::vector<adjacency::Link> links;
    std::vector<adjacency::Device> devices;  // WireGuard
    friend bool operator==(const Host&, const Host&) = default;

    const adjacency::Link* link(std::string_view name) const;
    const adjacency::Link* link(base::IfIndex index) const;
    // The device of a present link; null when it was not read since that link came.
    const adjacency::Device* device(const adjacency::Link& link) const;
};

}  // namespace control
