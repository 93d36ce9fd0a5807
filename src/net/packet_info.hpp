// The source address and the interface of a packet that goes out, beside it: the kernel's route must obey both.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>

#include "probe/gauge.hpp"

namespace net {

struct alignas(cmsghdr) PacketInfo {
    std::array<std::byte, CMSG_SPACE(sizeof(in6_pktinfo))> control;
};

// `info` lives as long as `header` is used. A multihop session has its VRF's interface, or none (0).
void set_source(msghdr& header, PacketInfo& info, const bfd::SessionKey& key);

}  // namespace net
