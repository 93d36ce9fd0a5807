#include "policy/advertised.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "policy/statistics.hpp"

namespace policy {
namespace {

constexpr double margin = 0.1;   // beyond an edge
constexpr double by_chance = 3;  // nats
constexpr std::uint32_t least_latency = 1, greatest_latency = 9, least_loss = 91;
constexpr std::array loss_edges{0.001, 0.01, 0.05};  // the upper ones of 91, 92, 93

double milliseconds(base::Duration d) { return static_cast<double>(d.count()) / 1e6; }

double upper_edge(std::uint32_t latency) { return std::exp(latency); }  // ms

}  // namespace

std::uint32_t latency_class(base::Duration rtt) {
    auto out = least_latency;
    while (out < greatest_latency && milliseconds(rtt) > upper_edge(out)) ++out;
    return out;
}

std::uint32_t loss_class(double loss) {
    const auto edge = std::ranges::lower_bound(loss_edges, loss);  // at most: the edge belongs to its class
    return least_loss + static_cast<std::uint32_t>(edge - loss_edges.begin());
}

bool Advertised::Patience::is_over(base::TimePoint now, bool strays) {
    if (!strays) since = base::never;
    if (!strays) return false;
    since = std::min(since, now);
    if (now - since < hold) return false;
    since = base::never;
    return true;
}

void Advertised::judge_latency(base::TimePoint now, const quality::Figures& figures) {
    if (figures.answers < least_samples) return;
    const auto held = classes_.latency;
    const auto rtt = milliseconds(figures.rtt_median);
    const bool above = held < greatest_latency && rtt > upper_edge(held) * (1 + margin);
    const bool below = held > least_latency && rtt < upper_edge(held - 1) * (1 - margin);
    if (held == 0 || latency_.is_over(now, above || below)) classes_.latency = latency_class(figures.rtt_median);
}

void Advertised::judge_loss(base::TimePoint now, const quality::Figures& figures) {
    const auto probes = probes_of(figures);
    if (probes < least_samples) return;
    const auto loss = loss_of(figures);
    if (classes_.loss == 0) {
        classes_.loss = loss_class(loss);
        return;
    }
    const std::size_t held = classes_.loss - least_loss;
    const auto is_beyond = [&](double edge) {
        return loss > edge * (1 + margin) && is_above(loss, probes, edge, by_chance);
    };
    const auto is_within = [&](double edge) {  // few probes cannot prove that little is lost: none will do
        return loss == 0 || (loss < edge * (1 - margin) && is_below(loss, probes, edge, by_chance));
    };
    const bool above = held < loss_edges.size() && is_beyond(loss_edges[held]);
    const bool below = held > 0 && is_within(loss_edges[held - 1]);
    if (loss_.is_over(now, above || below)) classes_.loss = loss_class(loss);
}

void Advertised::judge_share(base::TimePoint now, std::uint32_t share) {
    const auto held = static_cast<double>(classes_.med_share.value_or(0));
    const bool strays = std::abs(share - held) > std::max(2.0, held / 4);
    if (!classes_.med_share || share_.is_over(now, strays)) classes_.med_share = share;
}

bool Advertised::on_quality(base::TimePoint now, const Windows& windows, std::uint32_t share) {
    if (!windows.lasting_full) return false;
    const auto before = classes_;
    judge_latency(now, *windows.lasting);
    if (windows.loss_counts) judge_loss(now, *windows.lasting);
    judge_share(now, share);
    return classes_ != before;
}

}  // namespace policy
