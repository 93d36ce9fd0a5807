// The probe thread's clocks, and how a kernel receive timestamp (CLOCK_REALTIME) becomes a time on the steady clock.
// The mapping is pure: whatever the wall clock does, an arrival lies between the last moment at which the socket was
// known empty and now, and a wall clock that moves makes arrivals later, never earlier: it can never make a Down.
#pragma once

#include <optional>

#include "base/time.hpp"

namespace net {

base::TimePoint steady_now();

// Both clocks at (nearly) the same moment, and how near: the time between the readings around the wall clock's.
struct ClockReading {
    base::TimePoint steady;
    base::WallTime wall;
    base::Duration spread{};
};
ClockReading read_clocks();

class ArrivalClock {
public:
    // Once a drain. Remembers whether the wall clock moved against the steady one since the last reading.
    void read(const ClockReading& reading);

    // `empty_at`: when the socket was last seen empty. `now`: not before the datagram was read. No stamp: `now`.
    base::TimePoint arrival(std::optional<base::WallTime> stamp, base::TimePoint empty_at, base::TimePoint now) const;

    // Did a datagram with this stamp surely come after `moment`?
    bool is_after(std::optional<base::WallTime> stamp, base::TimePoint moment) const;

private:
    base::TimePoint map(base::WallTime stamp) const { return base::TimePoint{stamp.time_since_epoch() - offset_}; }

    base::Duration offset_{};  // wall - steady
    bool has_offset_ = false;
    bool is_steady_ = false;
};

}  // namespace net
