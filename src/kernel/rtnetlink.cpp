#include "kernel/rtnetlink.hpp"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include "io/netlink_message.hpp"

namespace kernel {
namespace {

// A fixed header and the attributes behind it.
template <class Header>
std::optional<Header> take_header(base::Bytes& payload) {
    const auto header = io::leading<Header>(payload);
    if (header) payload = io::skip_aligned(payload, sizeof(Header));
    return header;
}

base::IpAddress read_address(int family, base::Bytes value) {
    if (family == AF_INET && value.size() == 4) return base::IpAddress::v4(value.first<4>());
    if (family == AF_INET6 && value.size() == 16) return base::IpAddress::v6(value.first<16>());
    return {};
}

std::uint32_t read_vrf_table(base::Bytes data) {
    while (const auto a = io::next_attribute(data))
        if (a->type == IFLA_VRF_TABLE) return io::leading<std::uint32_t>(a->value).value_or(0);
    return 0;
}

void read_info(base::Bytes info, adjacency::Link& link) {
    base::Bytes data;
    while (const auto a = io::next_attribute(info)) {
        if (a->type == IFLA_INFO_KIND) link.kind = io::text_of(a->value);
        if (a->type == IFLA_INFO_DATA) data = a->value;
    }
    if (link.kind == adjacency::vrf_kind) link.vrf_table = read_vrf_table(data);
}

adjacency::Operstate read_operstate(base::Bytes value) {
    const auto number = io::leading<std::uint8_t>(value).value_or(0);
    // RFC 2863 has no state beyond up; a kernel that invents one is not understood.
    return number <= static_cast<std::uint8_t>(adjacency::Operstate::up) ? static_cast<adjacency::Operstate>(number)
                                                                         : adjacency::Operstate::unknown;
}

}  // namespace

std::optional<adjacency::Link> decode_link(base::Bytes payload) {
    const auto header = take_header<ifinfomsg>(payload);
    if (!header || header->ifi_family != AF_UNSPEC || header->ifi_index <= 0) return std::nullopt;
    adjacency::Link link;
    link.index.value = static_cast<std::uint32_t>(header->ifi_index);
    link.up = (header->ifi_flags & IFF_UP) != 0;
    link.running = (header->ifi_flags & IFF_RUNNING) != 0;
    while (const auto a = io::next_attribute(payload)) {
        switch (a->type) {
            case IFLA_IFNAME: link.name = io::text_of(a->value); break;
            case IFLA_MTU: link.mtu = io::leading<std::uint32_t>(a->value).value_or(0); break;
            case IFLA_MASTER: link.master.value = io::leading<std::uint32_t>(a->value).value_or(0); break;
            case IFLA_OPERSTATE: link.operstate = read_operstate(a->value); break;
            case IFLA_LINKINFO: read_info(a->value, link); break;
            default: break;
        }
    }
    if (link.name.empty()) return std::nullopt;
    return link;
}

std::optional<AddressMessage> decode_address(base::Bytes payload) {
    const auto header = take_header<ifaddrmsg>(payload);
    if (!header || header->ifa_index == 0) return std::nullopt;
    base::IpAddress local, address;
    std::uint32_t flags = header->ifa_flags;
    while (const auto a = io::next_attribute(payload)) {
        switch (a->type) {
            case IFA_LOCAL: local = read_address(header->ifa_family, a->value); break;
            case IFA_ADDRESS: address = read_address(header->ifa_family, a->value); break;
            case IFA_FLAGS: flags = io::leading<std::uint32_t>(a->value).value_or(flags); break;
            default: break;
        }
    }
    // IFA_ADDRESS is the peer's on point-to-point interfaces; IPv6 leaves IFA_LOCAL out where there is no peer.
    if (!local.is_set()) local = address;
    if (!local.is_set() || header->ifa_prefixlen > local.bits()) return std::nullopt;
    AddressMessage out{.index = {header->ifa_index}, .address = {}};
    out.address.local = local;
    if (address != local) out.address.peer = address;
    out.address.prefix_length = header->ifa_prefixlen;
    out.address.tentative = (flags & IFA_F_TENTATIVE) != 0 && (flags & IFA_F_OPTIMISTIC) == 0;
    return out;
}

std::optional<RouteMessage> decode_route(base::Bytes payload) {
    const auto header = take_header<rtmsg>(payload);
    if (!header) return std::nullopt;
    RouteMessage out;
    while (const auto a = io::next_attribute(payload)) {
        if (a->type == RTA_OIF) out.out.value = io::leading<std::uint32_t>(a->value).value_or(0);
        if (a->type == RTA_PREFSRC) out.preferred_source = read_address(header->rtm_family, a->value);
    }
    return out;
}

}  // namespace kernel
