#include "frr/dataplane_codec.hpp"

#include <algorithm>

namespace frr {

namespace {

// Flags of DP_ADD_SESSION.
constexpr std::uint32_t flag_multihop = 0x01;
constexpr std::uint32_t flag_demand = 0x02;
constexpr std::uint32_t flag_control_plane_independent = 0x04;
constexpr std::uint32_t flag_echo = 0x08;
constexpr std::uint32_t flag_ipv6 = 0x10;
constexpr std::uint32_t flag_passive = 0x20;
constexpr std::uint32_t flag_shutdown = 0x40;
// Flags of BFD_STATE_CHANGE.
constexpr std::uint32_t remote_control_plane_independent = 0x01;
constexpr std::uint32_t remote_demand = 0x02;

constexpr std::size_t name_length = 64;

// An IPv4 address stands in the first four bytes.
base::IpAddress read_address(base::ByteReader& in, bool ipv6) {
    const auto bytes = in.read_bytes(16);
    if (bytes.size() < 16) return {};
    return ipv6 ? base::IpAddress::v6(bytes.first<16>()) : base::IpAddress::v4(bytes.first<4>());
}

std::string read_name(base::ByteReader& in) {
    const auto bytes = in.read_bytes(name_length);
    const auto end = std::ranges::find(bytes, std::byte{0});  // all 64 may be used: then nothing ends it
    std::string name;
    std::transform(bytes.begin(), end, std::back_inserter(name), [](std::byte b) { return static_cast<char>(b); });
    return name;
}

bfd::Microseconds read_interval(base::ByteReader& in) { return bfd::Microseconds{in.read<std::uint32_t>()}; }

}  // namespace

void encode(const Header& header, base::ByteWriter& out) {
    out.write(header.version);
    out.write(std::uint8_t{0});
    out.write(static_cast<std::uint16_t>(header.type));
    out.write(header.id);
    out.write(header.length);
}

base::Result<std::optional<Header>, FrameError> next_message(base::Bytes buffered) {
    if (buffered.size() < header_length) return std::optional<Header>{};
    base::ByteReader in{buffered};
    Header header;
    header.version = in.read<std::uint8_t>();
    in.skip(1);
    header.type = static_cast<MessageType>(in.read<std::uint16_t>());
    header.id = in.read<std::uint16_t>();
    header.length = in.read<std::uint16_t>();
    if (header.version == 0) return tl::unexpected{FrameError::bad_version};
    if (header.length < header_length || header.length > longest_message) return tl::unexpected{FrameError::bad_length};
    if (buffered.size() < header.length) return std::optional<Header>{};
    return header;
}

std::optional<AddSession> decode_session(base::Bytes message) {
    base::ByteReader in{message};
    in.skip(header_length);
    AddSession out;
    const auto flags = in.read<std::uint32_t>();
    out.multihop = flags & flag_multihop;
    out.demand = flags & flag_demand;
    out.control_plane_independent = flags & flag_control_plane_independent;
    out.echo = flags & flag_echo;
    out.ipv6 = flags & flag_ipv6;
    out.passive = flags & flag_passive;
    out.shutdown = flags & flag_shutdown;
    out.source = read_address(in, out.ipv6);
    if (out.source.is_unspecified()) out.source = {};
    out.destination = read_address(in, out.ipv6);
    out.lid = in.read<std::uint32_t>();
    out.min_tx = read_interval(in);
    out.min_rx = read_interval(in);
    out.min_echo_tx = read_interval(in);
    out.min_echo_rx = read_interval(in);
    in.skip(4);  // hold_time: bfdd never fills it
    out.ttl = in.read<std::uint8_t>();
    out.detect_mult = in.read<std::uint8_t>();
    in.skip(2);
    out.ifindex = base::IfIndex{in.read<std::uint32_t>()};
    out.ifname = read_name(in);
    if (!in.ok()) return std::nullopt;
    return out;
}

std::optional<CountersRequest> decode_counters_request(base::Bytes message) {
    base::ByteReader in{message};
    in.skip(4);
    CountersRequest out;
    out.id = in.read<std::uint16_t>();
    in.skip(2);
    out.lid = in.read<std::uint32_t>();
    if (!in.ok()) return std::nullopt;
    return out;
}

std::optional<std::uint64_t> decode_echo(base::Bytes message) {
    base::ByteReader in{message};
    in.skip(header_length);
    const auto stamp = in.read<std::uint64_t>();
    if (!in.ok()) return std::nullopt;
    return stamp;
}

std::array<std::byte, state_change_length> encode(const StateMessage& message) {
    std::array<std::byte, state_change_length> bytes{};
    base::ByteWriter out{bytes};
    encode(Header{.type = MessageType::state_change, .length = state_change_length}, out);
    out.write(message.lid);
    out.write(message.remote_discriminator.value);
    out.write((message.control_plane_independent ? remote_control_plane_independent : 0U) |
              (message.demand ? remote_demand : 0U));
    out.write(message.desired_min_tx.count());
    out.write(message.required_min_rx.count());
    out.write(message.required_min_echo_rx.count());
    out.write(static_cast<std::uint8_t>(message.state));
    out.write(static_cast<std::uint8_t>(message.diagnostic));
    out.write(message.detect_mult);
    return bytes;
}

std::array<std::byte, counters_length> encode(const CountersRequest& request, const Counters& counters) {
    std::array<std::byte, counters_length> bytes{};
    base::ByteWriter out{bytes};
    encode(Header{.type = MessageType::counters, .id = request.id, .length = counters_length}, out);
    out.write(request.lid);
    out.write(std::uint32_t{0});
    out.write(counters.control_in_bytes);
    out.write(counters.control_in_packets);
    out.write(counters.control_out_bytes);
    out.write(counters.control_out_packets);
    return bytes;  // the echo function is not spoken: its four counters are 0
}

std::array<std::byte, echo_length> encode_echo(MessageType type, std::uint64_t stamp) {
    std::array<std::byte, echo_length> bytes{};
    base::ByteWriter out{bytes};
    encode(Header{.type = type, .length = echo_length}, out);
    out.write(stamp);
    return bytes;
}

}  // namespace frr
