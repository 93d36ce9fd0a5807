// A path that is measured in virtual time: ten probes a second, told once a second, as the windows of quality/figures
// have it.
#pragma once

#include <array>
#include <cstdint>
#include <random>

#include "policy/windows.hpp"

namespace measured {

using namespace std::chrono_literals;

inline base::TimePoint at(base::Duration since_start) { return base::TimePoint{1h} + since_start; }

// Figures by hand.
inline quality::Figures figures(std::uint32_t probes, std::uint32_t lost, base::Duration rtt = 20ms,
                                base::Duration jitter = 1ms) {
    quality::Figures out;
    out.probes = probes;
    out.answers = probes - lost;
    out.loss.round_trip = probes == 0 ? 0 : static_cast<double>(lost) / probes;
    out.rtt_min = out.rtt_median = out.rtt_p95 = rtt;
    out.jitter = jitter;
    return out;
}
// … of which the peer counted some by itself, and missed some of those.
inline quality::Figures counted(quality::Figures figures, std::uint32_t sent, std::uint32_t lost) {
    figures.forward_sent = sent;
    figures.loss.forward = static_cast<double>(lost) / sent;
    return figures;
}
// A path that was as `recent` says in the last 10 s, and as `lasting` over 5 min.
inline quality::Quality full(quality::Figures recent, quality::Figures lasting) {
    return {quality::Method::stamp, recent, lasting, quality::lasting_window};
}

class Source {
public:
    explicit Source(std::uint64_t seed, int per_second = 10) : random_{seed}, per_second_{per_second} {}

    // One more second, in which each probe is lost with this probability.
    const quality::Quality& second(double loss, base::Duration rtt = 20ms, base::Duration jitter = 1ms) {
        std::uint32_t lost = 0;
        const auto bar = static_cast<std::uint32_t>(loss * 4'294'967'295.0);
        for (int i = 0; i < per_second_; ++i) lost += random_() < bar ? 1U : 0U;
        auto& oldest = seconds_[seen_ % seconds_.size()];
        sum_ += lost;
        sum_ -= oldest;
        oldest = lost;
        ++seen_;
        std::uint32_t recent = 0;
        const auto last = std::min<std::size_t>(seen_, 10);
        for (std::size_t i = 1; i <= last; ++i) recent += seconds_[(seen_ - i) % seconds_.size()];
        const auto held = std::min(seen_, seconds_.size());
        quality_.recent =
            figures(static_cast<std::uint32_t>(last) * static_cast<std::uint32_t>(per_second_), recent, rtt, jitter);
        quality_.lasting =
            figures(static_cast<std::uint32_t>(held) * static_cast<std::uint32_t>(per_second_), sum_, rtt, jitter);
        quality_.measured = std::chrono::seconds{held};
        return quality_;
    }
    base::TimePoint now() const { return at(std::chrono::seconds{seen_}); }

private:
    std::mt19937 random_;
    int per_second_;
    std::array<std::uint32_t, 300> seconds_{};
    std::uint32_t sum_ = 0;
    std::size_t seen_ = 0;
    quality::Quality quality_;
};

}  // namespace measured
