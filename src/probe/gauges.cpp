#include "probe/gauges.hpp"

#include <algorithm>
#include <cassert>
#include <span>

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

}  // namespace

Gauges::Gauges(std::size_t capacity, std::uint16_t identifier)
    : by_place_(capacity, nullptr), by_key_{capacity}, deadlines_{capacity}, identifier_{identifier} {}

void Gauges::on_wake(base::TimePoint now) {
    if (deadlines_.earliest() < now && now - deadlines_.earliest() > late) gap_end_ = now;
}

void Gauges::on_command(base::TimePoint now, const Command& command) {
    if (const auto* fresh = std::get_if<AddGauge>(&command)) return add(*fresh->gauge);
    if (const auto* change = std::get_if<ChangeGauge>(&command)) {
        if (auto* const gauge = find(change->id)) {
            gauge->meter.change(change->settings, now);
            deadlines_.move(*gauge, gauge->meter.deadline());
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
    deadlines_.add(gauge, gauge.meter.deadline());
    ++size_;
}

void Gauges::remove(Gauge& gauge) {
    by_place_[gauge.id.place] = nullptr;
    by_key_.erase(hash_of(gauge.key), gauge);
    deadlines_.remove(gauge);
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
    stamp::reflect(datagram.payload, *request, *number, received, now.wall, datagram.ttl, payload);
    counters_.reflected.add();
    gauge.counters.reflected.add();
    return GaugePacket{.id = gauge.id,
                       .key = gauge.key,
                       .use = Use::stamp_requests,
                       .port = datagram.source_port,
                       .cookie = 0,
                       .payload = payload};
}

void Gauges::on_stamp_answer(Gauge& gauge, const Datagram& datagram) {
    const auto reply = stamp::decode_reply(datagram.payload);
    // RFC 8972 §3: a reflector that knows no session identifiers sends none.
    const bool is_ours = reply && (reply->ssid == gauge.ssid || reply->ssid == stamp::Ssid{});
    if (!is_ours || datagram.source_port != stamp::port) return counters_.malformed.add();
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

std::optional<GaugePacket> Gauges::next(base::Now now, base::TimePoint seen_until) {
    if (deadlines_.earliest() > now.steady) return std::nullopt;
    auto& gauge = deadlines_.first();
    while (gauge.meter.decide(now.steady, seen_until, gap_end_)) {
        const Sample sample{gauge.id, now.steady, gauge.meter.take(now.steady)};
        count_round_trips(gauge.counters, sample.results);
        offer(sample);
    }
    return probe(now, gauge);
}

GaugePacket Gauges::probe(base::Now now, Gauge& gauge) {
    const auto at = stamp::to_wire(now.wall);
    const bool is_stamp = gauge.meter.method() == quality::Method::stamp;
    GaugePacket packet{.id = gauge.id,
                       .key = gauge.key,
                       .use = is_stamp ? Use::stamp_answers : Use::echo_answers,
                       .port = is_stamp ? stamp::port : std::uint16_t{0},
                       .cookie = static_cast<std::uint32_t>(at.bits),
                       .payload = {}};
    const auto sequence = gauge.meter.next_sequence();
    if (is_stamp) {
        const auto out = std::span{payload_}.first<stamp::base_length>();
        stamp::encode({sequence, at, stamp::our_error_estimate, gauge.ssid}, out);
        packet.payload = out;
    } else {
        const auto out = std::span{payload_}.first<quality::icmp::length>();
        quality::icmp::encode_request({identifier_, sequence, packet.cookie}, gauge.key.remote.family, out);
        packet.payload = out;
    }
    return packet;
}

// A probe that could not be sent was none: its number goes to the next.
void Gauges::on_sent(base::TimePoint now, const GaugePacket& packet, int error) {
    auto* const gauge = find(packet.id);
    assert(gauge != nullptr);
    if (error != 0) gauge->counters.send_failures.add();
    if (packet.use == Use::stamp_requests) return;
    if (error == 0) {
        gauge->counters.probes_sent.add();
        gauge->meter.on_sent(now, packet.cookie);
    }
    gauge->meter.wait(now);
    deadlines_.move(*gauge, gauge->meter.deadline());
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
    if (sample_count_ == 0) return std::nullopt;
    const auto sample = samples_[sample_first_];
    sample_first_ = (sample_first_ + 1) % samples_.size();
    --sample_count_;
    return sample;
}

}  // namespace probe
