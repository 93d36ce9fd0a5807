#include "kernel/group_route.hpp"

#include <linux/fib_rules.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "io/netlink.hpp"
#include "kernel/host_route.hpp"
#include "kernel/rules.hpp"

namespace kernel {
namespace {

unsigned char family_of(const base::IpAddress& address) {
    return static_cast<unsigned char>(address.is_v4() ? AF_INET : AF_INET6);
}

base::IpAddress read_address(int family, base::Bytes value) {
    if (family == AF_INET && value.size() == 4) return base::IpAddress::v4(value.first<4>());
    if (family == AF_INET6 && value.size() == 16) return base::IpAddress::v6(value.first<16>());
    return {};
}

base::IpAddress unspecified(int family) {
    base::IpAddress out;
    out.family = family == AF_INET ? base::Family::v4 : base::Family::v6;
    return out;
}

std::uint32_t read_number(base::Bytes value) { return io::leading<std::uint32_t>(value).value_or(0); }

void read_multipath(int family, base::Bytes list, std::vector<RouteWay>& out) {
    while (!list.empty()) {
        const auto hop = io::leading<rtnexthop>(list);
        if (!hop || hop->rtnh_len < sizeof(rtnexthop) || hop->rtnh_len > list.size()) return;
        RouteWay way{{static_cast<std::uint32_t>(hop->rtnh_ifindex)}, hop->rtnh_hops + 1U, {}};
        auto attributes = list.subspan(sizeof(rtnexthop), hop->rtnh_len - sizeof(rtnexthop));
        while (const auto a = io::next_attribute(attributes))
            if (a->type == RTA_GATEWAY) way.gateway = read_address(family, a->value);
        out.push_back(way);
        list = io::skip_aligned(list, hop->rtnh_len);
    }
}

rtmsg header_of(const RouteName& name) {
    rtmsg out{};
    out.rtm_family = family_of(name.prefix.address);
    out.rtm_dst_len = name.prefix.length;
    out.rtm_table = RT_TABLE_UNSPEC;  // RTA_TABLE has room for all numbers
    out.rtm_protocol = our_protocol;
    out.rtm_type = RTN_UNICAST;
    return out;
}

void put_name(const io::NetlinkRequest& request, const RouteName& name) {
    if (name.prefix.length > 0) io::put(request, RTA_DST, name.prefix.address.data());
    io::put_number(request, RTA_TABLE, name.table);
    io::put_number(request, RTA_PRIORITY, name.metric);
}

void put_ways(const io::NetlinkRequest& request, const std::vector<RouteWay>& ways) {
    if (ways.size() == 1) {
        io::put_number(request, RTA_OIF, ways.front().out.value);
        if (ways.front().gateway.is_set()) io::put(request, RTA_GATEWAY, ways.front().gateway.data());
        return;
    }
    std::vector<std::byte> list;
    for (const auto& way : ways) {
        const auto gateway = way.gateway.data();
        rtnexthop hop{};
        hop.rtnh_len =
            static_cast<unsigned short>(sizeof hop + (gateway.empty() ? 0 : sizeof(rtattr) + gateway.size()));
        hop.rtnh_hops = static_cast<unsigned char>(way.weight - 1);
        hop.rtnh_ifindex = static_cast<int>(way.out.value);
        if (way.gateway.is_v6()) hop.rtnh_flags = RTNH_F_ONLINK;
        const auto append = [&](base::Bytes bytes) { list.insert(list.end(), bytes.begin(), bytes.end()); };
        append(std::as_bytes(std::span{&hop, 1}));
        if (gateway.empty()) continue;
        const rtattr attribute{static_cast<unsigned short>(sizeof(rtattr) + gateway.size()), RTA_GATEWAY};
        append(std::as_bytes(std::span{&attribute, 1}));
        append(gateway);
    }
    io::put(request, RTA_MULTIPATH, list);
}

std::error_code set(int flags, const GroupRoute& route) try {
    auto header = header_of(route.name);
    header.rtm_scope = route.name.prefix.address.is_v4() ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
    const auto request = io::make_request(RTM_NEWROUTE, NLM_F_CREATE | flags, header);
    put_name(request, route.name);
    if (route.source.is_set()) io::put(request, RTA_PREFSRC, route.source.data());
    put_ways(request, route.ways);
    return io::transact(io::open_netlink(NETLINK_ROUTE), request);
} catch (const std::system_error& error) {
    return error.code();
}

std::error_code remove(const RouteName& name) try {
    auto header = header_of(name);
    header.rtm_scope = RT_SCOPE_NOWHERE;  // whichever
    const auto request = io::make_request(RTM_DELROUTE, 0, header);
    put_name(request, name);
    return io::transact(io::open_netlink(NETLINK_ROUTE), request);
} catch (const std::system_error& error) {
    return error.code();
}

base::Result<std::vector<GroupRoute>, std::error_code> read(std::uint32_t table) try {
    const auto socket = io::open_netlink(NETLINK_ROUTE);
    // Without it a dump walks every table of the host and tells all of each.
    const int on = 1;
    ::setsockopt(io::fd_of(socket), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
    std::vector<GroupRoute> out;
    for (const int family : {AF_INET, AF_INET6}) {
        rtmsg header{};
        header.rtm_family = static_cast<unsigned char>(family);
        header.rtm_protocol = our_protocol;
        const auto request = io::make_request(RTM_GETROUTE, NLM_F_DUMP, header);
        io::put_number(request, RTA_TABLE, table);
        const auto error = io::transact(socket, request, [&](const io::NetlinkMessage& reply) {
            if (reply.type != RTM_NEWROUTE) return;
            auto found = decode_group_route(reply.payload);
            if (found && found->name.table == table) out.push_back(std::move(*found));
        });
        if (error && error != std::errc::no_such_file_or_directory) return tl::unexpected{error};  // no such table yet
    }
    return out;
} catch (const std::system_error& error) {
    return tl::unexpected{error.code()};
}

// --- rules ----------------------------------------------------------------------------------------------------------
std::error_code change_rule(int type, int flags, const SourceRule& rule) try {
    fib_rule_hdr header{};
    header.family = family_of(rule.source);
    header.src_len = static_cast<unsigned char>(rule.source.bits());
    header.table = RT_TABLE_UNSPEC;
    header.action = FR_ACT_TO_TBL;
    const auto request = io::make_request(type, flags, header);
    io::put(request, FRA_SRC, rule.source.data());
    io::put_number(request, FRA_TABLE, rule.table);
    io::put_number(request, FRA_PRIORITY, rule.priority);
    io::put_number(request, FRA_PROTOCOL, our_protocol);
    return io::transact(io::open_netlink(NETLINK_ROUTE), request);
} catch (const std::system_error& error) {
    return error.code();
}

base::Result<std::vector<SourceRule>, std::error_code> read_source_rules() {
    std::vector<SourceRule> out;
    const auto error = read_rules([&](base::Bytes payload) {
        if (const auto rule = decode_source_rule(payload)) out.push_back(*rule);
    });
    if (error) return tl::unexpected{error};
    return out;
}

}  // namespace

std::string to_string(const RouteName& name) {
    return to_string(name.prefix) + " table " + std::to_string(name.table) + " metric " + std::to_string(name.metric);
}

std::string to_string(const SourceRule& rule) {
    return "from " + to_string(rule.source) + " lookup " + std::to_string(rule.table) + " priority " +
           std::to_string(rule.priority);
}

std::optional<GroupRoute> decode_group_route(base::Bytes payload) {
    const auto header = io::leading<rtmsg>(payload);
    if (!header || header->rtm_protocol != our_protocol || header->rtm_type != RTN_UNICAST ||
        (header->rtm_family != AF_INET && header->rtm_family != AF_INET6))
        return std::nullopt;
    payload = io::skip_aligned(payload, sizeof(rtmsg));
    GroupRoute out;
    out.name = {header->rtm_table, {unspecified(header->rtm_family), header->rtm_dst_len}, 0};
    RouteWay single;
    while (const auto a = io::next_attribute(payload)) {
        switch (a->type) {
            case RTA_DST: out.name.prefix.address = read_address(header->rtm_family, a->value); break;
            case RTA_TABLE: out.name.table = read_number(a->value); break;
            case RTA_PRIORITY: out.name.metric = read_number(a->value); break;
            case RTA_PREFSRC: out.source = read_address(header->rtm_family, a->value); break;
            case RTA_OIF: single.out.value = read_number(a->value); break;
            case RTA_GATEWAY: single.gateway = read_address(header->rtm_family, a->value); break;
            case RTA_MULTIPATH: read_multipath(header->rtm_family, a->value, out.ways); break;
            default: break;
        }
    }
    if (out.ways.empty() && single.out.value != 0) out.ways.push_back(single);
    if (out.ways.empty() || !out.name.prefix.address.is_set() ||
        out.name.prefix.length > out.name.prefix.address.bits())
        return std::nullopt;
    std::ranges::sort(out.ways);
    return out;
}

std::optional<SourceRule> decode_source_rule(base::Bytes payload) {
    const auto header = io::leading<fib_rule_hdr>(payload);
    if (!header || header->action != FR_ACT_TO_TBL) return std::nullopt;
    payload = io::skip_aligned(payload, sizeof(fib_rule_hdr));
    SourceRule out{{}, header->table, 0};
    std::uint8_t protocol = 0;
    while (const auto a = io::next_attribute(payload)) {
        switch (a->type) {
            case FRA_SRC: out.source = read_address(header->family, a->value); break;
            case FRA_TABLE: out.table = read_number(a->value); break;
            case FRA_PRIORITY: out.priority = read_number(a->value); break;
            case FRA_PROTOCOL: protocol = io::leading<std::uint8_t>(a->value).value_or(0); break;
            default: break;
        }
    }
    if (protocol != our_protocol || !out.source.is_set() || header->src_len != out.source.bits()) return std::nullopt;
    return out;
}

GroupRouteAccess kernel_group_routes() {
    return {read,
            [](const GroupRoute& route) { return set(NLM_F_EXCL, route); },
            [](const GroupRoute& route) { return set(NLM_F_REPLACE, route); },
            remove,
            read_source_rules,
            [](const SourceRule& rule) { return change_rule(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, rule); },
            [](const SourceRule& rule) { return change_rule(RTM_DELRULE, 0, rule); }};
}

}  // namespace kernel
