// STAMP test packets without authentication, RFC 8762 §4.2.1 and §4.3.1, with the session identifier of RFC 8972 §3.
// Bytes and values alone: who may ask, and how often, is the reflector's and probe's question. Authenticated mode is
// left out: WireGuard vouches for the peer.
//
//        sender's packet                                  reflector's packet
//     0  Sequence Number                              0   Sequence Number: its own count, or (stateless) a copy
//     4  Timestamp: when it was sent, T1              4   Timestamp: when it was sent back, T3
//    12  Error Estimate   14  SSID                   12   Error Estimate   14  SSID
//    16  zero                                        16   Receive Timestamp, T2
//                                                    24   Session-Sender Sequence Number
//                                                    28   Session-Sender Timestamp, T1
//                                                    36   Session-Sender Error Estimate   38  zero
//                                                    40   Session-Sender TTL              41  zero
//    44  TLVs (RFC 8972 §4): flags, type, length, value; of TWAMP (RFC 5357) any padding. They come back as they went,
//        but for far_end.hpp's.
//
// Error Estimate: S (synchronised), Z (0: NTP stamps, 1: PTP stamps, RFC 8186), scale, multiplier (RFC 4656 §4.1.2).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/strong.hpp"
#include "base/time.hpp"
#include "quality/far_end.hpp"

namespace quality::stamp {

inline constexpr std::uint16_t port = 862;  // RFC 8762 §4.1
inline constexpr std::size_t base_length = 44;
// TWAMP's reflector need not send the last three zero bytes (RFC 5357 §4.2.1), nor must its sender.
inline constexpr std::size_t least_length = 41;
inline constexpr std::size_t greatest_length = 9216;  // that we send back: Ethernet's jumbo frames

using Ssid = base::Strong<struct SsidTag, std::uint16_t>;  // 0: none

enum class Clock : std::uint8_t { ntp, ptp };  // the Z bit

// A stamp as it stands on the wire; equal bits are equal stamps.
struct Timestamp {
    std::uint64_t bits = 0;
    friend bool operator==(const Timestamp&, const Timestamp&) = default;
};
Timestamp to_wire(base::WallTime at, Clock clock = Clock::ntp);
base::WallTime from_wire(Timestamp stamp, Clock clock);

enum class DropReason : std::uint8_t { truncated, too_long, bad_error_estimate };
constexpr std::string_view to_string(DropReason r) {
    switch (r) {
        using enum DropReason;
        case truncated: return "truncated";
        case too_long: return "too-long";
        case bad_error_estimate: return "bad-error-estimate";
    }
    return "?";
}

struct Request {
    std::uint32_t sequence = 0;
    Timestamp sent{};
    std::uint16_t error_estimate = 0;
    Ssid ssid{};
    Clock clock() const { return (error_estimate & 0x4000) != 0 ? Clock::ptp : Clock::ntp; }
    friend bool operator==(const Request&, const Request&) = default;
};
base::Result<Request, DropReason> decode_request(base::Bytes datagram);
// `out`: base_length at least. What is beyond is one TLV of extra padding (RFC 8972 §4.1), zeros; with `asks`, and
// where there is room, far_end's before it.
enum class Asks : std::uint8_t { nothing, far_end };
void encode(const Request& request, std::span<std::byte> out, Asks asks = Asks::nothing);

struct Reply {
    std::uint32_t number = 0;
    base::WallTime sent{};      // T3
    base::WallTime received{};  // T2
    Ssid ssid{};
    std::uint32_t sequence = 0;  // the request's
    Timestamp request_sent{};    // T1
    ReversePath far_end{};       // of whoever answers
    friend bool operator==(const Reply&, const Reply&) = default;
};
base::Result<Reply, DropReason> decode_reply(base::Bytes datagram);

// What we ourselves say of our clock: an NTP stamp, not known to be synchronised, good to a millisecond.
inline constexpr std::uint16_t our_error_estimate = 0x1601;  // 1 · 2^(22-32) s

// The answer to `datagram`, which decode_request() took, in as many bytes: RFC 8762 §4.3 ("the test packets … are of
// symmetric size"). `out` is as large. `ours`: of the interface it came in by.
void reflect(base::Bytes datagram, const Request& request, std::uint32_t number, base::WallTime received,
             base::WallTime sent, std::uint8_t ttl, ReversePath ours, std::span<std::byte> out);

}  // namespace quality::stamp
