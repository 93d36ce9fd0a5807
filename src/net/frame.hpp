// A BFD packet in its UDP and IP headers, as a raw socket sends it. The IPv4 checksum, and the identification, are the
// kernel's to fill in (raw(7)); the UDP checksum is ours. A padded packet (RFC 9764) goes on with zeros, which the
// sender has: no frame holds them. It may not be fragmented: DF is set always, and a raw socket refuses (EMSGSIZE) what
// is longer than the interface's MTU.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.hpp"
#include "probe/engine.hpp"

namespace net {

inline constexpr std::size_t udp_header = 8;
inline constexpr std::size_t v4_header = 20;
inline constexpr std::size_t v6_header = 40;

// DSCP CS6, network control (RFC 4594 §3.1).
inline constexpr std::uint8_t traffic_class = 0xc0;

struct Frame {
    std::array<std::byte, v6_header + udp_header + bfd::mandatory_length> bytes;
    std::size_t size = 0;
    std::size_t zeros = 0;  // that follow it
    base::Bytes view() const { return base::Bytes{bytes}.first(size); }
};

Frame frame(const probe::Outgoing& packet);

// RFC 768, RFC 8200 §8.1: over the pseudo-header and `datagram` (its checksum field 0), which `zeros` bytes follow;
// never 0, which would mean none.
std::uint16_t udp_checksum(const base::IpAddress& source, const base::IpAddress& destination, base::Bytes datagram,
                           std::size_t zeros = 0);

}  // namespace net
