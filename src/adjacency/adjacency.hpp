// An adjacency: one WireGuard peer on one interface. The unit of everything.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adjacency/peer.hpp"
#include "adjacency/resolve.hpp"
#include "base/ip_address.hpp"
#include "base/strong.hpp"

namespace adjacency {

using AdjacencyId = base::Strong<struct AdjacencyIdTag, std::uint32_t>;  // stable while the process lives

struct Adjacency {
    AdjacencyId id;
    std::string name;  // configured, else INTERFACE/first characters of the key
    std::string interface;
    base::IfIndex ifindex;  // 0 while the interface is gone
    PublicKey peer;
    base::Result<Addresses, Unresolved> addresses = tl::unexpected{Unresolved{}};
    std::vector<std::string> feeds;  // what acts on its verdict: the interface's and its own
};

// "wg0/AbCdEfGh": the shortest prefix of the key, at least 8 characters, that no other peer of the interface shares.
std::string default_name(const std::string& interface, const PublicKey& key, const std::vector<PublicKey>& others);

}  // namespace adjacency
