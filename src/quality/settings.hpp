// What the operator wants measured.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "base/time.hpp"
#include "quality/figures.hpp"

namespace quality {

enum class Choice : std::uint8_t { automatic, stamp, icmp, off };  // automatic: STAMP where the peer answers it

inline constexpr base::Duration least_interval = std::chrono::milliseconds{20};
inline constexpr base::Duration greatest_interval = std::chrono::seconds{10};

inline constexpr std::uint32_t least_silence = 10;  // probes

// So many lost in a row last longer than the detection time of the path's session: it goes Down for them. No less than
// ten, and never more than a window holds.
constexpr std::uint32_t silence_of(base::Duration detection_time, base::Duration interval) {
    const auto spanned = std::min(detection_time, lasting_window);
    const auto probes = (spanned + interval - base::Duration{1}) / interval + 1;
    return std::max(least_silence, static_cast<std::uint32_t>(probes));
}

struct Settings {
    Choice method = Choice::automatic;
    base::Duration interval = std::chrono::milliseconds{100};
    std::uint32_t silence = least_silence;  // so many lost in a row are the session's to judge
    friend bool operator==(const Settings&, const Settings&) = default;
};

}  // namespace quality
