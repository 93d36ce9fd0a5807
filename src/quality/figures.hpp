// How good one path is, as figures over two windows: what quality/window makes of samples, and what policy, status and
// metrics read. RFC 8762 (STAMP), RFC 3550 §6.4.1 (jitter).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/time.hpp"

namespace quality {

enum class Method : std::uint8_t { stamp, icmp };
constexpr std::string_view to_string(Method m) {
    switch (m) {
        using enum Method;
        case stamp: return "stamp";
        case icmp: return "icmp";
    }
    return "?";
}

// Ratios, 0 … 1. Forward: what we send. Both are unknown where the peer does not count by itself (ICMP, and a stateless
// reflector).
struct Loss {
    double round_trip = 0;
    std::optional<double> forward{}, backward{};
    friend bool operator==(const Loss&, const Loss&) = default;
};

struct Figures {
    std::uint32_t probes = 0;        // sent in the window and decided: answered, or given up
    std::uint32_t answers = 0;       // … of them answered; with none of them there is loss alone
    std::uint32_t forward_sent = 0;  // … and counted by the peer: what loss.forward is a share of
    Loss loss;
    // Round trip, without the time the reflector held the packet.
    base::Duration rtt_min{}, rtt_median{}, rtt_p95{};
    base::Duration jitter{};                                            // of the round trip
    std::optional<base::Duration> jitter_forward{}, jitter_backward{};  // STAMP alone; needs no common clock
    friend bool operator==(const Figures&, const Figures&) = default;
};

inline constexpr base::Duration recent_window = std::chrono::seconds{10};
inline constexpr base::Duration lasting_window = std::chrono::minutes{5};

struct Quality {
    Method method = Method::stamp;
    Figures recent;             // over recent_window at most
    Figures lasting;            // over lasting_window at most
    base::Duration measured{};  // how far back `lasting` reaches: lasting_window once it is full
    // How much further back than that the probes of `recent` and `lasting` were sent, at most: each is counted when it
    // would be given up and the next answer is told, in buckets.
    base::Duration recent_lag{}, lasting_lag{};
    friend bool operator==(const Quality&, const Quality&) = default;
};

}  // namespace quality
