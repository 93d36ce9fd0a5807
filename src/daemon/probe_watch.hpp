// Sees from outside, once a second, whether the probe thread comes when it means to: a thread that hangs, or is kept
// from the processor, cannot say so itself. Told `now`; reads no clock.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.hpp"

namespace wgbfd {

struct ProbePulse {
    std::uint64_t wakeups = 0;
    base::TimePoint due{};           // when it means to wake at the latest
    base::Duration last_standstill;  // that it has seen itself, when it came late
};

class ProbeWatch {
public:
    static constexpr base::Duration interval = std::chrono::seconds{1};

    // The length of a standstill that is over: each once.
    std::optional<base::Duration> look(base::TimePoint now, const ProbePulse& pulse);

    bool stands_still() const { return since_.has_value(); }
    std::uint64_t standstills() const { return standstills_; }
    base::Duration longest() const { return longest_; }

private:
    std::optional<base::TimePoint> looked_;
    ProbePulse before_;
    std::optional<base::TimePoint> since_;  // it stands still
    std::uint64_t standstills_ = 0;
    base::Duration longest_{};
};

}  // namespace wgbfd
