// A BGP or OSPF neighbour that the routing daemon of this host has: where WireGuard alone does not tell a peer's tunnel
// address (allowed-ips 0.0.0.0/0 and link-local BGP), the daemon's own neighbours do.
#pragma once

#include <compare>
#include <span>
#include <string>
#include <string_view>

#include "adjacency/link.hpp"
#include "base/ip_address.hpp"

namespace adjacency {

struct Neighbor {
    std::string interface;   // "" when the daemon does not say
    base::IpAddress local;   // what the daemon speaks to it from; none while it does not
    base::IpAddress remote;  // its address on the link
    bool direct = false;     // one hop away even where no prefix of the interface holds it
    bool heard = false;      // it speaks to us; false: configuration alone says that it is there
    friend auto operator<=>(const Neighbor&, const Neighbor&) = default;
};

// The name of the interface the neighbour stands on: what the daemon says, else the one link whose longest prefix holds
// it, else the one link it is spoken to from. "" when nothing tells, or when more than one link would do: of a
// link-local address only the daemon knows the link.
std::string_view interface_of(const Neighbor& neighbor, std::span<const Link> links);

}  // namespace adjacency
