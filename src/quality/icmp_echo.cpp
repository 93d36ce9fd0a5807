#include "quality/icmp_echo.hpp"

#include <algorithm>
#include <cassert>

namespace quality::icmp {

namespace {

constexpr std::uint8_t request_v4 = 8, reply_v4 = 0, request_v6 = 128, reply_v6 = 129;
constexpr std::size_t checksum_at = 2;

// RFC 1071, over an even number of bytes.
std::uint16_t checksum(base::Bytes bytes) {
    base::ByteReader in{bytes};
    std::uint32_t sum = 0;
    while (in.remaining() >= 2) sum += in.read<std::uint16_t>();
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(~sum);
}

}  // namespace

void encode_request(const Echo& echo, base::Family family, std::span<std::byte> out) {
    assert(out.size() >= least_length);
    std::ranges::fill(out, std::byte{});
    base::ByteWriter writer{out};
    writer.write(family == base::Family::v4 ? request_v4 : request_v6);
    writer.write(std::uint8_t{0});
    writer.write(std::uint16_t{0});
    writer.write(echo.identifier);
    writer.write(static_cast<std::uint16_t>(echo.sequence));
    writer.write(echo.cookie);
    writer.write(echo.sequence);
    if (family == base::Family::v4)
        base::ByteWriter{out.subspan(checksum_at)}.write(checksum(out.first<least_length>()));  // zeros add nothing
}

std::optional<Echo> decode_reply(base::Bytes message, base::Family family) {
    if (message.size() < least_length) return std::nullopt;
    base::ByteReader in{message};
    const auto type = in.read<std::uint8_t>();
    const auto code = in.read<std::uint8_t>();
    if (type != (family == base::Family::v4 ? reply_v4 : reply_v6) || code != 0) return std::nullopt;
    in.skip(2);  // the kernel has checked ICMPv6's; a broken ICMPv4 cookie answers nothing
    Echo out;
    out.identifier = in.read<std::uint16_t>();
    const auto low = in.read<std::uint16_t>();
    out.cookie = in.read<std::uint32_t>();
    out.sequence = in.read<std::uint32_t>();
    if (static_cast<std::uint16_t>(out.sequence) != low) return std::nullopt;
    return out;
}

base::Bytes without_v4_header(base::Bytes packet) {
    if (packet.empty() || std::to_integer<unsigned>(packet[0]) >> 4 != 4) return {};
    const auto header = (std::to_integer<std::size_t>(packet[0]) & 0x0f) * 4;
    if (header < 20 || header > packet.size()) return {};
    return packet.subspan(header);
}

}  // namespace quality::icmp
