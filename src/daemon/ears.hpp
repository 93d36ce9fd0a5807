// Where packets have to be heard: by address (bind = "addresses"), and in each VRF that has sessions, as what comes
// in by a VRF's interfaces reaches no socket outside it (net.ipv4.udp_l3mdev_accept is 0 by default). Pure.
#pragma once

#include <compare>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "adjacency/link.hpp"
#include "base/ip_address.hpp"
#include "bfd/request.hpp"
#include "config/config.hpp"

namespace wgbfd {

struct Ear {
    base::IpAddress address;  // the family's wildcard: all zero
    base::IfIndex ifindex;    // of a link-local one
    base::IfIndex vrf;        // 0: the default one
    bool multihop = false;
    friend auto operator<=>(const Ear&, const Ear&) = default;
};
// For the worker after this one, who knows no links yet: "10.8.0.1%0@8 multihop", of the VRF with index 8; and back.
std::string to_string(const Ear& ear);
std::optional<Ear> ear_of(std::string_view text);

// Those of `sessions`, and of interfaces whose peers may start one.
std::set<Ear> ears(config::Bind bind, std::span<const bfd::SessionKey> sessions,
                   const std::vector<config::Interface>& interfaces, std::span<const adjacency::Link> links);

}  // namespace wgbfd
