#include "kernel/host_route.hpp"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <system_error>

#include "io/netlink.hpp"

namespace kernel {
namespace {

base::IpAddress read_destination(int family, base::Bytes value) {
    if (family == AF_INET && value.size() == 4) return base::IpAddress::v4(value.first<4>());
    if (family == AF_INET6 && value.size() == 16) return base::IpAddress::v6(value.first<16>());
    return {};
}

rtmsg header_of(const HostRoute& route) {
    rtmsg out{};
    out.rtm_family = static_cast<unsigned char>(route.destination.is_v4() ? AF_INET : AF_INET6);
    out.rtm_dst_len = static_cast<unsigned char>(route.destination.bits());
    out.rtm_table = RT_TABLE_UNSPEC;  // RTA_TABLE has room for all numbers
    out.rtm_protocol = our_protocol;
    out.rtm_scope = route.destination.is_v4() && !route.unreachable ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
    out.rtm_type = route.unreachable ? RTN_UNREACHABLE : RTN_UNICAST;
    return out;
}

std::error_code change(int type, int flags, std::uint32_t table, const HostRoute& route) try {
    const auto request = io::make_request(type, flags, header_of(route));
    io::put(request, RTA_DST, route.destination.data());
    io::put_number(request, RTA_TABLE, table);
    io::put_number(request, RTA_PRIORITY, route.metric);
    if (!route.unreachable) io::put_number(request, RTA_OIF, route.out.value);
    return io::transact(io::open_netlink(NETLINK_ROUTE), request);
} catch (const std::system_error& error) {
    return error.code();
}

std::error_code read_family(const io::NetlinkSocket& socket, int family, std::uint32_t table,
                            std::vector<HostRoute>& out) {
    rtmsg header{};
    header.rtm_family = static_cast<unsigned char>(family);
    const auto request = io::make_request(RTM_GETROUTE, NLM_F_DUMP, header);
    io::put_number(request, RTA_TABLE, table);
    const auto error = io::transact(socket, request, [&](const io::NetlinkMessage& reply) {
        if (reply.type != RTM_NEWROUTE) return;
        const auto found = decode_host_route(reply.payload);
        if (found && found->table == table && found->protocol == our_protocol) out.push_back(found->route);
    });
    return error == std::errc::no_such_file_or_directory ? std::error_code{} : error;  // no such table yet
}

base::Result<std::vector<HostRoute>, std::error_code> read(std::uint32_t table) try {
    const auto socket = io::open_netlink(NETLINK_ROUTE);
    // Without it a dump walks every table of the host. Kernels before 4.20 have none and are sorted out above.
    const int on = 1;
    ::setsockopt(io::fd_of(socket), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
    std::vector<HostRoute> out;
    for (const int family : {AF_INET, AF_INET6})
        if (const auto error = read_family(socket, family, table, out)) return tl::unexpected{error};
    return out;
} catch (const std::system_error& error) {
    return tl::unexpected{error.code()};
}

}  // namespace

std::optional<TableRoute> decode_host_route(base::Bytes payload) {
    const auto header = io::leading<rtmsg>(payload);
    if (!header || (header->rtm_type != RTN_UNICAST && header->rtm_type != RTN_UNREACHABLE)) return std::nullopt;
    payload = io::skip_aligned(payload, sizeof(rtmsg));
    TableRoute out{.table = header->rtm_table, .protocol = header->rtm_protocol, .route = {}};
    out.route.unreachable = header->rtm_type == RTN_UNREACHABLE;
    while (const auto a = io::next_attribute(payload)) {
        switch (a->type) {
            case RTA_DST: out.route.destination = read_destination(header->rtm_family, a->value); break;
            case RTA_TABLE: out.table = io::leading<std::uint32_t>(a->value).value_or(0); break;
            case RTA_PRIORITY: out.route.metric = io::leading<std::uint32_t>(a->value).value_or(0); break;
            case RTA_OIF: out.route.out.value = io::leading<std::uint32_t>(a->value).value_or(0); break;
            default: break;
        }
    }
    if (out.route.unreachable) out.route.out = {};  // IPv6 names the loopback interface there
    if (!out.route.destination.is_set() || header->rtm_dst_len != out.route.destination.bits()) return std::nullopt;
    if (!out.route.unreachable && out.route.out.value == 0) return std::nullopt;
    return out;
}

RouteAccess kernel_routes() {
    return {read,
            [](std::uint32_t table, const HostRoute& route) {
                return change(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, table, route);
            },
            [](std::uint32_t table, const HostRoute& route) { return change(RTM_DELROUTE, 0, table, route); }};
}

}  // namespace kernel
