#include "net/packet_info.hpp"

#include <cstring>

namespace net {

namespace {

template <class Info>
void put(msghdr& header, int level, int type, const Info& info) {
    header.msg_controllen = CMSG_SPACE(sizeof info);
    auto* const control = CMSG_FIRSTHDR(&header);
    control->cmsg_level = level;
    control->cmsg_type = type;
    control->cmsg_len = CMSG_LEN(sizeof info);
    std::memcpy(CMSG_DATA(control), &info, sizeof info);
}

}  // namespace

void set_source(msghdr& header, PacketInfo& out, const bfd::SessionKey& key) {
    out.control.fill({});
    header.msg_control = out.control.data();
    header.msg_controllen = out.control.size();
    if (key.remote.is_v4()) {
        in_pktinfo info{};
        info.ipi_ifindex = static_cast<int>(key.ifindex.value);
        std::memcpy(&info.ipi_spec_dst, key.local.bytes.data(), sizeof info.ipi_spec_dst);
        return put(header, IPPROTO_IP, IP_PKTINFO, info);
    }
    in6_pktinfo info{};
    info.ipi6_ifindex = key.ifindex.value;
    std::memcpy(&info.ipi6_addr, key.local.bytes.data(), sizeof info.ipi6_addr);
    put(header, IPPROTO_IPV6, IPV6_PKTINFO, info);
}

}  // namespace net
