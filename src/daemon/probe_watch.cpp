#include "daemon/probe_watch.hpp"

#include <algorithm>
#include <utility>

namespace wgbfd {

std::optional<base::Duration> ProbeWatch::look(base::TimePoint now, const ProbePulse& pulse) {
    const auto before = std::exchange(before_, pulse);
    const auto looked = std::exchange(looked_, now);
    // Who was away himself (SIGSTOP, a machine that slept) cannot tell who else was.
    if (!looked || now - *looked > 2 * interval) return std::nullopt;
    if (pulse.wakeups == before.wakeups && pulse.due < now - interval) {
        if (!since_) ++standstills_;
        since_ = since_.value_or(pulse.due);
        longest_ = std::max(longest_, now - *since_);
        return std::nullopt;
    }
    const bool has_seen_one = pulse.last_standstill != before.last_standstill;
    const auto since = std::exchange(since_, std::nullopt);
    if (!since && !has_seen_one) return std::nullopt;
    if (!since) ++standstills_;  // between two looks
    const auto length = has_seen_one ? pulse.last_standstill : now - *since;
    longest_ = std::max(longest_, length);
    return length;
}

}  // namespace wgbfd
