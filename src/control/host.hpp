// What this host has: links with their addresses, and WireGuard devices with their peers.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adjacency/link.hpp"
#include "adjacency/peer.hpp"
#include "quality/far_end.hpp"

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

using ReversePaths = std::map<std::string, quality::ReversePath, std::less<>>;  // by interface

// Which link has an address: for who asks for many. The first one, where several have it.
class Homes {
public:
    explicit Homes(const Host& host);
    std::optional<base::IfIndex> of(const base::IpAddress& local) const;

private:
    std::vector<std::pair<base::IpAddress, base::IfIndex>> homes_;  // by address
};

}  // namespace control
