// Paths of one group lead to the same place and back each other up. The one place that knows the last usable path: it
// is never taken away by damping or by what is said outside (nor by quality, which takes nothing away), only by Down.
// When no other of its group is usable, the damped path with the best merit is spared: usable, at a higher cost, until
// its time is up; and a path that waits for its up_delay is not kept waiting. That holds for the only path of a group
// too. A path that belongs to no group is the last one it knows of: it is always spared by damping, but waits for its
// up_delay and goes when a check outside says so, since somebody asked for that. A path being drained is about to go:
// no comfort.
#pragma once

#include <span>
#include <string_view>

#include "base/time.hpp"
#include "policy/path.hpp"
#include "policy/verdict.hpp"

namespace policy {

struct Member {
    std::string_view group;  // "": none
    Verdict assessed;        // what its session says
    Path* path = nullptr;
    const Rules* rules = nullptr;
    Verdict verdict;  // settle() says
};

constexpr bool is_usable(const Verdict& verdict) {
    return (verdict.state == VerdictState::up || verdict.state == VerdictState::degraded) &&
           verdict.cause != Cause::drained;
}

void settle(std::span<Member> all, base::TimePoint now);

}  // namespace policy
