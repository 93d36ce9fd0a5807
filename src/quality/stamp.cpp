#include "quality/stamp.hpp"

#include <algorithm>
#include <cassert>

namespace quality::stamp {

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t ntp_epoch = 2'208'988'800;  // seconds from 1900 (RFC 5905 §6) to 1970
constexpr std::uint64_t ns_per_s = 1'000'000'000;
constexpr std::uint64_t era = std::uint64_t{1} << 32;

// RFC 8972 §4: the flags of a TLV.
constexpr auto unrecognized = std::byte{0x80};
constexpr auto malformed = std::byte{0x40};
constexpr std::size_t tlv_header = 4;
constexpr auto extra_padding = std::byte{1};  // RFC 8972 §4.1

// RFC 4656 §4.1.2: "The Multiplier … MUST NOT be zero. If it is, the packet SHOULD be considered corrupt".
bool is_sound(std::uint16_t error_estimate) { return (error_estimate & 0xff) != 0; }

Clock clock_of(std::uint16_t error_estimate) { return (error_estimate & 0x4000) != 0 ? Clock::ptp : Clock::ntp; }

base::Result<base::Bytes, DropReason> of_good_length(base::Bytes datagram) {
    if (datagram.size() < least_length) return tl::unexpected{DropReason::truncated};
    if (datagram.size() > greatest_length) return tl::unexpected{DropReason::too_long};
    return datagram;
}

// RFC 8972 §4: a reflector says of each TLV whether it knew it, and of one that runs past the end that it is malformed.
// What follows such a one is beyond reading.
void answer_tlvs(std::span<std::byte> tlvs, ReversePath ours) {
    while (!tlvs.empty()) {
        auto& flags = tlvs[0];
        if (tlvs.size() < tlv_header) {
            flags = malformed;
            return;
        }
        const auto length = std::to_integer<std::size_t>(tlvs[2]) << 8 | std::to_integer<std::size_t>(tlvs[3]);
        const bool fits = length <= tlvs.size() - tlv_header;
        flags = !fits ? malformed : tlvs[1] == extra_padding ? std::byte{} : unrecognized;
        if (!fits) return;
        static_cast<void>(far_end::answer(tlvs.first(tlv_header + length), ours));
        tlvs = tlvs.subspan(tlv_header + length);
    }
}

}  // namespace

Timestamp to_wire(base::WallTime at, Clock clock) {
    const auto ns = static_cast<std::uint64_t>(std::max(at.time_since_epoch(), base::Duration{0}).count());
    const auto seconds = ns / ns_per_s;
    const auto rest = ns % ns_per_s;
    if (clock == Clock::ptp) return {seconds << 32 | rest};
    return {(seconds + ntp_epoch) << 32 | (rest << 32) / ns_per_s};
}

// NTP's seconds begin anew in 2036: the first half of them are those after that.
base::WallTime from_wire(Timestamp stamp, Clock clock) {
    const auto seconds = stamp.bits >> 32;
    const auto fraction = stamp.bits & 0xffff'ffff;
    if (clock == Clock::ptp)
        return base::WallTime{base::Duration{static_cast<std::int64_t>(seconds * ns_per_s + fraction)}};
    const auto since_1970 = seconds + (seconds < era / 2 ? era : 0) - ntp_epoch;
    const auto rest = (fraction * ns_per_s + era / 2) >> 32;
    // Bits before 1970 are nobody's clock; they wrap, and the caller's sanity checks refuse what comes of them.
    return base::WallTime{base::Duration{static_cast<std::int64_t>(since_1970 * ns_per_s + rest)}};
}

base::Result<Request, DropReason> decode_request(base::Bytes datagram) {
    const auto whole = of_good_length(datagram);
    if (!whole) return tl::unexpected{whole.error()};
    base::ByteReader in{datagram};
    Request out;
    out.sequence = in.read<std::uint32_t>();
    out.sent.bits = in.read<std::uint64_t>();
    out.error_estimate = in.read<std::uint16_t>();
    out.ssid.value = in.read<std::uint16_t>();
    if (!is_sound(out.error_estimate)) return tl::unexpected{DropReason::bad_error_estimate};
    return out;
}

void encode(const Request& request, std::span<std::byte> out, Asks asks) {
    assert(out.size() >= base_length);
    std::ranges::fill(out, std::byte{});
    base::ByteWriter writer{out};
    writer.write(request.sequence);
    writer.write(request.sent.bits);
    writer.write(request.error_estimate);
    writer.write(request.ssid.value);
    auto rest = out.subspan(base_length);
    if (asks == Asks::far_end && rest.size() >= far_end::length) {
        far_end::encode_question(rest.first(far_end::length));
        rest = rest.subspan(far_end::length);
    }
    if (rest.size() < tlv_header) return;
    // RFC 8972 §4: "The Session-Sender MUST set the U flag to 1", "... the M flag to 0".
    base::ByteWriter tlv{rest};
    tlv.write(std::to_integer<std::uint8_t>(unrecognized));
    tlv.write(std::to_integer<std::uint8_t>(extra_padding));
    tlv.write(static_cast<std::uint16_t>(rest.size() - tlv_header));
}

base::Result<Reply, DropReason> decode_reply(base::Bytes datagram) {
    const auto whole = of_good_length(datagram);
    if (!whole) return tl::unexpected{whole.error()};
    base::ByteReader in{datagram};
    Reply out;
    out.number = in.read<std::uint32_t>();
    const Timestamp sent{in.read<std::uint64_t>()};
    const auto error_estimate = in.read<std::uint16_t>();
    out.ssid.value = in.read<std::uint16_t>();
    const Timestamp received{in.read<std::uint64_t>()};
    out.sequence = in.read<std::uint32_t>();
    out.request_sent.bits = in.read<std::uint64_t>();
    if (!is_sound(error_estimate)) return tl::unexpected{DropReason::bad_error_estimate};
    out.sent = from_wire(sent, clock_of(error_estimate));
    out.received = from_wire(received, clock_of(error_estimate));
    if (datagram.size() > base_length) out.far_end = far_end::decode_answer(datagram.subspan(base_length));
    return out;
}

void reflect(base::Bytes datagram, const Request& request, std::uint32_t number, base::WallTime received,
             base::WallTime sent, std::uint8_t ttl, ReversePath ours, std::span<std::byte> out) {
    assert(out.size() == datagram.size());
    // Our stamps are NTP's, the default of RFC 8762 §4.2.1, whatever the sender's are; each side's Z bit tells of its
    // own.
    std::array<std::byte, base_length> fixed{};
    base::ByteWriter writer{fixed};
    writer.write(number);
    writer.write(to_wire(sent).bits);
    writer.write(our_error_estimate);
    writer.write(request.ssid.value);  // RFC 8972 §3: "MUST copy the SSID value"
    writer.write(to_wire(received).bits);
    writer.write(request.sequence);
    writer.write(request.sent.bits);
    writer.write(request.error_estimate);
    writer.write(std::uint16_t{0});
    writer.write(ttl);
    const auto shared = std::min(out.size(), fixed.size());
    std::ranges::copy(std::span{fixed}.first(shared), out.begin());
    if (out.size() <= base_length) return;
    std::ranges::copy(datagram.subspan(base_length), out.begin() + base_length);
    answer_tlvs(out.subspan(base_length), ours);
}

}  // namespace quality::stamp
