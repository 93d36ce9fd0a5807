// What the feed `link` wants of each interface: the rule alone. Pure.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "policy/feed.hpp"

namespace kernel {

struct DesiredOperstate {
    bool dormant = false;  // at least one peer counts as down and none is live; else the interface is left UP
    std::vector<adjacency::AdjacencyId> peers;
    friend bool operator==(const DesiredOperstate&, const DesiredOperstate&) = default;
};

std::map<std::string, DesiredOperstate> desired_operstates(std::span<const policy::Wanted> all);

}  // namespace kernel
