// Echo requests and replies of ICMP (RFC 792) and ICMPv6 (RFC 4443 §4), for peers that answer nothing better. We only
// ask; answering is the kernel's.
//
//     0  Type (8, 0; ICMPv6: 128, 129)   1  Code 0   2  Checksum (ICMPv6: the kernel's to fill in)
//     4  Identifier: one for this daemon             6  Sequence Number: the low half of ours
//     8  Cookie: who never saw the request cannot answer it        12  Sequence: all of it        16  zero, up to 44 or
//        as long as is asked
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/bytes.hpp"
#include "base/ip_address.hpp"

namespace quality::icmp {

inline constexpr std::size_t length = 44;  // as STAMP's: both methods measure packets of one size
inline constexpr std::size_t least_length = 16;

struct Echo {
    std::uint16_t identifier = 0;
    std::uint32_t sequence = 0;
    std::uint32_t cookie = 0;
    friend bool operator==(const Echo&, const Echo&) = default;
};
// `out`: least_length at least.
void encode_request(const Echo& echo, base::Family family, std::span<std::byte> out);
// `message`: from the ICMP header on. None: no reply, or none to a request of ours.
std::optional<Echo> decode_reply(base::Bytes message, base::Family family);

// What a raw IPv4 socket gives, without its IP header; empty when that is broken.
base::Bytes without_v4_header(base::Bytes packet);

}  // namespace quality::icmp
