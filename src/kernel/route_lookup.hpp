// Which way does the kernel send? One question and its answer, at once.
#pragma once

#include <optional>
#include <string>
#include <system_error>

#include "base/ip_address.hpp"
#include "base/result.hpp"

namespace kernel {

struct RouteAnswer {
    base::IpAddress local;  // the source the kernel would choose, or the one that was asked for
    base::IfIndex ifindex;  // the interface it leaves by
    std::string name;
    friend bool operator==(const RouteAnswer&, const RouteAnswer&) = default;
};

// `ifindex` 0 asks for any interface. network_unreachable and the like: there is no route.
base::Result<RouteAnswer, std::error_code> route_to(const base::IpAddress& remote,
                                                    const std::optional<base::IpAddress>& local, base::IfIndex ifindex);

}  // namespace kernel
