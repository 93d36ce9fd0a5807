// What some `show` commands say. Pure: text in, values out.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.hpp"
#include "base/result.hpp"

namespace frr {

struct Version {
    unsigned major = 0, minor = 0, patch = 0;
    friend auto operator<=>(const Version&, const Version&) = default;
};
std::string to_string(const Version& version);
std::optional<Version> parse_version(std::string_view show_version);

// FRR 10.4.0–10.4.4 and 10.5.0–10.5.2: BFD Down takes BGP down 30 s late unless `neighbor X timers` is set.
bool delays_bfd_down(const Version& version);

struct InterfaceShown {
    std::string name;
    base::IfIndex index;
    bool link_detection = true;  // false: operstate DORMANT is invisible to FRR
    bool operational = false;
    friend bool operator==(const InterfaceShown&, const InterfaceShown&) = default;
};
base::Result<std::vector<InterfaceShown>, std::string> parse_interfaces(std::string_view show_interface_json);

// FRR 8.5 has `neighbor X graceful-shutdown`; before it there is only `bgp graceful-shutdown`, for all neighbours.
bool knows_neighbor_graceful_shutdown(const Version& version);
// From FRR 9.0 on mgmtd holds a part of the configuration, which it takes on its own socket alone.
bool has_mgmtd(const Version& version);

// The cost of an interface, from `show ip ospf interface NAME json` or `show ipv6 ospf6 interface NAME json`; none
// where OSPF does not run on it.
std::optional<std::uint32_t> parse_ospf_cost(std::string_view show_interface_json, const std::string& interface);

// The AS number of bgpd's instance, from `show bgp summary json`; none where there is no instance, or no neighbour.
std::optional<std::uint32_t> parse_local_as(std::string_view show_bgp_summary_json);

}  // namespace frr
