// Which of a path's figures say something: those of the time in which its session was Up. What was lost while it was
// Down is known already, and no reason to distrust a path that has come back.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/time.hpp"
#include "quality/figures.hpp"

namespace policy {

inline constexpr std::uint32_t least_samples = 20;  // fewer are no evidence

struct Windows {
    const quality::Figures* recent = nullptr;   // null: reaches back to before it was Up
    const quality::Figures* lasting = nullptr;  // likewise
    bool recent_full = false, lasting_full = false;
    bool loss_counts = true;  // of ICMP echo it does not: routers answer as many as they like
};

constexpr bool loss_counts(quality::Method method) { return method == quality::Method::stamp; }

// `up_for`: how long the session has been Up.
inline Windows windows_of(const quality::Quality& quality, base::Duration up_for) {
    Windows out;
    const auto recent = std::min(quality.measured, quality::recent_window) + quality.recent_lag;
    const auto lasting = std::min(quality.measured, quality::lasting_window) + quality.lasting_lag;
    if (recent <= up_for) out.recent = &quality.recent;
    if (lasting <= up_for) out.lasting = &quality.lasting;
    out.loss_counts = loss_counts(quality.method);
    out.recent_full = out.recent != nullptr && quality.measured >= quality::recent_window;
    out.lasting_full = out.lasting != nullptr && quality.measured >= quality::lasting_window;
    return out;
}

// We steer only what we send: forward where the peer counts by itself, else the round trip.
inline double loss_of(const quality::Figures& figures) {
    return figures.loss.forward.value_or(figures.loss.round_trip);
}
// … and of how many probes that is the share: the evidence it has.
inline std::uint32_t probes_of(const quality::Figures& figures) {
    return figures.loss.forward ? figures.forward_sent : figures.probes;
}
inline base::Duration jitter_of(const quality::Figures& figures) {
    return figures.jitter_forward.value_or(figures.jitter);
}

}  // namespace policy
