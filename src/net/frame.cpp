#include "net/frame.hpp"

#include <netinet/in.h>

#include <algorithm>

#include "net/receive_socket.hpp"

namespace net {

namespace {

constexpr std::uint8_t hop_limit = 255;  // RFC 5881 §5; RFC 5883 leaves it open
constexpr std::size_t checksum_offset = 6;

std::uint32_t sum16(base::Bytes bytes) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i)
        sum += std::to_integer<std::uint32_t>(bytes[i]) << (i % 2 == 0 ? 8 : 0);
    return sum;
}

void write_v4_header(base::ByteWriter& out, const bfd::SessionKey& key, std::uint16_t udp_length) {
    out.write(std::uint8_t{0x45});
    out.write(traffic_class);
    out.write(static_cast<std::uint16_t>(v4_header + udp_length));
    out.write(std::uint16_t{0});       // identification
    out.write(std::uint16_t{0x4000});  // don't fragment
    out.write(hop_limit);
    out.write(std::uint8_t{IPPROTO_UDP});
    out.write(std::uint16_t{0});  // checksum
    out.write_bytes(key.local.data());
    out.write_bytes(key.remote.data());
}

void write_v6_header(base::ByteWriter& out, const bfd::SessionKey& key, std::uint16_t udp_length) {
    out.write(std::uint32_t{6U << 28 | std::uint32_t{traffic_class} << 20});
    out.write(udp_length);
    out.write(std::uint8_t{IPPROTO_UDP});
    out.write(hop_limit);
    out.write_bytes(key.local.data());
    out.write_bytes(key.remote.data());
}

}  // namespace

std::uint16_t udp_checksum(const base::IpAddress& source, const base::IpAddress& destination, base::Bytes datagram,
                           std::size_t zeros) {
    auto sum = sum16(source.data()) + sum16(destination.data()) + sum16(datagram);
    sum += IPPROTO_UDP + static_cast<std::uint32_t>(datagram.size() + zeros);
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    const auto out = static_cast<std::uint16_t>(~sum);
    return out == 0 ? std::uint16_t{0xffff} : out;
}

Frame frame(const probe::Outgoing& packet) {
    Frame out;
    base::ByteWriter writer{out.bytes};
    const bool is_v4 = packet.key.local.is_v4();
    const auto header = is_v4 ? v4_header : v6_header;
    const auto bare = header + udp_header + packet.payload.size();
    out.zeros = std::max<std::size_t>(packet.padding, bare) - bare;
    const auto udp_length = static_cast<std::uint16_t>(bare - header + out.zeros);
    if (is_v4)
        write_v4_header(writer, packet.key, udp_length);
    else
        write_v6_header(writer, packet.key, udp_length);
    writer.write(packet.source_port);
    writer.write(packet.key.multihop ? multihop_port : single_hop_port);
    writer.write(udp_length);
    writer.write(std::uint16_t{0});
    writer.write_bytes(packet.payload);
    out.size = writer.size();
    const auto checksum = udp_checksum(packet.key.local, packet.key.remote, out.view().subspan(header), out.zeros);
    base::ByteWriter{std::span{out.bytes}.subspan(header + checksum_offset)}.write(checksum);
    return out;
}

}  // namespace net
