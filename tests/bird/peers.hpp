// Peers with verdicts, for the feed bird-protocol.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "policy/feed.hpp"

struct Peers {
    void add(const char* name, const char* protocol, policy::VerdictState state,
             std::optional<policy::Cause> cause = {}) {
        auto& a = adjacencies.emplace_back();
        a.id.value = static_cast<std::uint32_t>(adjacencies.size());
        a.name = name;
        a.bird_protocol = protocol;
        const bool live = state == policy::VerdictState::up || state == policy::VerdictState::degraded;
        all.push_back({a.id, a, {state, cause}, live, state == policy::VerdictState::down});
    }
    std::deque<adjacency::Adjacency> adjacencies;
    std::vector<policy::Wanted> all;
};
