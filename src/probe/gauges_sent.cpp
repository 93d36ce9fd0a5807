// What the measurements send when it is due, and what becomes of it; silence is judged before.
#include <algorithm>
#include <cassert>
#include <cerrno>
#include <span>

#include "probe/gauges.hpp"
#include "quality/icmp_echo.hpp"
#include "quality/stamp.hpp"

namespace probe {

namespace {

namespace stamp = quality::stamp;

void count_round_trips(GaugeCounters& counters, const quality::Results& results) {
    for (const auto ticks : std::span{results.rtts}.first(results.answers)) {
        const auto rtt = quality::from_ticks(ticks);
        const auto bucket = std::ranges::lower_bound(rtt_bounds, rtt);  // a bucket holds its bound
        counters.rtt[static_cast<std::size_t>(bucket - rtt_bounds.begin())].add();
        counters.rtt_ns.add(static_cast<std::uint64_t>(rtt.count()));
    }
}

constexpr std::size_t udp_header = 8;
constexpr std::size_t ip_header(base::Family family) { return family == base::Family::v4 ? 20 : 40; }

bool is_shortage(int error) { return error == EAGAIN || error == ENOBUFS || error == ENOMEM; }

}  // namespace

bool Gauges::judges(base::TimePoint now) const {
    return deadlines_.any_due(
        now, [now](const Gauge& gauge) { return gauge.liveness && gauge.liveness->silence_deadline() <= now; });
}

std::optional<GaugePacket> Gauges::next(base::Now now, Seen seen) {
    while (deadlines_.earliest() <= now.steady) {
        auto& gauge = deadlines_.first();
        if (auto packet = due(now, gauge, seen)) return packet;
        assert(gauge.deadline() > now.steady);
        deadlines_.move(gauge, gauge.deadline());
    }
    return std::nullopt;
}

// Liveness first.
std::optional<GaugePacket> Gauges::due(base::Now now, Gauge& gauge, Seen& seen) {
    if (gauge.liveness && gauge.liveness->deadline() <= now.steady)
        if (auto packet = judge_liveness(now, gauge, seen)) return packet;
    const auto family = gauge.key.remote.family;
    if (gauge.meter.deadline() <= now.steady) {
        const auto method = gauge.meter.method();
        const auto seen_until = seen.of(method, family);
        const auto gap_end = gap_end_.of(method, family);
        while (gauge.meter.decide(now.steady, seen_until, gap_end)) {
            const Sample sample{gauge.id, now.steady, gauge.meter.take(now.steady)};
            count_round_trips(gauge.counters, sample.results);
            offer(sample);
        }
        return probe(now, gauge);
    }
    return sized(now, gauge, seen);
}

std::optional<GaugePacket> Gauges::judge_liveness(base::Now now, Gauge& gauge, Seen& seen) {
    auto& session = *gauge.liveness;
    const auto before = session.status();
    const auto seen_until = seen.of(quality::Method::icmp, gauge.key.remote.family);
    const auto gap_end = gap_end_.of(quality::Method::icmp, gauge.key.remote.family);
    const auto sequence = session.on_deadline(now.steady, seen_until, gap_end);
    if (session.status() != before) {
        gauge.counters.downs.add();
        tell(gauge);
    }
    if (!sequence) return std::nullopt;
    auto packet = echo(gauge, *sequence, session.cookie(*sequence, now.steady), session.parameters().padding);
    packet.purpose = Purpose::liveness;
    return packet;
}

// By what measures the path. A reflector that counts all it gets as one session would miscount the measuring.
std::optional<GaugePacket> Gauges::sized(base::Now now, Gauge& gauge, Seen& seen) {
    const bool is_stamp = gauge.meter.method() == quality::Method::stamp && !gauge.engine.reflector_is_plain;
    const auto method = is_stamp ? quality::Method::stamp : quality::Method::icmp;
    const Standing before{gauge};
    gauge.far_end.on_time(now.steady);
    gauge.path_mtu.ask_often(gauge.is_far_end_strict(), now.steady);
    const auto family = gauge.key.remote.family;
    const auto wanted = gauge.path_mtu.next(now.steady, seen.of(method, family), gap_end_.of(method, family));
    if (Standing{gauge} != before) tell(gauge);
    if (!wanted) return std::nullopt;
    const auto cookie = gauge.path_mtu.cookie(wanted->sequence);
    const stamp::Timestamp at{stamp::to_wire(now.wall).bits >> 32 << 32 | cookie};
    auto packet =
        is_stamp ? stamp(gauge, {wanted->sequence, at, stamp::our_error_estimate, gauge.ssid_of_sizes()}, wanted->size)
                 : echo(gauge, wanted->sequence, cookie, wanted->size);
    packet.purpose = Purpose::size;
    return packet;
}

GaugePacket Gauges::probe(base::Now now, Gauge& gauge) {
    const auto at = stamp::to_wire(now.wall);
    const auto cookie = static_cast<std::uint32_t>(at.bits);
    const auto sequence = gauge.meter.next_sequence();
    if (gauge.meter.method() == quality::Method::icmp) return echo(gauge, sequence, cookie, 0);
    return stamp(gauge, {sequence, at, stamp::our_error_estimate, gauge.ssid}, 0);
}

// `size`: of the IP packet, at least.
GaugePacket Gauges::stamp(const Gauge& gauge, const stamp::Request& request, std::size_t size) {
    const auto headers = ip_header(gauge.key.remote.family) + udp_header;
    const auto out = std::span{payload_}.first(std::max(size, headers + stamp::base_length) - headers);
    stamp::encode(request, out, size != 0 ? stamp::Asks::far_end : stamp::Asks::nothing);
    return {.id = gauge.id,
            .key = gauge.key,
            .use = Use::stamp_answers,
            .port = stamp::port,
            .cookie = static_cast<std::uint32_t>(request.sent.bits),
            .payload = out};
}

GaugePacket Gauges::echo(const Gauge& gauge, std::uint32_t sequence, std::uint32_t cookie, std::size_t size) {
    const auto family = gauge.key.remote.family;
    const auto headers = ip_header(family);
    const auto out = std::span{payload_}.first(std::max(size, headers + quality::icmp::length) - headers);
    quality::icmp::encode_request({identifier_, sequence, cookie}, family, out);
    return {.id = gauge.id, .key = gauge.key, .use = Use::echo_answers, .port = 0, .cookie = cookie, .payload = out};
}

// What the last echo came to: each that fails anew, for what is known of it grows old.
void Gauges::tell_sent(Gauge& gauge, int error) {
    gauge.engine.send_errno = error;
    tell(gauge);
}

void Gauges::on_sent(base::TimePoint now, const GaugePacket& packet, int error) {
    auto* const gauge = find(packet.id);
    assert(gauge != nullptr);
    auto& counters = gauge->counters;
    if (error != 0) counters.send_failures.add();
    switch (packet.purpose) {
        case Purpose::answer: return;
        case Purpose::measure:  // a probe that could not be sent was none: its number goes to the next
            if (error == 0) {
                counters.probes_sent.add();
                gauge->meter.on_sent(now, packet.cookie);
            }
            gauge->meter.wait(now);
            break;
        case Purpose::size:
            if (error == 0) counters.sized_sent.add();
            gauge->path_mtu.on_sent(now, error);
            break;
        case Purpose::liveness:
            if (error == 0) counters.echoes_sent.add();
            gauge->liveness->on_sent(now, is_shortage(error));
            if (!is_shortage(error) && (error != 0 || gauge->engine.send_errno != 0)) tell_sent(*gauge, error);
            break;
    }
    deadlines_.move(*gauge, gauge->deadline());
}

}  // namespace probe
