// The neighbours of BIRD's BGP and OSPF, from what their `show` commands print. Pure: a reply in, values out.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adjacency/neighbor.hpp"
#include "bird/protocols.hpp"
#include "bird/reply.hpp"

namespace bird {

bool is_bgp(const Protocol& protocol);
bool is_ospf(const Protocol& protocol);  // one that runs: others have no neighbours, and say so as an error

std::string show_ospf_neighbors(std::string_view name);

// Of the reply to show_protocol(). None: it has no one neighbour (a range), or none that is understood.
std::optional<adjacency::Neighbor> parse_bgp_neighbor(const Reply& reply);
// Of the reply to show_ospf_neighbors(); OSPFv3's are link-local.
std::vector<adjacency::Neighbor> parse_ospf_neighbors(const Reply& reply);

}  // namespace bird
