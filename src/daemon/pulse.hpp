// Does a worker's control thread still come round? Its own timer wakes it every second, so one that sleeps through many
// looks in a row without having run in between waits for something that does not come. Nothing else counts as hanging:
// one that is starved is runnable and does not sleep, one that an operator or a debugger has stopped is theirs, one
// that waits for a disk could not be ended, and when we come late ourselves the whole host may have stood still. Told
// `now`; reads no clock.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/time.hpp"

namespace wgbfd {

struct Beat {
    char state = '?';            // as /proc tells it: S is asleep
    std::uint64_t switches = 0;  // how often it has left the processor, of itself or not
    friend bool operator==(const Beat&, const Beat&) = default;
};

// Of a process's first thread; none when it cannot be told.
std::optional<Beat> parse_beat(std::string_view status);  // the text of /proc/PID/status
std::optional<Beat> beat_of(pid_t pid);

class Pulse {
public:
    static constexpr base::Duration hangs_after = std::chrono::seconds{10};
    static constexpr base::Duration interval = std::chrono::seconds{2};  // of looks
    static constexpr base::Duration late_from = std::chrono::seconds{1};

    bool hangs(base::TimePoint now, std::optional<Beat> beat);

private:
    std::optional<base::TimePoint> looked_;
    std::optional<Beat> before_;
    base::TimePoint asleep_since_{};
};

}  // namespace wgbfd
