#include "net/clock.hpp"

#include <algorithm>

namespace net {

namespace {

using namespace std::chrono_literals;

// More than the two clocks may drift apart between two drains (500 ppm at most), less than any step that matters.
constexpr auto step = 1ms;
constexpr auto good_spread = 20us;
constexpr int attempts = 3;

}  // namespace

base::TimePoint steady_now() { return std::chrono::steady_clock::now(); }

// A thread that loses the processor between the readings would mistake that for an offset: the nearest of a few counts.
ClockReading read_clocks() {
    ClockReading best{{}, {}, base::Duration::max()};
    for (int i = 0; i < attempts && best.spread > good_spread; ++i) {
        const base::TimePoint before = steady_now();
        const base::WallTime wall = std::chrono::system_clock::now();
        const base::TimePoint after = steady_now();
        if (after - before < best.spread) best = {before + (after - before) / 2, wall, after - before};
    }
    return best;
}

void ArrivalClock::read(const ClockReading& reading) {
    const auto offset = reading.wall.time_since_epoch() - reading.steady.time_since_epoch();
    const auto moved = offset > offset_ ? offset - offset_ : offset_ - offset;
    is_steady_ = has_offset_ && moved <= step + reading.spread;
    offset_ = offset;
    has_offset_ = true;
}

base::TimePoint ArrivalClock::arrival(std::optional<base::WallTime> stamp, base::TimePoint empty_at,
                                      base::TimePoint now) const {
    if (!stamp || !is_steady_) return now;
    const auto mapped = map(*stamp);
    if (mapped > now || mapped + step < empty_at) return now;  // impossible: the wall clock moved meanwhile
    return std::max(mapped, empty_at);
}

bool ArrivalClock::is_after(std::optional<base::WallTime> stamp, base::TimePoint moment) const {
    return stamp && is_steady_ && map(*stamp) > moment;
}

}  // namespace net
