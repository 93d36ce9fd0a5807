#include "quality/far_end.hpp"

#include <algorithm>
#include <array>
#include <cassert>

namespace quality {

namespace {

constexpr std::byte unrecognized{0x80}, malformed{0x40}, integrity_failed{0x20};  // RFC 8972 §4
constexpr std::byte known{0x80}, strict{0x40};
constexpr std::size_t said_at = 8;
// Type, length and name.
constexpr std::array<std::byte, 7> ours{std::byte{far_end::type}, std::byte{0},   std::byte{8},  std::byte{'w'},
                                        std::byte{'g'},           std::byte{'b'}, std::byte{'d'}};

bool is_ours(base::Bytes tlv) {
    return tlv.size() >= far_end::length && std::ranges::equal(tlv.subspan(1, ours.size()), ours);
}

std::uint16_t seconds(base::TimePoint at) {
    return static_cast<std::uint16_t>(std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count());
}

}  // namespace

namespace far_end {

void encode_question(std::span<std::byte> out) {
    assert(out.size() == length);
    std::ranges::fill(out, std::byte{});
    out[0] = unrecognized;  // RFC 8972 §4: "The Session-Sender MUST set the U flag to 1"
    std::ranges::copy(ours, out.begin() + 1);
}

bool answer(std::span<std::byte> tlv, ReversePath reverse_path) {
    if (!is_ours(tlv)) return false;
    std::ranges::fill(tlv.subspan(said_at, length - said_at), std::byte{});
    tlv[0] = std::byte{};
    if (reverse_path != ReversePath::unknown)
        tlv[said_at] = reverse_path == ReversePath::strict ? known | strict : known;
    return true;
}

ReversePath decode_answer(base::Bytes tlvs) {
    if (!is_ours(tlvs) || (tlvs[0] & (unrecognized | malformed | integrity_failed)) != std::byte{})
        return ReversePath::unknown;
    if ((tlvs[said_at] & known) == std::byte{}) return ReversePath::unknown;
    return (tlvs[said_at] & strict) != std::byte{} ? ReversePath::strict : ReversePath::open;
}

}  // namespace far_end

void FarEnd::on_answer(base::TimePoint now, ReversePath said) {
    if (said == ReversePath::unknown) return;
    said_ = said;
    at_ = seconds(now);
}

void FarEnd::on_time(base::TimePoint now) {
    const std::chrono::seconds since{static_cast<std::uint16_t>(seconds(now) - at_)};
    if (since > holds_for) forget();
}

}  // namespace quality
