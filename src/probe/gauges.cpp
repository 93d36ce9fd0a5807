#include "probe/gauges.hpp"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <span>
#include <utility>

#include "probe/table.hpp"
#include "quality/icmp_echo.hpp"

namespace probe {

namespace {

using namespace std::chrono_literals;
namespace stamp = quality::stamp;

// What a receive buffer holds easily: a shorter sleep loses nothing.
constexpr auto late = 500ms;

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

// The reflector counts probes of size by themselves.
stamp::Ssid ssid_of_sizes(const Gauge& gauge) {
    return {static_cast<std::uint16_t>(gauge.ssid.value == 0x8000 ? 1 : gauge.ssid.value ^ 0x8000)};
}

// What would drop our traffic there is soon mended, once somebody knows.
bool is_strict(const Gauge& gauge) { return gauge.far_end.reverse_path() == quality::ReversePath::strict; }

bool is_shortage(int error) { return error == EAGAIN || error == ENOBUFS || error == ENOMEM; }

// What somebody is to hear of when it changes.
struct Standing {
    explicit Standing(const Gauge& gauge) : passage{gauge.path_mtu.passage()}, far_end{gauge.far_end.reverse_path()} {
        if (gauge.liveness) liveness = gauge.liveness->status();
    }
    friend bool operator==(const Standing&, const Standing&) = default;
    quality::Passage passage;
    quality::ReversePath far_end;
    std::optional<quality::EchoStatus> liveness;
};

}  // namespace

Gauges::Gauges(std::size_t capacity, std::uint16_t identifier)
    : by_place_(capacity, nullptr),
      by_key_{capacity},
      deadlines_{capacity},
      identifier_{identifier},
      payload_(UINT16_MAX) {}

void Gauges::on_wake(base::TimePoint now) {
    if (deadlines_.earliest() < now && now - deadlines_.earliest() > late) gap_end_ = Seen{now};
}

void Gauges::on_command(base::TimePoint now, const Command& command) {
    if (const auto* fresh = std::get_if<AddGauge>(&command)) return add(*fresh->gauge);
    if (const auto* change = std::get_if<ChangeGauge>(&command)) {
        if (auto* const gauge = find(change->id)) this->change(now, *gauge, change->asked);
    } else if (const auto* nudge = std::get_if<NudgeGauge>(&command)) {
        if (auto* const gauge = find(nudge->id); gauge != nullptr && gauge->liveness) {
            gauge->liveness->nudge(now);
            deadlines_.move(*gauge, gauge->deadline());
        }
    } else if (const auto* gone = std::get_if<RemoveGauge>(&command)) {
        if (auto* const gauge = find(gone->id)) remove(*gauge);
    }
}

void Gauges::add(Gauge& gauge) {
    const auto place = gauge.id.place;
    const auto same = [&](const Gauge& other) { return other.key == gauge.key; };
    if (place >= by_place_.size() || by_place_[place] != nullptr || by_key_.find(hash_of(gauge.key), same) != nullptr) {
        gauge.engine.next_removed = removed_;  // no room: straight back to its owner
        removed_ = &gauge;
        return;
    }
    by_place_[place] = &gauge;
    by_key_.insert(hash_of(gauge.key), gauge);
    deadlines_.add(gauge, gauge.deadline());
    ++size_;
}

void Gauges::change(base::TimePoint now, Gauge& gauge, const Asked& asked) {
    const Standing before{gauge};
    gauge.meter.change(asked.settings, now);
    gauge.path_mtu.change(asked.mtu, now);
    gauge.reverse_path = asked.reverse_path;
    if (asked.mtu == 0) gauge.far_end.forget();  // nobody asks any more
    gauge.path_mtu.ask_often(is_strict(gauge), now);
    if (!asked.liveness)
        gauge.liveness.reset();
    else if (gauge.liveness)
        gauge.liveness->change(*asked.liveness, now);
    else
        gauge.liveness.emplace(*asked.liveness, gauge.id.generation ^ gauge.ssid.value, now);
    if (Standing{gauge} != before) tell(gauge);
    deadlines_.move(gauge, gauge.deadline());
}

void Gauges::remove(Gauge& gauge) {
    by_place_[gauge.id.place] = nullptr;
    by_key_.erase(hash_of(gauge.key), gauge);
    deadlines_.remove(gauge);
    untell(gauge);
    --size_;
    gauge.engine.next_removed = removed_;
    removed_ = &gauge;
}

Gauge* Gauges::find(GaugeId id) const {
    auto* const gauge = id.place < by_place_.size() ? by_place_[id.place] : nullptr;
    return gauge != nullptr && gauge->id == id ? gauge : nullptr;
}

// As for BFD: WireGuard vouches for the source, so interface and both addresses say whose it is.
Gauge* Gauges::find(const Datagram& datagram) const {
    const bfd::SessionKey key{.ifindex = datagram.ifindex, .local = datagram.local, .remote = datagram.remote};
    return by_key_.find(hash_of(key), [&](const Gauge& gauge) { return gauge.key == key; });
}

std::optional<GaugePacket> Gauges::on_datagram(base::Now now, Use use, const Datagram& datagram) {
    auto* const gauge = find(datagram);
    if (gauge == nullptr) {
        counters_.strangers.add();
        return std::nullopt;
    }
    switch (use) {
        case Use::bfd: break;
        case Use::stamp_requests: return reflect(now, *gauge, datagram);
        case Use::stamp_answers: on_stamp_answer(*gauge, datagram); break;
        case Use::echo_answers: on_echo_answer(*gauge, datagram); break;
    }
    return std::nullopt;
}

std::optional<GaugePacket> Gauges::reflect(base::Now now, Gauge& gauge, const Datagram& datagram) {
    const auto request = stamp::decode_request(datagram.payload);
    if (!request || datagram.source_port == stamp::port || datagram.source_port == 0) {
        counters_.malformed.add();
        return std::nullopt;
    }
    const auto number = gauge.reflector.admit(now.steady, datagram.source_port, request->ssid);
    if (!number) {
        counters_.limited.add();
        gauge.counters.limited.add();
        return std::nullopt;
    }
    const auto received = now.wall - (now.steady - datagram.arrival);
    const auto payload = std::span{payload_}.first(datagram.payload.size());
    stamp::reflect(datagram.payload, *request, *number, received, now.wall, datagram.ttl, gauge.reverse_path, payload);
    counters_.reflected.add();
    gauge.counters.reflected.add();
    return GaugePacket{.id = gauge.id,
                       .key = gauge.key,
                       .purpose = Purpose::answer,
                       .use = Use::stamp_requests,
                       .port = datagram.source_port,
                       .cookie = 0,
                       .payload = payload};
}

void Gauges::on_stamp_answer(Gauge& gauge, const Datagram& datagram) {
    const auto reply = stamp::decode_reply(datagram.payload);
    // RFC 8972 §3: a reflector that knows no session identifiers sends none.
    const bool is_sized = reply && quality::PathMtu::owns(reply->sequence);
    const auto ssid = is_sized ? ssid_of_sizes(gauge) : gauge.ssid;
    const bool is_ours = reply && (reply->ssid == ssid || reply->ssid == stamp::Ssid{});
    if (!is_ours || datagram.source_port != stamp::port) return counters_.malformed.add();
    gauge.engine.reflector_is_plain = reply->ssid == stamp::Ssid{};
    if (is_sized)
        return take_sized(gauge, reply->sequence, static_cast<std::uint32_t>(reply->request_sent.bits),
                          datagram.arrival, reply->far_end);
    take(gauge, quality::Method::stamp,
         {.sequence = reply->sequence,
          .cookie = static_cast<std::uint32_t>(reply->request_sent.bits),
          .arrival = datagram.arrival,
          .residence = reply->sent - reply->received,
          .number = reply->number,
          .outward = reply->received - stamp::from_wire(reply->request_sent, stamp::Clock::ntp)});
}

void Gauges::on_echo_answer(Gauge& gauge, const Datagram& datagram) {
    const auto family = datagram.remote.family;
    const auto message =
        family == base::Family::v4 ? quality::icmp::without_v4_header(datagram.payload) : datagram.payload;
    const auto echo = quality::icmp::decode_reply(message, family);
    if (!echo || echo->identifier != identifier_) return counters_.malformed.add();
    if (quality::EchoSession::owns(echo->sequence)) return take_echo(gauge, *echo, datagram.arrival);
    if (quality::PathMtu::owns(echo->sequence))
        return take_sized(gauge, echo->sequence, echo->cookie, datagram.arrival);
    take(gauge, quality::Method::icmp,
         {.sequence = echo->sequence, .cookie = echo->cookie, .arrival = datagram.arrival});
}

void Gauges::take(Gauge& gauge, quality::Method method, const quality::Answer& answer) {
    switch (gauge.meter.on_answer(method, answer)) {
        case quality::Taken::fresh: gauge.counters.answers.add(); break;
        case quality::Taken::duplicate: gauge.counters.duplicates.add(); break;
        case quality::Taken::stale: break;
    }
}

void Gauges::take_sized(Gauge& gauge, std::uint32_t sequence, std::uint32_t cookie, base::TimePoint arrival,
                        quality::ReversePath far_end) {
    const Standing before{gauge};
    if (!gauge.path_mtu.on_answer(sequence, cookie, arrival)) return;
    gauge.counters.sized_answers.add();
    gauge.far_end.on_answer(arrival, far_end);
    gauge.path_mtu.ask_often(is_strict(gauge), arrival);
    if (Standing{gauge} != before) tell(gauge);
    deadlines_.move(gauge, gauge.deadline());
}

void Gauges::take_echo(Gauge& gauge, const quality::icmp::Echo& echo, base::TimePoint arrival) {
    if (!gauge.liveness) return;
    const auto before = gauge.liveness->status();
    if (!gauge.liveness->on_answer(echo.sequence, echo.cookie, arrival)) return;
    gauge.counters.echo_answers.add();
    const auto& status = gauge.liveness->status();
    if (status.state != before.state) gauge.counters.ups.add();
    if (status != before) tell(gauge);
    deadlines_.move(gauge, gauge.deadline());
}

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
    gauge.path_mtu.ask_often(is_strict(gauge), now.steady);
    const auto family = gauge.key.remote.family;
    const auto wanted = gauge.path_mtu.next(now.steady, seen.of(method, family), gap_end_.of(method, family));
    if (Standing{gauge} != before) tell(gauge);
    if (!wanted) return std::nullopt;
    const auto cookie = gauge.path_mtu.cookie(wanted->sequence);
    const stamp::Timestamp at{stamp::to_wire(now.wall).bits >> 32 << 32 | cookie};
    auto packet =
        is_stamp ? stamp(gauge, {wanted->sequence, at, stamp::our_error_estimate, ssid_of_sizes(gauge)}, wanted->size)
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
            break;
    }
    deadlines_.move(*gauge, gauge->deadline());
}

