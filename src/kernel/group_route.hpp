// Routes of the feed `routes`, and the policy rules that send a source address to a table of its own, as rtnetlink
// messages and values. The codec is pure.
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

inline constexpr std::uint32_t main_table = 254;

struct RouteWay {
    base::IfIndex out;
    std::uint32_t weight = 1;  // 1 … 256
    base::IpAddress gateway;   // IPv6 balances between gateways alone; else unset
    friend constexpr auto operator<=>(const RouteWay&, const RouteWay&) = default;
};

struct RouteName {  // at most one route has it
    std::uint32_t table = main_table;
    base::Prefix prefix;
    std::uint32_t metric = 0;
    friend constexpr auto operator<=>(const RouteName&, const RouteName&) = default;
};
std::string to_string(const RouteName& name);  // "10.2.0.0/16 table 254 metric 100"

struct GroupRoute {
    RouteName name;
    base::IpAddress source;      // preferred; unset: the interface's
    std::vector<RouteWay> ways;  // in order
    friend auto operator<=>(const GroupRoute&, const GroupRoute&) = default;
};

// Of RTM_NEWROUTE. None: malformed, not a route of ours, or one that this feed does not make.
std::optional<GroupRoute> decode_group_route(base::Bytes payload);

struct SourceRule {
    base::IpAddress source;
    std::uint32_t table = 0;
    std::uint32_t priority = 0;
    friend constexpr auto operator<=>(const SourceRule&, const SourceRule&) = default;
};
std::string to_string(const SourceRule& rule);  // "from 10.8.0.0 lookup 101 priority 8700"

// Of RTM_NEWRULE. None: malformed, not a rule of ours, or one that this feed does not make.
std::optional<SourceRule> decode_source_rule(base::Bytes payload);

// How to read and change; tests put their own here.
struct GroupRouteAccess {
    std::function<base::Result<std::vector<GroupRoute>, std::error_code>(std::uint32_t table)> read;  // ours
    std::function<std::error_code(const GroupRoute&)> add;      // file_exists: somebody has a route of that name
    std::function<std::error_code(const GroupRoute&)> replace;  // at no moment is there none
    std::function<std::error_code(const RouteName&)> remove;    // ours; no_such_process: it is gone
    std::function<base::Result<std::vector<SourceRule>, std::error_code>()> rules;  // ours
    std::function<std::error_code(const SourceRule&)> add_rule;
    std::function<std::error_code(const SourceRule&)> remove_rule;  // no_such_file_or_directory: it is gone
};
GroupRouteAccess kernel_group_routes();

}  // namespace kernel
