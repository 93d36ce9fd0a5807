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

}  // namespace kernel
