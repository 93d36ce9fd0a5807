// What the far end says of its reverse path filter (RFC 3704 §2.2), where both ends are ours: a TLV (RFC 8972 §4) that
// goes with the probes of path_mtu and comes back filled in. The kernel has that filter for IPv4 alone: IPv6 has none
// to tell of.
//
//     0  flags U M I   1  type 252   2  length 8
//     4  "wgbd": another's use of a private type is not taken for ours
//     8  K: known   S: strict   9  zero; the asker sends all of the last four so
//
// RFC 8972 §5.1: types 252–254 are for private use. A reflector that is not ours sends it back as it came, or with U:
// then nothing is known, as from one of ours that does not know.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/bytes.hpp"
#include "base/time.hpp"

namespace quality {

// Of an interface. Strict: what comes in by it while the way back leads elsewhere is dropped.
enum class ReversePath : std::uint8_t { unknown, open, strict };
constexpr std::string_view to_string(ReversePath r) {
    switch (r) {
        using enum ReversePath;
        case unknown: return "unknown";
        case open: return "open";
        case strict: return "strict";
    }
    return "?";
}

namespace far_end {

inline constexpr std::uint8_t type = 252;
inline constexpr std::size_t length = 12;  // with its header

void encode_question(std::span<std::byte> out);  // `out`: of `length`
// At the reflector: `tlv` is one whole TLV, with its header. False: it is none of ours, and stays as it is.
bool answer(std::span<std::byte> tlv, ReversePath ours);
// What the first of these TLVs, of an answer, says.
ReversePath decode_answer(base::Bytes tlvs);

}  // namespace far_end

// What it said last. Who is silent, or knows nothing (one that has just begun), takes nothing back, for so long.
class FarEnd {
public:
    static constexpr base::Duration holds_for = std::chrono::minutes{5};

    ReversePath reverse_path() const { return said_; }
    void on_answer(base::TimePoint now, ReversePath said);
    void on_time(base::TimePoint now);  // once in an hour at least
    void forget() { said_ = ReversePath::unknown; }

private:
    ReversePath said_ = ReversePath::unknown;
    std::uint16_t at_ = 0;  // in seconds, wraps: there is one for each path
};

}  // namespace quality
