#include "probe/records.hpp"

#include <algorithm>
#include <cstring>

namespace probe {
namespace {

struct Header {
    std::uint64_t checksum = 0;
    std::uint32_t sequence = 0;
    std::uint32_t length = 0;
};
static_assert(sizeof(Header) == Record::header_length);

// Tells a half that was written in part from a whole one: each word is multiplied in, and folded back.
std::uint64_t mix(std::uint64_t sum, std::uint64_t word) {
    sum = (sum ^ word) * 0x9e3779b97f4a7c15U;
    return sum ^ (sum >> 32U);
}

std::uint64_t checksum(const Header& header, base::Bytes payload) {
    auto sum = mix(0x2545f4914f6cdd1dU, (std::uint64_t{header.sequence} << 32U) | header.length);
    while (!payload.empty()) {
        std::uint64_t word = 0;
        const auto size = payload.size() < sizeof word ? payload.size() : sizeof word;
        std::memcpy(&word, payload.data(), size);
        sum = mix(sum, word);
        payload = payload.subspan(size);
    }
    return sum;
}

struct Half {
    std::uint32_t sequence = 0;
    base::Bytes payload;
};

std::optional<Half> read_half(base::Bytes half) {
    Header header;
    std::memcpy(&header, half.data(), sizeof header);
    if (header.length > half.size() - sizeof header) return std::nullopt;
    const auto payload = half.subspan(sizeof header, header.length);
    if (header.checksum != checksum(header, payload)) return std::nullopt;
    return Half{header.sequence, payload};
}

// Which of the two is the newest whole one: 0 or 1; none: neither is whole.
std::optional<std::uint32_t> newest_of(const std::optional<Half>& a, const std::optional<Half>& b) {
    if (!a && !b) return std::nullopt;
    if (!b) return 0;
    if (!a) return 1;
    return static_cast<std::int32_t>(b->sequence - a->sequence) > 0 ? 1 : 0;  // the sequence wraps
}

}  // namespace

Record::Record(std::span<std::byte> place) : at_{place.data()}, half_{static_cast<std::uint32_t>(place.size() / 2)} {
    const auto a = read_half(place.first(half_)), b = read_half(place.subspan(half_, half_));
    const auto newest = newest_of(a, b);
    if (!newest) return;
    newest_ = *newest;
    sequence_ = (newest_ == 0 ? a : b)->sequence;
}

void Record::write(base::Bytes payload) {
    if (at_ == nullptr || payload.size() > half_ - header_length || holds(payload)) return;
    Header header{.sequence = sequence_ + 1, .length = static_cast<std::uint32_t>(payload.size())};
    header.checksum = checksum(header, payload);
    auto* const to = at_ + std::size_t{half_} * (newest_ ^ 1U);
    std::memcpy(to, &header, sizeof header);
    if (!payload.empty()) std::memcpy(to + sizeof header, payload.data(), payload.size());
    sequence_ = header.sequence;
    newest_ ^= 1U;
}

bool Record::holds(base::Bytes payload) const {
    Header header;
    const auto* const from = at_ + std::size_t{half_} * newest_;
    std::memcpy(&header, from, sizeof header);
    if (sequence_ == 0 || header.length != payload.size()) return sequence_ == 0 && payload.empty();
    return std::ranges::equal(base::Bytes{from + sizeof header, payload.size()}, payload);
}

std::optional<base::Bytes> Record::read(base::Bytes place) {
    const auto half = place.size() / 2;
    if (half < header_length) return std::nullopt;
    const auto a = read_half(place.first(half)), b = read_half(place.subspan(half, half));
    const auto newest = newest_of(a, b);
    if (!newest) return std::nullopt;
    const auto payload = (*newest == 0 ? a : b)->payload;
    return payload.empty() ? std::nullopt : std::optional{payload};
}

}  // namespace probe
