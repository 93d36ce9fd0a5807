// What became of some probes, as the sender decided and the windows add up: trivially copyable and small enough for an
// event. Times are in ticks of 100 ns.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "base/time.hpp"
#include "quality/figures.hpp"

namespace quality {

using Ticks = std::uint32_t;  // up to 429 s; differences of two are right across its wrap
inline constexpr base::Duration tick{100};

constexpr Ticks to_ticks(base::Duration d) {
    return static_cast<Ticks>(std::clamp<base::Duration::rep>(d / tick, 0, UINT32_MAX));
}
constexpr base::Duration from_ticks(std::int64_t ticks) { return ticks * tick; }

// Variation between successive answers: the |D(i-1,i)| of RFC 3550 §6.4.1. Their mean is what its running J estimates.
struct Variation {
    Ticks sum = 0;
    std::uint16_t pairs = 0;
    void add(Ticks difference) {
        sum = difference > UINT32_MAX - sum ? UINT32_MAX : sum + difference;
        ++pairs;
    }
    friend bool operator==(const Variation&, const Variation&) = default;
};

struct Results {
    static constexpr std::size_t capacity = 14;

    std::uint16_t probes = 0;   // decided
    std::uint16_t answers = 0;  // … of them answered
    // Where the reflector counts by itself: what was sent to it and what it sent back, and what was lost of each.
    std::uint16_t forward_sent = 0, forward_lost = 0;
    std::uint16_t backward_sent = 0, backward_lost = 0;
    Variation round_trip{}, forward{}, backward{};
    Method method = Method::stamp;
    std::array<Ticks, capacity> rtts{};  // of the answers

    bool full() const { return answers == capacity; }
    friend bool operator==(const Results&, const Results&) = default;
};

}  // namespace quality
