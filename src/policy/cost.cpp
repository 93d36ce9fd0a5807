#include "policy/cost.hpp"

#include <algorithm>
#include <cmath>

#include "policy/statistics.hpp"

namespace policy {
namespace {

constexpr base::Duration rtt_unit = std::chrono::milliseconds{10};
constexpr double greatest_rtt_share = 200;
constexpr double loss_units = 1'000;                                         // in a loss of everything
constexpr double by_chance = 3, hardly_by_chance = 9, never_by_chance = 12;  // nats

std::uint32_t rounded(double share) { return static_cast<std::uint32_t>(std::lround(share)); }

}  // namespace

void Cost::judge_rtt(base::TimePoint now, const Windows& windows) {
    if (windows.recent == nullptr || !windows.recent_full) return;
    const auto& figures = windows.lasting != nullptr ? *windows.lasting : *windows.recent;
    if (figures.answers < least_samples) return;
    const auto share = std::min(static_cast<double>(figures.rtt_min.count()) / static_cast<double>(rtt_unit.count()),
                                greatest_rtt_share);
    const auto held = static_cast<double>(rtt_.value_or(0));
    const bool strays = std::abs(share - held) > std::max(2.0, held / 4);
    if (rtt_ && (!strays || now - rtt_changed_ < quality::lasting_window)) return;
    rtt_ = rounded(share);
    rtt_changed_ = now;
}

void Cost::judge_loss(base::TimePoint now, const Windows& windows) {
    if (!windows.loss_counts) {
        if (now - loss_changed_ >= quality::lasting_window) loss_ = 0;  // of when it did
        return;
    }
    if (!windows.recent_full) return;
    const auto held = loss_ / loss_units;
    const auto bar = held + std::max(0.003, held / 3);
    const auto is_worse = [&](const quality::Figures* figures, double nats) {
        return figures != nullptr && probes_of(*figures) >= least_samples &&
               is_above(loss_of(*figures), probes_of(*figures), bar, nats);
    };
    const auto take = [&](const quality::Figures& figures) {
        const auto share = rounded(loss_of(figures) * loss_units);
        if (share != loss_) loss_changed_ = now;
        loss_ = share;
    };
    if (is_worse(windows.recent, never_by_chance)) return take(*windows.recent);
    if (is_worse(windows.lasting, hardly_by_chance)) return take(*windows.lasting);
    if (!windows.lasting_full || now - loss_changed_ < quality::lasting_window) return;
    const auto& lasting = *windows.lasting;
    const auto share = loss_of(lasting);
    const auto probes = probes_of(lasting);
    // Few probes cannot prove that little is lost: a window without any loss will do.
    const bool less = share == 0 || is_below(share, probes, held * 3 / 4, by_chance);
    if (probes >= least_samples && share < held / 2 && less) take(lasting);
}

bool Cost::on_quality(base::TimePoint now, const Windows& windows) {
    const auto before = total(0);
    judge_rtt(now, windows);
    judge_loss(now, windows);
    return total(0) != before;
}

}  // namespace policy
