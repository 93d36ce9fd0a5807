// What the feed `routes` wants in the kernel's tables, once each group has chosen who carries: the rule alone. Pure.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "adjacency/link.hpp"
#include "kernel/group_route.hpp"
#include "kernel/route_choice.hpp"
#include "policy/feed.hpp"

namespace kernel {

inline constexpr const char* routes_feed = "routes";

struct RouteGroup {
    std::string name{};
    std::vector<base::Prefix> prefixes{};
    ChoiceRules rules{};
    std::uint32_t table = 0;  // 0: that of the interfaces' VRF, or main
    std::uint32_t metric = 100;
    std::optional<base::IpAddress> source{};
    bool keep_on_exit = false;
    std::uint32_t rule_priority = 8700;
    friend bool operator==(const RouteGroup&, const RouteGroup&) = default;
};

struct DesiredRoutes {
    std::map<RouteName, GroupRoute> routes;
    std::set<SourceRule> rules;
    std::set<RouteName> kept;  // of groups that keep them on exit
    std::set<SourceRule> kept_rules;
    std::set<std::uint32_t> tables;
    // "carries", "carries 2 of 3", "stands by", "nothing"
    std::map<adjacency::AdjacencyId, std::string> told;
    std::vector<std::string> problems;
};

using Choices = std::map<std::string, RouteChoice>;  // by group

// The links by name.
using LinkNames = std::map<std::string, adjacency::Link, std::less<>>;
std::optional<std::uint32_t> table_of(const RouteGroup& group, std::span<const policy::Wanted> all,
                                      const LinkNames& links);  // none: its interfaces are in several VRFs

DesiredRoutes desired_routes(std::span<const RouteGroup> groups, std::span<const policy::Wanted> all,
                             const Choices& choices, const LinkNames& links);

}  // namespace kernel
