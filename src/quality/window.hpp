// Sliding windows over the results of one path, in 1.8 KiB and without allocation: the last 10 seconds in buckets of
// one second with each round trip exact (the last 128 of them), and 5 minutes in buckets of ten seconds, of which
// counts, minimum and six quantiles stay.
//
//   seconds  |1|2|3|4|5|6|7|8|9|now|              lasting  |10 s|10 s| … 29 of them … |10 s| the open one
//   round trips of the seconds, in order: [ . . . . . . . . . . . . . . . . . ] 128, oldest first out
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/time.hpp"
#include "quality/figures.hpp"
#include "quality/results.hpp"

namespace quality {

// A round trip in two bytes: eleven bits and an exponent, to 0.025 %, in ticks.
class Compact {
public:
    constexpr Compact() = default;
    static Compact of(Ticks ticks);
    Ticks ticks() const;
    friend constexpr auto operator<=>(const Compact&, const Compact&) = default;

private:
    std::uint16_t bits_ = 0;  // orders as the ticks do
};

class Window {
public:
    explicit Window(base::TimePoint now, Method method = Method::stamp)
        : begun_{now}, second_{second_of(now)}, open_decade_{second_ / 10}, method_{method} {}

    void add(base::TimePoint at, const Results& results);  // by another method than the last: they begin anew
    // As of `now`; with no probes in a window its figures are all zero.
    Quality quality(base::TimePoint now);

private:
    static constexpr std::size_t seconds = 10;
    static constexpr std::size_t decades = 29;  // closed; with the open one, 5 minutes at most
    static constexpr std::size_t exact = 128;
    static constexpr std::size_t points = 6;

    struct Counts {
        std::uint16_t probes = 0, answers = 0;
        std::uint16_t forward_sent = 0, forward_lost = 0, backward_sent = 0, backward_lost = 0;
        Variation round_trip{}, forward{}, backward{};
        void add(const Results& results);
    };
    struct Second {
        Counts counts;
        std::uint16_t kept = 0;  // round trips of it in the ring
    };
    struct Decade {  // ten seconds
        std::uint16_t probes = 0, answers = 0;
        std::uint16_t forward_sent = 0, forward_lost = 0, backward_sent = 0, backward_lost = 0;
        std::uint16_t pairs = 0, one_way_pairs = 0;
        Compact round_trip, forward, backward;  // mean variations
        Compact least;
        std::array<Compact, points> quantiles{};
    };

    static std::int64_t second_of(base::TimePoint at) {
        return std::chrono::floor<std::chrono::seconds>(at.time_since_epoch()).count();
    }
    void advance(base::TimePoint to);
    void enter(std::int64_t second);
    void keep(Ticks rtt);
    Decade digest(const Counts& counts, std::size_t newest) const;
    std::size_t sorted(std::size_t newest, std::array<Ticks, exact>& out) const;
    Figures recent() const;
    Figures lasting() const;

    base::TimePoint begun_;
    std::int64_t second_;  // the newest
    std::int64_t open_decade_;
    Method method_;
    std::array<Second, seconds> seconds_{};
    std::array<Compact, exact> rtts_{};
    std::uint16_t rtt_next_ = 0, rtt_count_ = 0;  // where the next goes, how many stand
    std::uint16_t open_rtts_ = 0;                 // … of them of the open decade
    Counts open_{};
    std::array<Decade, decades> decades_{};
    std::uint16_t decade_next_ = 0;
};

}  // namespace quality
