#include "kernel/route_lookup.hpp"

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <array>

#include "io/netlink.hpp"
#include "kernel/rtnetlink.hpp"

namespace kernel {

base::Result<RouteAnswer, std::error_code> route_to(const base::IpAddress& remote,
                                                    const std::optional<base::IpAddress>& local,
                                                    base::IfIndex ifindex) try {
    if (!remote.is_set() || (local && local->family != remote.family))
        return tl::unexpected{std::make_error_code(std::errc::address_family_not_supported)};
    rtmsg header{};
    header.rtm_family = static_cast<unsigned char>(remote.is_v4() ? AF_INET : AF_INET6);
    header.rtm_dst_len = static_cast<unsigned char>(remote.bits());
    if (local) header.rtm_src_len = static_cast<unsigned char>(local->bits());
    const auto request = io::make_request(RTM_GETROUTE, 0, header);
    io::put(request, RTA_DST, remote.data());
    if (local) io::put(request, RTA_SRC, local->data());
    if (ifindex.value != 0) io::put_number(request, RTA_OIF, ifindex.value);
    std::optional<RouteMessage> route;
    const auto socket = io::open_netlink(NETLINK_ROUTE);
    if (const auto error = io::transact(socket, request, [&](const io::NetlinkMessage& reply) {
            if (reply.type == RTM_NEWROUTE) route = decode_route(reply.payload);
        }))
        return tl::unexpected{error};
    std::array<char, IF_NAMESIZE> name{};
    if (!route || ::if_indextoname(route->out.value, name.data()) == nullptr)
        return tl::unexpected{std::make_error_code(std::errc::network_unreachable)};
    return RouteAnswer{local.value_or(route->preferred_source), route->out, name.data()};
} catch (const std::system_error& error) {
    return tl::unexpected{error.code()};
}

}  // namespace kernel
