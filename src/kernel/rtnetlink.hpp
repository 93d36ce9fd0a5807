// rtnetlink messages (rtnetlink(7)) to values: links, addresses, and the answer to a route question. Pure. What these
// values do not show is skipped.
#pragma once

#include <cstdint>
#include <optional>

#include "adjacency/link.hpp"
#include "base/bytes.hpp"
#include "base/ip_address.hpp"

namespace kernel {

// Of RTM_NEWLINK and RTM_DELLINK; without addresses. None when malformed, or when the message is not about the
// interface itself: a bridge tells of its ports' lives in messages of the same types with family AF_BRIDGE.
std::optional<adjacency::Link> decode_link(base::Bytes payload);

struct AddressMessage {
    base::IfIndex index;
    adjacency::LinkAddress address;
};
std::optional<AddressMessage> decode_address(base::Bytes payload);  // of RTM_NEWADDR and RTM_DELADDR

struct RouteMessage {
    base::IfIndex out;
    base::IpAddress preferred_source;  // unset when the kernel names none
};
std::optional<RouteMessage> decode_route(base::Bytes payload);  // of RTM_NEWROUTE

}  // namespace kernel
