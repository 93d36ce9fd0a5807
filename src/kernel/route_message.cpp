#include "kernel/route_message.hpp"

#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <optional>

#include "kernel/host_route.hpp"

namespace kernel {
namespace {

using adjacency::Hop;
using adjacency::RouteChange;

base::IpAddress read_address(int family, base::Bytes value) {
    if (family == AF_INET && value.size() == 4) return base::IpAddress::v4(value.first<4>());
    if (family == AF_INET6 && value.size() == 16) return base::IpAddress::v6(value.first<16>());
    return {};
}

std::uint32_t read_number(base::Bytes value) { return io::leading<std::uint32_t>(value).value_or(0); }

// struct rtvia: a gateway of another family than the route's (IPv4 over IPv6, RFC 8950).
base::IpAddress read_via(base::Bytes value) {
    const auto family = io::leading<std::uint16_t>(value);
    return family ? read_address(*family, value.subspan(sizeof *family)) : base::IpAddress{};
}

// False: one of its next hops is not whole.
bool read_multipath(int family, base::Bytes list, std::vector<Hop>& out) {
    while (!list.empty()) {
        const auto header = io::leading<rtnexthop>(list);
        if (!header || header->rtnh_len < sizeof(rtnexthop) || header->rtnh_len > list.size()) return false;
        Hop hop{.gateway = {}, .out = {static_cast<std::uint32_t>(header->rtnh_ifindex)}};
        auto attributes = list.subspan(sizeof(rtnexthop), header->rtnh_len - sizeof(rtnexthop));
        while (const auto a = io::next_attribute(attributes)) {
            if (a->type == RTA_GATEWAY) hop.gateway = read_address(family, a->value);
            if (a->type == RTA_VIA) hop.gateway = read_via(a->value);
        }
        if ((header->rtnh_flags & RTNH_F_DEAD) == 0) out.push_back(hop);
        list = io::skip_aligned(list, header->rtnh_len);
    }
    return true;
}

bool is_routing(const rtmsg& header, bool gone) {
    const bool way = header.rtm_type == RTN_UNICAST || (gone && header.rtm_type == RTN_UNSPEC);  // FPM names none there
    const bool refusal = header.rtm_type == RTN_BLACKHOLE || header.rtm_type == RTN_UNREACHABLE ||
                         header.rtm_type == RTN_PROHIBIT || header.rtm_type == RTN_THROW;
    return (header.rtm_family == AF_INET || header.rtm_family == AF_INET6) && (way || refusal) &&
           header.rtm_protocol != our_protocol && header.rtm_protocol != RTPROT_KERNEL && header.rtm_src_len == 0 &&
           header.rtm_tos == 0 && (header.rtm_flags & RTM_F_CLONED) == 0;
}

base::IpAddress unspecified(int family) {
    base::IpAddress out;
    out.family = family == AF_INET ? base::Family::v4 : base::Family::v6;
    return out;
}

bool read_route(base::Bytes payload, RouteChange& out) {
    const auto header = io::leading<rtmsg>(payload);
    if (!header || !is_routing(*header, out.kind == RouteChange::Kind::route_gone)) return false;
    payload = io::skip_aligned(payload, sizeof(rtmsg));
    out.prefix = {unspecified(header->rtm_family), header->rtm_dst_len};  // the default route has no RTA_DST
    out.table = header->rtm_table;
    Hop single;
    while (const auto a = io::next_attribute(payload)) {
        switch (a->type) {
            case RTA_DST: out.prefix.address = read_address(header->rtm_family, a->value); break;
            case RTA_TABLE: out.table = read_number(a->value); break;
            case RTA_PRIORITY: out.metric = read_number(a->value); break;
            case RTA_NH_ID: out.nexthop = read_number(a->value); break;
            case RTA_OIF: single.out.value = read_number(a->value); break;
            case RTA_GATEWAY: single.gateway = read_address(header->rtm_family, a->value); break;
            case RTA_VIA: single.gateway = read_via(a->value); break;
            case RTA_MULTIPATH:
                if (!read_multipath(header->rtm_family, a->value, out.hops)) return false;
                break;
            default: break;
        }
    }
    if (!out.prefix.address.is_set() || out.prefix.length > out.prefix.address.bits()) return false;
    // IPv6 names the loopback interface where it refuses; beside an object the kernel repeats what the object says.
    if (header->rtm_type != RTN_UNICAST) out.nexthop = 0;
    if (header->rtm_type != RTN_UNICAST || out.nexthop != 0) out.hops.clear();
    if (header->rtm_type == RTN_UNICAST && out.nexthop == 0 && single.out.value != 0 &&
        (header->rtm_flags & RTNH_F_DEAD) == 0)
        out.hops.push_back(single);
    std::ranges::sort(out.hops);
    return true;
}

void read_members(base::Bytes list, std::vector<std::uint32_t>& out) {
    while (const auto member = io::leading<nexthop_grp>(list)) {
        out.push_back(member->id);
        list = list.subspan(sizeof(nexthop_grp));
    }
}

bool read_nexthop(base::Bytes payload, RouteChange& out) {
    const auto header = io::leading<nhmsg>(payload);
    if (!header) return false;
    payload = io::skip_aligned(payload, sizeof(nhmsg));
    Hop hop;
    while (const auto a = io::next_attribute(payload)) {
        switch (a->type) {
            case NHA_ID: out.nexthop = read_number(a->value); break;
            case NHA_OIF: hop.out.value = read_number(a->value); break;
            case NHA_GATEWAY: hop.gateway = read_address(header->nh_family, a->value); break;
            case NHA_GROUP: read_members(a->value, out.members); break;
            default: break;
        }
    }
    if (hop.out.value != 0 && (header->nh_flags & RTNH_F_DEAD) == 0) out.hops.push_back(hop);
    return out.nexthop != 0;
}

}  // namespace

bool decode_route_change(const io::NetlinkMessage& message, RouteChange& out) {
    using Kind = RouteChange::Kind;
    out.prefix = {};
    out.table = out.metric = out.nexthop = 0;
    out.beside = false;
    out.hops.clear();
    out.members.clear();
    switch (message.type) {
        case RTM_NEWROUTE: out.kind = Kind::route; return read_route(message.payload, out);
        case RTM_DELROUTE: out.kind = Kind::route_gone; return read_route(message.payload, out);
        case RTM_NEWNEXTHOP: out.kind = Kind::nexthop; return read_nexthop(message.payload, out);
        case RTM_DELNEXTHOP: out.kind = Kind::nexthop_gone; return read_nexthop(message.payload, out);
        default: return false;
    }
}

bool stands_beside(const io::NetlinkMessage& message, const RouteChange& change) {
    return change.kind == RouteChange::Kind::route && change.prefix.address.is_v6() && change.nexthop == 0 &&
           (message.flags & NLM_F_REPLACE) == 0;
}

}  // namespace kernel
