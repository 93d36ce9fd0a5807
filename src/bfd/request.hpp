// Somebody's wish for a session: configuration, bfdd, unsolicited. Wishes for one key merge into one session.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/ip_address.hpp"
#include "bfd/session.hpp"

namespace bfd {

// RFC 5881 §3 (single hop: interface and addresses), RFC 5883 §3 (multihop: addresses alone; `ifindex` is that of the
// VRF they are in, 0 in the default one).
struct SessionKey {
    base::IfIndex ifindex{};
    base::IpAddress local{};
    base::IpAddress remote{};
    bool multihop = false;
    friend auto operator<=>(const SessionKey&, const SessionKey&) = default;
};

struct SessionRequest {
    Microseconds desired_min_tx{50'000};
    Microseconds required_min_rx{50'000};
    std::uint8_t detect_mult = 3;
    bool passive = false;
    bool control_plane_independent = false;
    bool shutdown = false;           // a SHUTDOWN wish makes the session AdminDown
    std::uint8_t minimum_ttl = 255;  // 255 single hop; multihop: the least accepted
    friend bool operator==(const SessionRequest&, const SessionRequest&) = default;
};

struct Merged {
    Parameters parameters;
    std::uint8_t minimum_ttl = 255;
    std::uint16_t padding = 0;  // RFC 9764: bytes of the inner IP packet; no wish, but the path's
    friend bool operator==(const Merged&, const Merged&) = default;
};

// The wish with the smallest max(desired_min_tx, required_min_rx) × detect_mult wins as a whole; any shutdown makes it
// AdminDown; passive only when all are; C bit when any asks; the smallest minimum_ttl. `wishes` is not empty.
Merged merge(std::span<const SessionRequest> wishes);

}  // namespace bfd
