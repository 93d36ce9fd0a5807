// The classic BPF programs that let the kernel drop what cannot be a BFD packet before it is queued, so that rubbish
// costs the probe thread nothing. They never refuse what RFC 5880 §6.8.6 would accept; what they let pass is judged
// again, and counted by reason, in probe.
#pragma once

#include <linux/filter.h>

#include <span>

#include "base/ip_address.hpp"

namespace net {

std::span<const sock_filter> packet_filter(base::Family family, bool multihop);

}  // namespace net
