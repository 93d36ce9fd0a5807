// What routing did after a verdict took an adjacency away: how many prefixes rode on it, how many moved, where to, and
// when the first and the last of them did.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.hpp"
#include "policy/verdict.hpp"

namespace control {

enum class RouteSource : std::uint8_t { none, kernel, fpm };
constexpr std::string_view to_string(RouteSource s) {
    switch (s) {
        using enum RouteSource;
        case none: return "none";
        case kernel: return "kernel";
        case fpm: return "fpm";
    }
    return "?";
}

struct Failover {
    base::WallTime at{};  // the verdict
    policy::VerdictState before = policy::VerdictState::up;
    policy::VerdictState verdict = policy::VerdictState::down;
    std::optional<policy::Cause> cause;
    std::uint64_t prefixes = 0;                 // that rode on it at the verdict
    std::uint64_t moved = 0;                    // that ride elsewhere now
    std::uint64_t withdrawn = 0;                // that have no way any more
    std::uint64_t left = 0;                     // that ride on it still
    std::optional<base::Duration> first, last;  // after the verdict: prefixes leaving it, or finding their new way
    std::map<std::string, std::uint64_t> to;    // by adjacency; one that moved to several counts for each
    std::uint64_t elsewhere = 0;                // likewise, to no adjacency
    RouteSource source = RouteSource::none;
    // False: changes were lost meanwhile and found by reading everything again, or not everything had been read yet at
    // the verdict, or was refused for want of room.
    bool exact = true;
    friend bool operator==(const Failover&, const Failover&) = default;
};

}  // namespace control
