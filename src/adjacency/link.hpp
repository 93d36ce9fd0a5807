// One network interface of this host with its addresses, as rtnetlink tells it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.hpp"

namespace adjacency {

enum class Operstate : std::uint8_t { unknown, not_present, down, lower_layer_down, testing, dormant, up };  // RFC 2863
constexpr std::string_view to_string(Operstate s) {
    switch (s) {
        using enum Operstate;
        case unknown: return "unknown";
        case not_present: return "notpresent";
        case down: return "down";
        case lower_layer_down: return "lowerlayerdown";
        case testing: return "testing";
        case dormant: return "dormant";
        case up: return "up";
    }
    return "?";
}

struct LinkAddress {
    base::IpAddress local;
    base::IpAddress peer;  // point-to-point peer address; unset when it equals local
    std::uint8_t prefix_length = 0;
    bool tentative = false;  // IPv6 duplicate address detection still running
    friend bool operator==(const LinkAddress&, const LinkAddress&) = default;
};
// An address that duplicate detection may still take away is not ours to send from yet (RFC 4862 §5.4).
bool usable(const LinkAddress& address);
// What the address says is on the link: with a point-to-point peer the prefix length belongs to the peer.
base::Prefix on_link(const LinkAddress& address);

struct Link {
    base::IfIndex index;
    std::string name;
    std::string kind;  // IFLA_INFO_KIND: "wireguard", "tun", "veth", …; may be empty
    bool up = false;   // IFF_UP
    bool running = false;
    Operstate operstate = Operstate::unknown;
    std::uint32_t mtu = 0;        // bytes
    base::IfIndex master;         // VRF or bridge, 0 if none
    std::uint32_t vrf_table = 0;  // of a VRF: the table its links' routes are in
    std::vector<LinkAddress> addresses;
    friend bool operator==(const Link&, const Link&) = default;
};

inline constexpr std::string_view vrf_kind = "vrf";
// The VRF a link is in; 0: none, the default one.
base::IfIndex vrf_of(const Link& link, std::span<const Link> links);

}  // namespace adjacency
