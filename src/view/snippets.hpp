// What `wgbfd init` and `wgbfd snippets` print: a configuration for this host, and the routing daemon's side of it.
// Pure: what was found comes in, text comes out, with a word on each choice.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "adjacency/peer.hpp"
#include "adjacency/resolve.hpp"

namespace view {

struct FoundPeer {
    std::string name, interface;
    adjacency::PublicKey key;
    base::Result<adjacency::Addresses, adjacency::Unresolved> addresses = tl::unexpected{adjacency::Unresolved{}};
    bool has_endpoint = false;
    bool bgp = false;            // bgpd has a neighbour there already
    bool has_constants = false;  // BIRD has constants of it: the feed bird-include
};

struct FoundFrr {
    std::string directory;                  // of the vty sockets
    std::string version;                    // "" when zebra does not say
    bool bfdd = false;                      // runs, or is enabled
    std::optional<std::string> dplane;      // its --dplaneaddr
    std::optional<std::uint32_t> local_as;  // bgpd's, when it has an instance
};

struct Found {
    std::vector<FoundPeer> peers;  // by interface
    std::optional<FoundFrr> frr;   // none: no FRR here
    bool bird = false;
    std::optional<std::string> include;  // [bird] include: the file of BIRD's constants
    std::uint8_t route_protocol = 0;     // of our routes in the table for BIRD
    std::vector<std::string> problems;   // what could not be looked at
};

inline constexpr const char* proposed_dataplane = "unix:/run/frr/bfddp.sock";
inline constexpr std::uint32_t proposed_table = 4242;  // [bird] nexthop_table
inline constexpr const char* proposed_include = "/etc/bird/wgbfd.conf";

// BIRD looks link-local next hops up in no table.
bool is_link_local(const FoundPeer& peer);

std::string init_config(const Found& found);   // wgbfd.toml, whole and valid
std::string frr_snippet(const Found& found);   // one part a daemon; each part is that daemon's configuration
std::string bird_snippet(const Found& found);  // BGP towards each peer, by the feed bird-nexthop or bird-include

}  // namespace view
