#include "policy/degraded.hpp"

#include <algorithm>
#include <cmath>

#include "policy/statistics.hpp"

namespace policy {
namespace {

constexpr double one_in_a_hundred = 4.6;  // nats

// How much `lost` of the window speaks for far_over × limit against the limit.
double likelihood(const quality::Figures& figures, double limit) {
    const auto worse = std::min(Degraded::far_over * limit, (1 + limit) / 2);
    const auto probes = probes_of(figures);
    const auto lost = loss_of(figures) * probes;
    return lost * std::log(worse / limit) + (probes - lost) * std::log((1 - worse) / (1 - limit));
}

}  // namespace

double Suspicion::add(base::TimePoint now, double nats) {
    constexpr auto spacing = std::chrono::seconds{1};
    double before = 0;
    base::TimePoint newest{};
    for (std::size_t i = 0; i < count_; ++i) {
        const auto& entry = past_[i];
        const auto age = now - entry.at;
        if (age < quality::recent_window || age > 2 * quality::recent_window || entry.at < newest) continue;
        newest = entry.at;
        before = entry.nats;
    }
    // No more than twice what is needed: what was bad for long is forgotten as soon as what was bad just enough.
    sum_ = std::clamp(before + nats, 0.0, 2 * Degraded::enough_nats);
    const auto last = (next_ + past_.size() - 1) % past_.size();
    if (count_ == 0 || now - past_[last].at >= spacing) {
        past_[next_] = {now, sum_};
        next_ = (next_ + 1) % past_.size();
        count_ = std::min(count_ + 1, past_.size());
    }
    return sum_;
}

void Degraded::judge_loss(base::TimePoint now, const Windows& windows, double limit) {
    if (!windows.loss_counts) {
        if (loss_.on && now - loss_.since >= quality::lasting_window) loss_ = {};  // of when it did
        return;
    }
    const auto* recent = windows.recent;
    const auto* lasting =
        windows.lasting_full && probes_of(*windows.lasting) >= least_samples ? windows.lasting : nullptr;
    const bool sure = recent != nullptr && suspicion_.add(now, likelihood(*recent, limit)) >= enough_nats;
    if (loss_.on) {
        if (lasting != nullptr && now - loss_.since >= quality::lasting_window && loss_of(*lasting) < limit / 2)
            loss_ = {};
        return;
    }
    const bool at_once = sure && probes_of(*recent) >= least_samples && loss_of(*recent) >= far_over * limit;
    const bool lastly = lasting != nullptr && is_above(loss_of(*lasting), probes_of(*lasting), limit, one_in_a_hundred);
    if (at_once || lastly) loss_ = {true, at_once, now};
}

void Degraded::judge_delay(base::TimePoint now, Scale& scale, const Windows& windows, base::Duration limit,
                           base::Duration (*figure)(const quality::Figures&)) {
    const auto known = [](bool full, const quality::Figures* figures) {
        return full && figures->answers >= least_samples;
    };
    const bool lasting = known(windows.lasting_full, windows.lasting);
    if (scale.on) {
        if (lasting && now - scale.since >= quality::lasting_window && figure(*windows.lasting) < limit / 2) scale = {};
        return;
    }
    const bool at_once = known(windows.recent_full, windows.recent) && figure(*windows.recent) >= far_over * limit;
    if (at_once || (lasting && figure(*windows.lasting) > limit)) scale = {true, at_once, now};
}

bool Degraded::on_quality(base::TimePoint now, const Windows& windows, const Limits& limits) {
    const auto before = cause();
    judge_loss(now, windows, limits.loss);
    judge_delay(now, rtt_, windows, limits.rtt, [](const quality::Figures& figures) { return figures.rtt_median; });
    judge_delay(now, jitter_, windows, limits.jitter, jitter_of);
    return cause() != before;
}

const Degraded::Scale* Degraded::worst() const {
    return loss_.on ? &loss_ : rtt_.on ? &rtt_ : jitter_.on ? &jitter_ : nullptr;
}

std::optional<Cause> Degraded::cause() const {
    if (loss_.on) return Cause::quality_loss;
    if (rtt_.on) return Cause::quality_rtt;
    if (jitter_.on) return Cause::quality_jitter;
    return std::nullopt;
}

base::TimePoint Degraded::since() const {
    const auto* scale = worst();
    return scale != nullptr ? scale->since : base::never;
}

bool Degraded::came_at_once() const {
    const auto* scale = worst();
    return scale != nullptr && scale->at_once;
}

}  // namespace policy
