// What comes in for the measurements: the peers' requests, which are answered at once, and the answers to ours.
#include <span>

#include "probe/gauges.hpp"
#include "quality/icmp_echo.hpp"
#include "quality/stamp.hpp"

namespace probe {

namespace stamp = quality::stamp;

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
    const auto ssid = is_sized ? gauge.ssid_of_sizes() : gauge.ssid;
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
    gauge.path_mtu.ask_often(gauge.is_far_end_strict(), arrival);
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

}  // namespace probe
