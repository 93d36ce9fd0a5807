#include "view/metrics_table.hpp"

#include <array>
#include <chrono>
#include <limits>

namespace view {
namespace {

using control::Row;
using Session = control::Row::SessionView;
using prometheus::MetricType;
constexpr auto counter = MetricType::Counter;
constexpr auto gauge = MetricType::Gauge;
constexpr double none = std::numeric_limits<double>::quiet_NaN();

double number(std::uint64_t n) { return static_cast<double>(n); }
double number(bool b) { return b ? 1 : 0; }
double seconds(base::Duration d) { return std::chrono::duration<double>{d}.count(); }
double timestamp(base::WallTime at) { return at == base::WallTime{} ? none : seconds(at.time_since_epoch()); }
double seconds_or_none(const std::optional<base::Duration>& d) { return d ? seconds(*d) : none; }

double of(const Session& session, base::Counter probe::SlotCounters::*count) {
    return session.counters == nullptr ? 0 : number((session.counters->*count).value());
}

template <class Value>
double of(const Row& row, Value control::Failover::*value) {
    return row.failover == nullptr ? none : static_cast<double>(row.failover->*value);
}

double seconds_of(const Row& row, base::Duration quality::Figures::*figure) {
    return row.quality ? seconds(row.quality->recent.*figure) : none;
}
double ratio_or_none(const Row& row, std::optional<double> quality::Loss::*ratio) {
    return row.quality ? (row.quality->recent.loss.*ratio).value_or(none) : none;
}

bool is_limited(const Row& row) { return row.passage.fit == quality::Fit::limited; }
double passes(const Row& row) {
    const auto bytes = row.passage.fit == quality::Fit::whole ? row.passage.asked : row.passage.largest;
    return bytes == 0 ? none : number(std::uint64_t{bytes});
}
double echoes(const Row& row, base::Counter probe::GaugeCounters::*count) {
    return row.liveness && row.measuring != nullptr ? number((row.measuring->*count).value()) : none;
}

constexpr std::array of_process{
    Metric<Process>{{"wgbfd_uptime_seconds", "Since this worker began.", gauge},
                    [](const Process& p) { return seconds(p.uptime); }},
    Metric<Process>{{"wgbfd_worker_restarts_total", "Workers that the guardian has replaced.", counter},
                    [](const Process& p) { return number(p.worker_restarts); }},
    Metric<Process>{{"wgbfd_problems", "Sources and sockets that fail; status says which, and what to do.", gauge},
                    [](const Process& p) { return number(p.problems.size()); }},
    Metric<Process>{{"wgbfd_probe_realtime", "1: the probe thread runs under a real-time policy.", gauge},
                    [](const Process& p) { return number(p.probe_loop.realtime); }},
    Metric<Process>{{"wgbfd_probe_wakeups_total", "Returns of the probe thread from waiting.", counter},
                    [](const Process& p) { return number(p.probe_loop.wakeups); }},
    Metric<Process>{{"wgbfd_probe_late_wakes_total", "Wakes later than half a detection time.", counter},
                    [](const Process& p) { return number(p.probe_loop.late_wakes); }},
    Metric<Process>{{"wgbfd_probe_max_lateness_seconds", "The latest wake since the worker began.", gauge},
                    [](const Process& p) { return seconds(p.probe_loop.max_lateness); }},
    Metric<Process>{{"wgbfd_probe_stalls_total", "Late wakes with sessions of several interfaces expired.", counter},
                    [](const Process& p) { return number(p.probe_loop.stalls); }},
    Metric<Process>{{"wgbfd_probe_stands_still", "1: the probe thread should have come, and has not.", gauge},
                    [](const Process& p) { return number(p.probe_loop.stands_still); }},
    Metric<Process>{{"wgbfd_probe_standstills_total", "Times that it came a second late, or later.", counter},
                    [](const Process& p) { return number(p.probe_loop.standstills); }},
    Metric<Process>{{"wgbfd_probe_longest_standstill_seconds", "The longest of them.", gauge},
                    [](const Process& p) { return seconds(p.probe_loop.longest_standstill); }},
    Metric<Process>{{"wgbfd_control_handlers_total", "Pieces of work of the control thread.", counter},
                    [](const Process& p) { return number(p.control_loop.handlers); }},
    Metric<Process>{{"wgbfd_control_long_handlers_total", "… that took more than a millisecond of it.", counter},
                    [](const Process& p) { return number(p.control_loop.long_handlers); }},
    Metric<Process>{{"wgbfd_control_longest_handler_seconds", "The longest of them, in processor time.", gauge},
                    [](const Process& p) { return seconds(p.control_loop.longest_handler); }},
    Metric<Process>{{"wgbfd_probe_kernel_drops_total", "Datagrams dropped by the filter or a full buffer.", counter},
                    [](const Process& p) { return number(p.probe_loop.kernel_drops); }},
    Metric<Process>{{"wgbfd_frr_bfd_connected", "1: bfdd is connected to its data plane.", gauge},
                    [](const Process& p) { return p.frr_bfd ? number(p.frr_bfd->connected) : none; }},
    Metric<Process>{{"wgbfd_frr_bfd_sessions", "Sessions that bfdd asks for.", gauge},
                    [](const Process& p) { return p.frr_bfd ? number(p.frr_bfd->sessions) : none; }},
    Metric<Process>{{"wgbfd_fpm_connected", "1: zebra tells its routes by FPM.", gauge},
                    [](const Process& p) { return p.routes.fpm ? number(!p.routes.fpm->client.empty()) : none; }},
    Metric<Process>{{"wgbfd_routes", "Routes that are followed.", gauge},
                    [](const Process& p) { return number(p.routes.routes); }},
    Metric<Process>{{"wgbfd_routes_refused", "Routes that there is no room to follow.", gauge},
                    [](const Process& p) { return number(p.routes.refused.routes); }},
    Metric<Process>{{"wgbfd_routes_refused_nexthops", "Next-hop objects that there is no room to follow.", gauge},
                    [](const Process& p) { return number(p.routes.refused.objects); }},
    Metric<Process>{{"wgbfd_routes_refused_hops", "Next hops of routes and objects that have too many.", gauge},
                    [](const Process& p) { return number(p.routes.refused.hops); }},
    Metric<Process>{{"wgbfd_routes_bytes", "Memory that following routes takes.", gauge},
                    [](const Process& p) { return number(p.routes.bytes); }},
    Metric<Process>{{"wgbfd_routes_resyncs_total", "How often all routes were read anew after lost changes.", counter},
                    [](const Process& p) { return number(p.routes.resyncs); }},
};

constexpr std::array of_row{
    Metric<Row>{{"wgbfd_adjacency_configured", "1: named by the configuration; it counts for the exit status.", gauge},
                [](const Row& r) { return number(r.configured); }},
    Metric<Row>{{"wgbfd_adjacency_cost", "Cost that the verdict carries.", gauge},
                [](const Row& r) { return number(std::uint64_t{r.verdict.cost}); }},
    Metric<Row>{{"wgbfd_adjacency_base_cost", "What it costs at its best.", gauge},
                [](const Row& r) { return number(std::uint64_t{r.verdict.base_cost}); }},
    Metric<Row>{{"wgbfd_adjacency_since_timestamp_seconds", "When the verdict became what it is.", gauge},
                [](const Row& r) { return timestamp(r.since); }},
    Metric<Row>{{"wgbfd_adjacency_prefixes", "Prefixes that routing sends over it.", gauge},
                [](const Row& r) { return r.prefixes ? number(*r.prefixes) : none; }},
    Metric<Row>{{"wgbfd_quality_rtt_min_seconds", "Least round trip of the last ten seconds.", gauge},
                [](const Row& r) { return seconds_of(r, &quality::Figures::rtt_min); }},
    Metric<Row>{{"wgbfd_quality_rtt_median_seconds", "Median round trip of the last ten seconds.", gauge},
                [](const Row& r) { return seconds_of(r, &quality::Figures::rtt_median); }},
    Metric<Row>{{"wgbfd_quality_rtt_p95_seconds", "95 of 100 round trips took no longer.", gauge},
                [](const Row& r) { return seconds_of(r, &quality::Figures::rtt_p95); }},
    Metric<Row>{{"wgbfd_quality_jitter_seconds", "Variation between successive round trips.", gauge},
                [](const Row& r) { return seconds_of(r, &quality::Figures::jitter); }},
    Metric<Row>{{"wgbfd_quality_loss_ratio", "Probes of the last ten seconds that were not answered.", gauge},
                [](const Row& r) { return r.quality ? r.quality->recent.loss.round_trip : none; }},
    Metric<Row>{{"wgbfd_quality_loss_forward_ratio", "… lost on the way there.", gauge},
                [](const Row& r) { return ratio_or_none(r, &quality::Loss::forward); }},
    Metric<Row>{{"wgbfd_quality_loss_backward_ratio", "… lost on the way back.", gauge},
                [](const Row& r) { return ratio_or_none(r, &quality::Loss::backward); }},
    Metric<Row>{{"wgbfd_path_mtu_bytes", "The largest packet that comes through, up to the interface's MTU.", gauge},
                [](const Row& r) { return passes(r); }},
    Metric<Row>{{"wgbfd_interface_mtu_bytes", "The MTU of its interface.", gauge},
                [](const Row& r) { return r.interface_mtu == 0 ? none : number(std::uint64_t{r.interface_mtu}); }},
    Metric<Row>{{"wgbfd_path_mtu_limited", "1: packets as large as the interface's MTU do not come through.", gauge},
                [](const Row& r) { return r.passage.fit == quality::Fit::unknown ? none : number(is_limited(r)); }},
    Metric<Row>{
        {"wgbfd_icmp_session_up", "1: the peer answers; protocol = \"icmp\" alone.", gauge},
        [](const Row& r) { return r.liveness ? number(r.liveness->status.state == quality::EchoState::up) : none; }},
    Metric<Row>{{"wgbfd_icmp_interval_seconds", "Between two of its echo requests, while it is Up.", gauge},
                [](const Row& r) { return r.liveness ? seconds(r.liveness->parameters.interval) : none; }},
    Metric<Row>{{"wgbfd_icmp_detection_time_seconds", "So long without an answer, and it is Down.", gauge},
                [](const Row& r) {
                    return r.liveness ? seconds(r.liveness->parameters.interval * r.liveness->parameters.multiplier)
                                      : none;
                }},
    Metric<Row>{{"wgbfd_adjacency_padding_bytes", "What its packets are padded to (RFC 9764); 0: nothing.", gauge},
                [](const Row& r) { return number(std::uint64_t{r.padding}); }},
    Metric<Row>{{"wgbfd_icmp_echoes_sent_total", "Echo requests of such a session.", counter},
                [](const Row& r) { return echoes(r, &probe::GaugeCounters::echoes_sent); }},
    Metric<Row>{{"wgbfd_icmp_answers_total", "… that were answered.", counter},
                [](const Row& r) { return echoes(r, &probe::GaugeCounters::echo_answers); }},
    Metric<Row>{{"wgbfd_icmp_ups_total", "Times it went Up.", counter},
                [](const Row& r) { return echoes(r, &probe::GaugeCounters::ups); }},
    Metric<Row>{{"wgbfd_icmp_downs_total", "Times it left Up.", counter},
                [](const Row& r) { return echoes(r, &probe::GaugeCounters::downs); }},
    Metric<Row>{{"wgbfd_wireguard_latest_handshake_timestamp_seconds", "The peer's latest handshake.", gauge},
                [](const Row& r) {
                    return r.peer != nullptr && r.peer->latest_handshake ? timestamp(*r.peer->latest_handshake) : none;
                }},
    Metric<Row>{{"wgbfd_wireguard_receive_bytes_total", "Bytes received from the peer.", counter},
                [](const Row& r) { return r.peer == nullptr ? none : number(r.peer->rx_bytes); }},
    Metric<Row>{{"wgbfd_wireguard_transmit_bytes_total", "Bytes sent to the peer.", counter},
                [](const Row& r) { return r.peer == nullptr ? none : number(r.peer->tx_bytes); }},
    Metric<Row>{{"wgbfd_last_failover_timestamp_seconds", "The verdict of the last failover.", gauge},
                [](const Row& r) { return r.failover == nullptr ? none : timestamp(r.failover->at); }},
    Metric<Row>{{"wgbfd_last_failover_prefixes", "Prefixes that rode on it at that verdict.", gauge},
                [](const Row& r) { return of(r, &control::Failover::prefixes); }},
    Metric<Row>{{"wgbfd_last_failover_moved_prefixes", "… of them found another way.", gauge},
                [](const Row& r) { return of(r, &control::Failover::moved); }},
    Metric<Row>{{"wgbfd_last_failover_elsewhere_prefixes", "… of them to no adjacency.", gauge},
                [](const Row& r) { return of(r, &control::Failover::elsewhere); }},
    Metric<Row>{{"wgbfd_last_failover_withdrawn_prefixes", "… of them have no way any more.", gauge},
                [](const Row& r) { return of(r, &control::Failover::withdrawn); }},
    Metric<Row>{{"wgbfd_last_failover_left_prefixes", "… of them ride on it still.", gauge},
                [](const Row& r) { return of(r, &control::Failover::left); }},
    Metric<Row>{{"wgbfd_last_failover_first_move_seconds", "From the verdict to the first prefix that left.", gauge},
                [](const Row& r) { return r.failover == nullptr ? none : seconds_or_none(r.failover->first); }},
    Metric<Row>{{"wgbfd_last_failover_last_move_seconds", "From the verdict to the last prefix that left.", gauge},
                [](const Row& r) { return r.failover == nullptr ? none : seconds_or_none(r.failover->last); }},
};

constexpr std::array of_session{
    Metric<Session>{{"wgbfd_bfd_session_up", "1: the session is Up (RFC 5880).", gauge},
                    [](const Session& s) { return number(s.status.state == bfd::State::up); }},
    Metric<Session>{{"wgbfd_bfd_tx_interval_seconds", "Negotiated, before jitter.", gauge},
                    [](const Session& s) { return seconds(s.status.tx_interval); }},
    Metric<Session>{{"wgbfd_bfd_rx_interval_seconds", "What the peer may take between two packets.", gauge},
                    [](const Session& s) { return seconds(s.status.rx_interval); }},
    Metric<Session>{{"wgbfd_bfd_detection_time_seconds", "RFC 5880 section 6.8.4.", gauge},
                    [](const Session& s) { return seconds(s.status.detection_time); }},
    Metric<Session>{{"wgbfd_bfd_packets_sent_total", "Control packets sent.", counter},
                    [](const Session& s) { return of(s, &probe::SlotCounters::packets_sent); }},
    Metric<Session>{{"wgbfd_bfd_packets_received_total", "Control packets accepted.", counter},
                    [](const Session& s) { return of(s, &probe::SlotCounters::packets_received); }},
    Metric<Session>{{"wgbfd_bfd_send_failures_total", "Packets that the kernel did not take.", counter},
                    [](const Session& s) { return of(s, &probe::SlotCounters::send_failures); }},
    Metric<Session>{{"wgbfd_bfd_refused_packets_total", "Packets that named the session and were refused.", counter},
                    [](const Session& s) { return of(s, &probe::SlotCounters::refused); }},
    Metric<Session>{{"wgbfd_bfd_extended_total", "Silences not judged at once because wgbfd itself was late.", counter},
                    [](const Session& s) { return of(s, &probe::SlotCounters::extended); }},
    Metric<Session>{
        {"wgbfd_bfd_vouched_total", "Detection times that data stood in for packets (trust_data).", counter},
        [](const Session& s) { return of(s, &probe::SlotCounters::vouched); }},
    Metric<Session>{{"wgbfd_bfd_ups_total", "Times the session went Up.", counter},
                    [](const Session& s) { return of(s, &probe::SlotCounters::ups); }},
    Metric<Session>{{"wgbfd_bfd_downs_total", "Times the session left Up.", counter},
                    [](const Session& s) { return of(s, &probe::SlotCounters::downs); }},
};

}  // namespace

std::span<const Metric<Process>> process_metrics() { return of_process; }
std::span<const Metric<Row>> row_metrics() { return of_row; }
std::span<const Metric<Session>> session_metrics() { return of_session; }

}  // namespace view
