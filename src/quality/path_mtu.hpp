// Do packets as long as the interface sends them come through? Asked once a minute, by whatever measures the path, with
// a pair of probes: a large one that may not be fragmented, and right behind it a small one. Only a pair whose small
// probe came back says that the large one was lost for its size: an outage, a reflector that went away or one that
// answers so many a second (the large one comes first, and would take the token) say nothing.
//
//  - lost for their size, 16 pairs in all, half a second apart, and no large one answered: the path is limited. At 20 %
//    of loss each way that comes by chance to 6 of 10^10 checks (0.265^16).
//  - a binary search finds the largest size that passes, in steps of the 16 bytes that WireGuard pads inner packets to:
//    one answer says that a size passes, 8 pairs that it does not. Every minute it is looked at again.
//  - three large ones in a row that come back: it is limited no more.
//
// The outer packet is no question here: WireGuard sends it without DF, so an underlay that fragments carries all.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/time.hpp"

namespace quality {

enum class Fit : std::uint8_t { unknown, whole, limited };
constexpr std::string_view to_string(Fit f) {
    switch (f) {
        using enum Fit;
        case unknown: return "unknown";
        case whole: return "whole";
        case limited: return "limited";
    }
    return "?";
}

// In bytes of inner IP packets.
struct Passage {
    Fit fit = Fit::unknown;
    std::uint16_t asked = 0;    // the MTU of the interface, PathMtu::greatest at most; 0: not asked
    std::uint16_t largest = 0;  // limited: the largest that passes; 0: not found yet
    friend bool operator==(const Passage&, const Passage&) = default;
};

struct SizedProbe {
    std::uint32_t sequence = 0;
    std::uint16_t size = 0;
    friend bool operator==(const SizedProbe&, const SizedProbe&) = default;
};

class PathMtu {
public:
    static constexpr std::uint16_t greatest = 9216;  // Ethernet's jumbo frames
    static constexpr std::uint16_t grain = 16;       // WireGuard's padding
    // Their numbers begin here, apart from those that measure.
    static constexpr std::uint32_t first_sequence = 0x8000'0000;
    static constexpr bool owns(std::uint32_t sequence) { return (sequence >> 30) == 2; }

    static constexpr int lost_to_raise = 16, lost_to_stay = 3, passed_to_clear = 3, lost_to_bound = 8;
    static constexpr int silent_to_give_up = 32;

    // `least`: of the small probe. An `mtu` of 0 asks for nothing.
    PathMtu(std::uint16_t mtu, std::uint16_t least, std::uint32_t seed, base::TimePoint now);

    void change(std::uint16_t mtu, base::TimePoint now);
    // Every five seconds rather than once a minute: for who waits for an answer to something else that goes with it.
    void ask_often(bool often, base::TimePoint now);
    base::TimePoint deadline() const { return due_; }
    // Judges the pair that is out; then the probe that is to go now, if any: on_sent() tells what became of it. As for
    // Sender::decide(): what came until `seen_until` has been told, and before `gap_end` this host was not there.
    std::optional<SizedProbe> next(base::TimePoint now, base::TimePoint seen_until, base::TimePoint gap_end);
    void on_sent(base::TimePoint now, int error);
    bool on_answer(std::uint32_t sequence, std::uint32_t cookie, base::TimePoint arrival);  // true: it was awaited
    std::uint32_t cookie(std::uint32_t sequence) const;

    const Passage& passage() const { return passage_; }

private:
    enum class Doing : std::uint8_t { rest, checking, searching };
    enum class Pair : std::uint8_t { none, large_next, small_next, out };

    void begin_pair(base::TimePoint at);
    void ask_for(std::uint16_t size, base::TimePoint at);
    void rest(base::TimePoint now);
    void judge(base::TimePoint now, base::TimePoint gap_end);
    void on_passed(base::TimePoint now);
    void on_lost(base::TimePoint now);
    void on_silent(base::TimePoint now);
    void search(base::TimePoint now);

    Passage passage_;
    std::uint16_t least_;
    std::uint16_t size_ = 0;            // that is asked for
    std::uint16_t low_ = 0, high_ = 0;  // of the search: passes, does not
    std::uint8_t passed_ = 0, lost_ = 0, silent_ = 0;
    Doing doing_ = Doing::rest;
    Pair pair_ = Pair::none;
    bool small_came_ = false;
    bool often_ = false;
    std::uint32_t sequence_ = first_sequence;       // of the large one of the pair
    std::uint32_t first_of_size_ = first_sequence;  // ... of the first pair of this size
    std::uint32_t random_;
    std::uint32_t secret_;
    base::TimePoint due_ = base::never;
    base::TimePoint sent_{};
};

}  // namespace quality
