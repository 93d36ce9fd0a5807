#include "view/metrics.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <optional>
#include <sstream>
#include <string_view>
#include <utility>

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include "view/metrics_table.hpp"
#include "view/text.hpp"

namespace view {
namespace {

using namespace std::chrono_literals;
using control::Row;
using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

constexpr std::array<base::Duration, 11> failover_bounds{5ms, 10ms, 25ms, 50ms, 100ms, 250ms, 500ms, 1s, 2s, 5s, 10s};

constexpr std::size_t a_slice = 64;  // samples, or five times as many: below half a millisecond

double seconds(base::Duration d) { return std::chrono::duration<double>{d}.count(); }

MetricFamily family(const MetricName& is) {
    MetricFamily out;
    out.name = is.name;
    out.help = is.help;
    out.type = is.type;
    return out;
}

void add(MetricFamily& family, Labels labels, double value) {
    if (std::isnan(value)) return;
    auto& metric = family.metric.emplace_back();
    metric.label = std::move(labels);
    (family.type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
}

Labels with(Labels labels, Labels more) {
    labels.insert(labels.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    return labels;
}

Labels labels_of(const Row& row) { return {{"adjacency", clean(row.name)}, {"interface", clean(row.interface)}}; }

Labels info_of(const Row& row) {
    return {{"peer", row.adjacency == nullptr ? "" : to_base64(row.adjacency->peer)},
            {"local", to_string(row.local)},
            {"remote", to_string(row.remote)},
            {"address_source", row.source ? std::string{to_string(*row.source)} : ""}};
}

// Both sides' discriminators are names, not measurements.
Labels info_of(const Row::SessionView& session) {
    return {{"local_discriminator", std::to_string(session.status.local_discriminator.value)},
            {"remote_discriminator", std::to_string(session.status.remote_discriminator.value)},
            {"diagnostic", std::string{to_string(session.status.diagnostic)}},
            {"remote_state", std::string{to_string(session.status.remote_state)}}};
}

// One adjacency or session: who it is, and its value of each metric of its table.
struct Values {
    Labels labels, info;
    std::vector<double> values;
    std::optional<ClientMetric> round_trips{};  // none: it was never measured
};

template <class Of>
std::vector<double> values_of(std::span<const Metric<Of>> table, const Of& of) {
    std::vector<double> out;
    out.reserve(table.size());
    for (const auto& metric : table) out.push_back(metric.value(of));
    return out;
}

ClientMetric metric_of(const Histogram& histogram) {
    ClientMetric out;
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < histogram.bounds().size(); ++i) {
        total += histogram.counts()[i];
        out.histogram.bucket.push_back({total, seconds(histogram.bounds()[i])});
    }
    out.histogram.sample_count = total + histogram.counts().back();
    out.histogram.sample_sum = seconds(histogram.sum());
    return out;
}

std::optional<ClientMetric> round_trips_of(const Row& row) {
    if (row.measuring == nullptr || row.measuring->probes_sent.value() == 0) return std::nullopt;
    std::vector<std::uint64_t> counts;
    for (const auto& bucket : row.measuring->rtt) counts.push_back(bucket.value());
    return metric_of({probe::rtt_bounds, std::move(counts), std::chrono::nanoseconds{row.measuring->rtt_ns.value()}});
}

// A family in the making: how many it has of what may be samples, how the i-th becomes some, and how many in a slice.
struct Pending {
    MetricName is;
    std::size_t count = 0;
    std::function<void(MetricFamily&, std::size_t)> add;
    std::size_t slice = a_slice;
};

// A slice of a family: its head is written before the first sample alone.
std::string rendered(const MetricFamily& family, bool with_head) {
    std::ostringstream out;
    prometheus::TextSerializer{}.Serialize(out, {family});
    std::string_view text = out.view();
    for (int line = 0; !with_head && line < 2; ++line) text.remove_prefix(text.find('\n') + 1);  // HELP, TYPE
    return std::string{text};
}

}  // namespace

FailoverTimes::FailoverTimes() : first{failover_bounds}, last{failover_bounds} {}

void FailoverTimes::observe(const control::Failover& failover) {
    if (failover.first) first.observe(*failover.first);
    if (failover.last) last.observe(*failover.last);
}

struct Metrics::Pages {
    std::vector<Values> rows, sessions;
    std::vector<policy::VerdictState> states;
    std::vector<std::optional<policy::Cause>> causes;
    std::vector<Pending> families;
    std::size_t family = 0, sample = 0;  // that are next
    bool head_written = false;
    std::string text;

