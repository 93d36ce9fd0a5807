// The answering half, for one peer: RFC 8762 §4.3, stateful. Counts each of the peer's test sessions by itself, and
// answers no more than a peer that measures could want.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/time.hpp"
#include "quality/stamp.hpp"

namespace quality {

class Reflector {
public:
    static constexpr std::uint32_t rate = 200;  // answers a second
    static constexpr std::uint32_t burst = 100;
    static constexpr std::size_t sessions = 2;  // that are counted: a restarted sender beside what it was before

    // The number of the answer to a request from `port` with `ssid`; none: not answered, too many came.
    std::optional<std::uint32_t> admit(base::TimePoint now, std::uint16_t port, stamp::Ssid ssid);

private:
    bool spend(base::TimePoint now);

    // RFC 8972 §3: a session is known by "the SSID in combination with elements of the usual 4-tuple".
    struct Session {
        std::uint16_t port = 0;
        stamp::Ssid ssid{};
        std::uint32_t next = 0;
        base::TimePoint used{};
    };
    std::array<Session, sessions> sessions_{};
    base::TimePoint full_at_{};  // when the bucket is full again
};

}  // namespace quality
