#include "bfd/packet.hpp"

#include <cassert>

namespace bfd {
namespace {

constexpr unsigned version = 1;
constexpr unsigned diagnostic_mask = 0x1f;  // five bits, not four
constexpr unsigned poll_bit = 0x20, final_bit = 0x10, control_plane_bit = 0x08, authentication_bit = 0x04,
                   demand_bit = 0x02, multipoint_bit = 0x01;
constexpr std::size_t shortest_authenticated = mandatory_length + 2;  // Auth Type and Auth Len, RFC 5880 §4.1

constexpr unsigned bit(bool on, unsigned mask) { return on ? mask : 0U; }

}  // namespace

void encode(const Packet& packet, std::span<std::byte, mandatory_length> out) {
    base::ByteWriter writer{out};
    const unsigned first = version << 5 | (static_cast<unsigned>(packet.diagnostic) & diagnostic_mask);
    // RFC 5880 §4.1: the Multipoint bit MUST be zero; no authentication, so neither is A.
    const unsigned second = static_cast<unsigned>(packet.state) << 6 | bit(packet.poll, poll_bit) |
                            bit(packet.final, final_bit) | bit(packet.control_plane_independent, control_plane_bit) |
                            bit(packet.demand, demand_bit);
    writer.write(static_cast<std::uint8_t>(first));
    writer.write(static_cast<std::uint8_t>(second));
    writer.write(packet.detect_mult);
    writer.write(static_cast<std::uint8_t>(mandatory_length));
    writer.write(packet.my_discriminator.value);
    writer.write(packet.your_discriminator.value);
    writer.write(packet.desired_min_tx.count());
    writer.write(packet.required_min_rx.count());
    writer.write(packet.required_min_echo_rx.count());
    assert(writer.ok() && writer.size() == mandatory_length);
}

base::Result<Packet, DropReason> decode(base::Bytes datagram) {
    if (datagram.size() < mandatory_length) return tl::unexpected{DropReason::truncated};
    base::ByteReader in{datagram};
    const unsigned first = in.read<std::uint8_t>();
    const unsigned second = in.read<std::uint8_t>();
    const bool authenticated = (second & authentication_bit) != 0;
    Packet packet;
    packet.diagnostic = static_cast<Diagnostic>(first & diagnostic_mask);
    packet.state = static_cast<State>(second >> 6);
    packet.poll = (second & poll_bit) != 0;
    packet.final = (second & final_bit) != 0;
    packet.control_plane_independent = (second & control_plane_bit) != 0;
    packet.demand = (second & demand_bit) != 0;
    packet.detect_mult = in.read<std::uint8_t>();
    const std::size_t length = in.read<std::uint8_t>();
    packet.my_discriminator.value = in.read<std::uint32_t>();
    packet.your_discriminator.value = in.read<std::uint32_t>();
    packet.desired_min_tx = Microseconds{in.read<std::uint32_t>()};
    packet.required_min_rx = Microseconds{in.read<std::uint32_t>()};
    packet.required_min_echo_rx = Microseconds{in.read<std::uint32_t>()};

    // RFC 5880 §6.8.6, in its order.
    if (first >> 5 != version) return tl::unexpected{DropReason::bad_version};
    if (length < (authenticated ? shortest_authenticated : mandatory_length))
        return tl::unexpected{DropReason::bad_length};
    if (length > datagram.size()) return tl::unexpected{DropReason::bad_length};
    if (packet.detect_mult == 0) return tl::unexpected{DropReason::zero_detect_mult};
    if ((second & multipoint_bit) != 0) return tl::unexpected{DropReason::multipoint};
    if (packet.my_discriminator.value == 0) return tl::unexpected{DropReason::zero_my_discriminator};
    const bool down = packet.state == State::down || packet.state == State::admin_down;
    if (packet.your_discriminator.value == 0 && !down) return tl::unexpected{DropReason::zero_your_discriminator};
    if (authenticated) return tl::unexpected{DropReason::authentication_unsupported};
    return packet;
}

}  // namespace bfd
