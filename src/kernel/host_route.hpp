// Host routes of ours in a private kernel table, as rtnetlink messages (rtnetlink(7)) and values. The codec is pure.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <system_error>
#include <vector>

#include "base/bytes.hpp"
#include "base/ip_address.hpp"
#include "base/result.hpp"

namespace kernel {

// rtm_protocol of every route we add: what carries it, in our table, is ours, and nothing else is. Numbers from 5 on
// are anybody's; this one stands in no rt_protos of iproute2, FRR or BIRD.
inline constexpr std::uint8_t our_protocol = 87;

struct HostRoute {
    base::IpAddress destination;
    bool unreachable = false;
    std::uint32_t metric = 0;
    base::IfIndex out;  // 0 when unreachable
    friend constexpr auto operator<=>(const HostRoute&, const HostRoute&) = default;
};

struct TableRoute {
    std::uint32_t table = 0;
    std::uint8_t protocol = 0;
    HostRoute route;
    friend constexpr auto operator<=>(const TableRoute&, const TableRoute&) = default;
};
// Of RTM_NEWROUTE. None: malformed, or no host route to one interface and none that is unreachable.
std::optional<TableRoute> decode_host_route(base::Bytes payload);

// How to read and change one table; tests put their own here.
struct RouteAccess {
    // Every route of ours in `table`, and nobody else's. No such table: none.
    std::function<base::Result<std::vector<HostRoute>, std::error_code>(std::uint32_t table)> read;
    // file_exists: a route with this destination and metric is there. network_down, no_such_device: its interface is.
    std::function<std::error_code(std::uint32_t table, const HostRoute&)> add;
    std::function<std::error_code(std::uint32_t table, const HostRoute&)> remove;  // no_such_process: it is gone
};
RouteAccess kernel_routes();

}  // namespace kernel
