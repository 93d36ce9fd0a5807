// What routing did to one prefix, or to one next-hop object, wherever it was heard: zebra's FPM stream or the kernel's
// route events. A route of several next hops rides on all of them.
#pragma once

#include <compare>
#include <cstdint>
#include <vector>

#include "base/ip_address.hpp"

namespace adjacency {

struct Hop {
    base::IpAddress gateway;  // unset: the interface alone
    base::IfIndex out;
    friend constexpr auto operator<=>(const Hop&, const Hop&) = default;
};

struct RouteChange {
    enum class Kind : std::uint8_t {
        route,         // is there, by these ways and, unless `beside`, no others
        route_gone,    // with `hops`: by these alone, others of it may stay (the kernel's word for IPv6)
        nexthop,       // an object that routes refer to: its own hop, or the members of a group
        nexthop_gone,  // and with it whatever went through it
    };
    Kind kind = Kind::route;
    base::Prefix prefix;
    std::uint32_t table = 0;
    std::uint32_t metric = 0;            // of several for one prefix the lowest carries
    std::uint32_t nexthop = 0;           // the object a route goes through, or that changed; 0: `hops` say it
    std::vector<Hop> hops;               // none, and no object: unreachable, blackhole
    bool beside = false;                 // `hops` come to those of the same prefix and metric that are there already
    std::vector<std::uint32_t> members;  // of a group
    friend bool operator==(const RouteChange&, const RouteChange&) = default;
};

}  // namespace adjacency
