// An adjacency: one WireGuard peer on one interface. The unit of everything.
#pragma once

#include <cstddef>
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
    base::IfIndex vrf;      // the interface is in; 0: the default one
    PublicKey peer;
    base::Result<Addresses, Unresolved> addresses = tl::unexpected{Unresolved{}};
    std::vector<std::string> feeds;  // what acts on its verdict: the interface's and its own
    std::string bird_protocol;       // BIRD's name of the protocol that runs over it; "": none is named
    std::string group;               // "": none
    // For the feed routes.
    std::uint32_t priority = 100;    // of a group the lowest goes first
    std::uint32_t weight = 1;        // its share, in a group whose adjacencies all carry
    std::uint32_t source_table = 0;  // what this end of the tunnel sends looks its way up there; 0: as all others
};

// "wg0/AbCdEfGh": the shortest prefix of the key, at least 8 characters, that no other peer of the interface shares.
std::string default_name(const std::string& interface, const PublicKey& key, const std::vector<PublicKey>& others);

// A name that BIRD may give to a protocol: letters, digits, '_', '-', '.' and ':', 1 to 63 of them.
bool is_bird_name(std::string_view name);

// "wgbfd_paris_1_up": the constant of BIRD's that says `what` of the adjacency `name`. What is neither letter nor digit
// becomes "_", so that two names may have one constant.
std::string bird_constant(std::string_view name, std::string_view what);
inline constexpr std::size_t longest_bird_constant = 46;  // of such a name: BIRD's own limit, and the longest `what`

}  // namespace adjacency
