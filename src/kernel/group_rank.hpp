// Which of a group's adjacencies is better? For the feeds that choose among them. Pure.
#pragma once

#include <compare>
#include <cstdint>

#include "policy/feed.hpp"
#include "policy/group.hpp"

namespace kernel {

// From best to worst.
enum class Standing : std::uint8_t {
    up,
    degraded,
    drained,   // about to go, and carries still
    unproven,  // nothing is known against it
    resting,   // AdminDown: who has another path takes that
    down,
};

inline Standing standing_of(const policy::Wanted& wanted) {
    using enum policy::VerdictState;
    if (wanted.counts_as_down) return Standing::down;
    const bool drained = wanted.verdict.cause == policy::Cause::drained;
    switch (wanted.verdict.state) {
        case up: return drained ? Standing::drained : Standing::up;
        case degraded: return drained ? Standing::drained : Standing::degraded;
        case unknown: return Standing::unproven;
        case admin_down: return Standing::resting;
        case down: return Standing::down;
    }
    return Standing::down;
}

// A better standing first, then the operator's order, then the lower cost.
struct Rank {
    Standing standing = Standing::down;
    std::uint32_t priority = 0;
    std::uint32_t cost = 0;
    adjacency::AdjacencyId id;
    friend constexpr auto operator<=>(const Rank&, const Rank&) = default;
};

inline Rank rank_of(const policy::Wanted& wanted) {
    return {standing_of(wanted), wanted.adjacency.priority, wanted.verdict.cost, wanted.id};
}

}  // namespace kernel