    void take_process(const Process& process);
    void take_histograms(const ProbeLoop& loop, const FailoverTimes& failovers);
    void take_row(const Row& row);
    void list(const MetricName& is, const std::vector<Values>& all, std::size_t column);
    void list_info(const MetricName& is, const std::vector<Values>& all);
    void list_states();
    void list_round_trips();
    void list_families();
};

void Metrics::Pages::take_process(const Process& process) {
    const auto one = [this](const MetricName& is, std::vector<std::pair<Labels, double>> samples) {
        const auto count = samples.size();
        families.push_back({is, count, [samples = std::move(samples)](MetricFamily& out, std::size_t i) {
                                add(out, samples[i].first, samples[i].second);
                            }});
    };
    one({"wgbfd_build_info", "The version that runs.", MetricType::Gauge},
        {{{{"version", clean(process.version)}}, 1}});
    for (const auto& metric : process_metrics()) one(metric.is, {{{}, metric.value(process)}});
    std::vector<std::pair<Labels, double>> refused, feeds;
    for (const auto& [reason, count] : process.probe_loop.dropped)
        refused.push_back({{{"reason", clean(reason)}}, static_cast<double>(count)});
    for (const auto& feed : process.feeds) feeds.push_back({{{"feed", clean(feed.name)}}, feed.healthy ? 1.0 : 0.0});
    one({"wgbfd_probe_refused_datagrams_total", "Datagrams refused.", MetricType::Counter}, std::move(refused));
    one({"wgbfd_feed_healthy", "0: the feed fails; status says why.", MetricType::Gauge}, std::move(feeds));
}

void Metrics::Pages::take_histograms(const ProbeLoop& loop, const FailoverTimes& failovers) {
    const auto one = [this](const MetricName& is, const Histogram& histogram) {
        families.push_back(
            {is, 1, [metric = metric_of(histogram)](MetricFamily& out, std::size_t) { out.metric.push_back(metric); }});
    };
    if (loop.lateness)
        one({"wgbfd_probe_lateness_seconds", "How late the probe thread woke for what was due.", MetricType::Histogram},
            *loop.lateness);
    one({"wgbfd_failover_first_move_seconds", "From a verdict to the first prefix that left.", MetricType::Histogram},
        failovers.first);
    one({"wgbfd_failover_last_move_seconds", "From a verdict to the last prefix that left.", MetricType::Histogram},
        failovers.last);
}

void Metrics::Pages::take_row(const Row& row) {
    rows.push_back({labels_of(row), info_of(row), values_of(row_metrics(), row), round_trips_of(row)});
    states.push_back(row.verdict.state);
    causes.push_back(row.verdict.cause);
    const auto take_session = [&](const Row::SessionView& session) {
        auto labels =
            with(labels_of(row), {{"local", to_string(session.key.local)}, {"remote", to_string(session.key.remote)}});
        sessions.push_back({std::move(labels), info_of(session), values_of(session_metrics(), session), {}});
    };
    if (row.session) take_session(*row.session);
    for (const auto& session : row.further) take_session(session);
}

void Metrics::Pages::list(const MetricName& is, const std::vector<Values>& all, std::size_t column) {
    families.push_back({is, all.size(), [&all, column](MetricFamily& out, std::size_t i) {
                            add(out, all[i].labels, all[i].values[column]);
                        }});
}

void Metrics::Pages::list_info(const MetricName& is, const std::vector<Values>& all) {
    families.push_back(
        {is, all.size(), [&all](MetricFamily& out, std::size_t i) { add(out, with(all[i].labels, all[i].info), 1); }});
}

void Metrics::Pages::list_states() {
    families.push_back(
        {{"wgbfd_adjacency_state", "1: this is its verdict.", MetricType::Gauge},
         rows.size(),
         [this](MetricFamily& out, std::size_t i) {
             using enum policy::VerdictState;
             for (const auto state : {unknown, up, degraded, down, admin_down})
                 add(out, with(rows[i].labels, {{"state", std::string{to_string(state)}}}), states[i] == state ? 1 : 0);
         }});
    families.push_back({{"wgbfd_adjacency_cause", "1: why its verdict is what it is.", MetricType::Gauge},
                        rows.size(),
                        [this](MetricFamily& out, std::size_t i) {
                            if (const auto& cause = causes[i])
                                add(out, with(rows[i].labels, {{"cause", std::string{to_string(*cause)}}}), 1);
                        }});
}

void Metrics::Pages::list_round_trips() {
    families.push_back(
        {{"wgbfd_quality_rtt_seconds", "Round trips of the probes that were answered.", MetricType::Histogram},
         rows.size(),
         [this](MetricFamily& out, std::size_t i) {
             if (!rows[i].round_trips) return;
             out.metric.push_back(*rows[i].round_trips);
             out.metric.back().label = rows[i].labels;
         },
         a_slice / (2 * probe::rtt_bounds.size())});
}

void Metrics::Pages::list_families() {
    list_info({"wgbfd_adjacency_info", "Who it is.", MetricType::Gauge}, rows);
    list_states();
    list_round_trips();
    for (std::size_t i = 0; i < row_metrics().size(); ++i) list(row_metrics()[i].is, rows, i);
    list_info({"wgbfd_bfd_session_info", "What the session says of itself.", MetricType::Gauge}, sessions);
    for (std::size_t i = 0; i < session_metrics().size(); ++i) list(session_metrics()[i].is, sessions, i);
}

Metrics::Metrics(const Process& process, const FailoverTimes& failovers, Source source)
    : pages_{std::make_unique<Pages>()}, source_{std::move(source)} {
    pages_->take_process(process);
    pages_->take_histograms(process.probe_loop, failovers);
}

Metrics::~Metrics() = default;

bool Metrics::step() {
    auto& at = *pages_;
    if (source_) {
        if (const auto rows = source_()) {
            for (const auto& row : *rows) at.take_row(row);
        } else {
            source_ = {};
            at.list_families();
        }
        return true;
    }
    if (at.family == at.families.size()) return false;
    const auto& pending = at.families[at.family];
    auto slice = family(pending.is);
    for (const auto end = std::min(at.sample + pending.slice, pending.count); at.sample < end; ++at.sample)
        pending.add(slice, at.sample);
    if (!slice.metric.empty()) at.text += rendered(slice, !std::exchange(at.head_written, true));
    if (at.sample < pending.count) return true;
    ++at.family;
    at.sample = 0;
    at.head_written = false;
    return true;
}

std::string Metrics::take() && { return std::move(pages_->text); }

}  // namespace view