void Gauges::tell(Gauge& gauge) {
    if (std::exchange(gauge.engine.tells, true)) return;
    gauge.engine.next_told = nullptr;
    (told_.first == nullptr ? told_.first : told_.last->engine.next_told) = &gauge;
    told_.last = &gauge;
}

// What changed before it was removed interests nobody.
void Gauges::untell(Gauge& gauge) {
    if (!std::exchange(gauge.engine.tells, false)) return;
    Gauge* before = nullptr;
    for (auto* each = told_.first; each != &gauge; each = each->engine.next_told) before = each;
    (before == nullptr ? told_.first : before->engine.next_told) = gauge.engine.next_told;
    if (told_.last == &gauge) told_.last = before;
}

void Gauges::offer(const Sample& sample) {
    if (sample_count_ == samples_.size()) return counters_.samples_dropped.add();
    samples_[(sample_first_ + sample_count_++) % samples_.size()] = sample;
}

std::optional<Event> Gauges::next_event() {
    if (removed_ != nullptr) {
        auto* const gauge = removed_;
        removed_ = gauge->engine.next_removed;
        return GaugeRemoved{gauge};
    }
    if (told_.first != nullptr) {
        auto& gauge = *told_.first;
        untell(gauge);
        const Standing now{gauge};
        return PathChanged{gauge.id, now.passage, now.far_end, now.liveness};
    }
    if (sample_count_ == 0) return std::nullopt;
    const auto sample = samples_[sample_first_];
    sample_first_ = (sample_first_ + 1) % samples_.size();
    --sample_count_;
    return sample;
}

}  // namespace probe
