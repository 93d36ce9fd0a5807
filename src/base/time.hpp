// Time as every room writes it. `now` is always a parameter: only net/, io/ and daemon/ read clocks.
#pragma once

#include <chrono>
#include <string>

namespace base {

using Duration = std::chrono::nanoseconds;
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;  // CLOCK_MONOTONIC
using WallTime = std::chrono::sys_time<Duration>;                                // CLOCK_REALTIME

inline constexpr TimePoint never = TimePoint::max();

// Both clocks, read at the same moment by whoever may read clocks.
struct Now {
    TimePoint steady;
    WallTime wall;
};

// "2026-01-01T00:00:00.000Z": RFC 3339 in UTC, milliseconds.
std::string to_iso8601(WallTime at);

}  // namespace base
