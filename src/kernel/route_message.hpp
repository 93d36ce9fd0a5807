// Routes and next-hop objects in rtnetlink messages (rtnetlink(7), linux/nexthop.h) as changes. Pure. The same messages
// come from the kernel and in zebra's FPM stream.
#pragma once

#include "adjacency/route_change.hpp"
#include "io/netlink_message.hpp"

namespace kernel {

// False: malformed, or of no interest: routes of ours (our_protocol), of the kernel's own making (connected ones),
// local and multicast ones, and those that hold for some packets alone (by source or TOS). `out` is filled anew and
// keeps its room, so that a hundred thousand of them allocate nothing.
bool decode_route_change(const io::NetlinkMessage& message, adjacency::RouteChange& out);

// The kernel keeps IPv6 routes of one prefix and metric side by side: those with a gateway as next hops of one, which
// each message names all of, those without each as a route of its own, which it tells apart and of which traffic takes
// the first that is alive. Here all of them are ways of one route. A message that says NLM_F_REPLACE replaces; of
// several without a gateway that is the first alone, and which one that was is not told: all of them are taken to be
// replaced, until the next reading. Not for FPM: zebra has one route of a prefix. IPv4 takes the first of several,
// which are not told apart either: the one that came last counts.
bool stands_beside(const io::NetlinkMessage& message, const adjacency::RouteChange& change);

}  // namespace kernel
