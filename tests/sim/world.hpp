// Two whole `control + probe` pairs on one virtual clock, without rings, descriptors or Asio: a tunnel between them
// that can be cut in either direction.
#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "config/config.hpp"
#include "control/controller.hpp"
#include "probe/engine.hpp"
#include "probe/gauges.hpp"

namespace sim {

using namespace std::chrono_literals;

inline base::IpAddress ip(std::string_view text) { return base::IpAddress::parse(text).value(); }
inline base::Prefix net(std::string_view text) { return base::Prefix::parse(text).value(); }
inline adjacency::PublicKey key(std::uint8_t n) {
    adjacency::PublicKey out;
    out.bytes.fill(n);
    return out;
}

// What a remembers of b after a restart, on their usual addresses.
inline control::WasUp a_saw_b() { return {"wg0", key(0xb), ip("10.8.0.1"), ip("10.8.0.2")}; }

inline base::Now at(base::Duration since_start) {
    return {base::TimePoint{1h} + since_start, base::WallTime{1'767'225'600s} + since_start};
}

inline adjacency::Peer peer(std::uint8_t n, std::vector<base::Prefix> allowed) {
    adjacency::Peer out;
    out.key = key(n);
    out.endpoint = base::Endpoint{ip("192.0.2.1"), 51820};
    out.allowed_ips = std::move(allowed);
    return out;
}

inline control::Host host(std::string_view address, std::vector<adjacency::Peer> peers, std::uint32_t index = 7) {
    control::Host out;
    adjacency::Link link;
    link.index = base::IfIndex{index};
    link.name = "wg0";
    link.kind = "wireguard";
    link.up = link.running = true;
    link.mtu = 1420;
    link.addresses.push_back({ip(address), {}, 24, false});
    out.links.push_back(link);
    adjacency::Device device;
    device.index = link.index;
    device.interface = "wg0";
    device.peers = std::move(peers);
    out.devices.push_back(device);
    return out;
}

// The address of the nth peer of a hub, and a hub with so many on one interface.
inline base::IpAddress nth_tunnel(std::uint32_t n) {
    auto out = ip("10.8.0.0");
    out.bytes[2] = static_cast<std::uint8_t>((n + 2) / 256);
    out.bytes[3] = static_cast<std::uint8_t>((n + 2) % 256);
    return out;
}
inline control::Host hub(std::uint32_t count) {
    std::vector<adjacency::Peer> all;
    for (std::uint32_t n = 0; n < count; ++n) {
        auto one = peer(1, {base::Prefix{nth_tunnel(n), 32}});
        one.key.bytes[0] = static_cast<std::uint8_t>(n / 256);
        one.key.bytes[1] = static_cast<std::uint8_t>(n % 256);
        all.push_back(one);
    }
    auto out = host("10.8.0.1", all);
    out.links.front().addresses.front().prefix_length = 16;
    return out;
}

// A packet that measures, or one that answers it.
struct GaugeFlying {
    bfd::SessionKey key;  // of its sender
    probe::Use use = probe::Use::stamp_answers;
    std::uint16_t source_port = 0;
    std::vector<std::byte> bytes;
    std::size_t size() const {  // as an IP packet
        return bytes.size() + (key.remote.is_v4() ? 20U : 40U) + (use == probe::Use::echo_answers ? 0U : 8U);
    }
};

// One daemon without its threads.
class Node {
public:
    Node(const config::Config& config, std::uint64_t seed, base::Now now)
        : controller{config, seed, now}, engine{64}, gauges{64, static_cast<std::uint16_t>(seed)} {}

    // What it wants to send is appended to `out`.
    void turn(base::Now now, std::vector<probe::Datagram>& in, std::vector<probe::Outgoing>& out) {
        engine.on_wake(now.steady);
        for (const auto& datagram : in) {
            engine.on_datagram(now.steady, datagram);
            flush(now, out);
        }
        in.clear();
        controller.on_deadline(now);
        for (bool again = true; again;) {
            while (!engine.on_deadlines(now.steady)) flush(now, out);
            flush(now, out);
            while (const auto event = engine.next_event()) controller.on_event(now, *event);
            auto turn = controller.take(now);
            again = !turn.commands.empty();
            for (const auto& command : turn.commands) {
                engine.on_command(now.steady, command);
                if (measures) gauges.on_command(now.steady, command);
                flush(now, out);
            }
            keep(turn);
            if (look)
                for (const auto& interface : turn.looks)
                    again |= interface == "wg0" && controller.on_look(now.steady, now.steady, look());
            const auto reports = controller.report(now);
            records.insert(records.end(), reports.begin(), reports.end());
        }
    }

    // After turn(): what came for its measurements, and what they send.
    void measure(base::Now now, const std::vector<GaugeFlying>& in, std::vector<GaugeFlying>& out) {
        if (!measures) return;
        gauges.on_wake(now.steady);
        for (const auto& packet : in) {
            const probe::Datagram datagram{.arrival = now.steady,
                                           .ifindex = base::IfIndex{7},
                                           .local = packet.key.remote,
                                           .remote = packet.key.local,
                                           .source_port = packet.source_port,
                                           .ttl = 255,
                                           .payload = packet.bytes};
            if (const auto answer = gauges.on_datagram(now, packet.use, datagram)) send(now, *answer, out);
        }
        while (const auto packet = gauges.next(now, now.steady)) send(now, *packet, out);
        while (const auto event = gauges.next_event()) controller.on_event(now, *event);
    }

    base::TimePoint deadline() const { return std::min({engine.deadline(), controller.deadline(), gauges.deadline()}); }
    const control::Row& row(std::size_t n = 0) {
        rows_ = controller.rows();
        return rows_.at(n);
    }
    // The verdict changes so far, "from>to cause".
    std::vector<std::string> verdicts() const {
        std::vector<std::string> out;
        for (const auto& record : records)
            if (record.event == "verdict") out.push_back(record.from + ">" + record.to + " " + record.cause);
        return out;
    }

    control::Controller controller;
    probe::Engine engine;
    probe::Gauges gauges;
    bool measures = false;
    std::vector<control::Record> records;
    std::vector<control::BfddUpdate> bfdd;
    std::size_t feeds_applied = 0;
    std::vector<std::string> refreshes;
    std::function<adjacency::Device()> look;  // answers at once; none: never
    std::size_t looks = 0;
    std::uint16_t interface_mtu = UINT16_MAX;  // a raw socket refuses what is longer
    int send_error = 0;                        // of whatever is sent

private:
    void send(base::Now now, const probe::GaugePacket& packet, std::vector<GaugeFlying>& out) {
        const bool is_answer = packet.purpose == probe::Purpose::answer;
        if (send_error != 0) return gauges.on_sent(now.steady, packet, send_error);
        out.push_back({.key = packet.key,
                       .use = packet.use == probe::Use::echo_answers ? packet.use
                              : is_answer                            ? probe::Use::stamp_answers
                                                                     : probe::Use::stamp_requests,
                       .source_port = is_answer ? quality::stamp::port : std::uint16_t{50'000},
                       .bytes = {packet.payload.begin(), packet.payload.end()}});
        gauges.on_sent(now.steady, packet, 0);
    }
    void flush(base::Now now, std::vector<probe::Outgoing>& out) {
        for (const auto& packet : engine.outbox()) {
            const int error = packet.padding > interface_mtu ? EMSGSIZE : send_error;
            if (error == 0) out.push_back(packet);
            engine.on_sent(now.steady, packet, error);
        }
        engine.clear_outbox();
    }
    void keep(control::Turn& turn) {
        records.insert(records.end(), turn.records.begin(), turn.records.end());
        bfdd.insert(bfdd.end(), turn.bfdd.begin(), turn.bfdd.end());
        looks += turn.looks.size();
        refreshes.insert(refreshes.end(), turn.refresh_devices.begin(), turn.refresh_devices.end());
        feeds_applied += turn.verdicts_changed ? 1 : 0;
    }
    std::vector<control::Row> rows_;
};

class World {
public:
    World(const config::Config& config_a, const config::Config& config_b)
        : a{config_a, 1, sim::at(0s)}, b{config_b, 2, sim::at(0s)} {}

    void run_for(base::Duration duration) {
        const auto end = elapsed + duration;
        for (;;) {
            step();
            const auto next = std::min({a.deadline(), b.deadline(), arrival()}) - sim::at(0s).steady;
            if (next > end) break;
            elapsed = std::max(next, elapsed + 1us);
        }
        elapsed = end;
        step();
    }
    base::Now now() const { return sim::at(elapsed); }

    Node a, b;
    bool cut_a_to_b = false, cut_b_to_a = false;
    base::Duration delay = 1ms;
    std::uint16_t carries = UINT16_MAX;  // bytes of inner packets: the underlay drops longer ones
    bool b_answers_pings = true;
    base::Duration elapsed{};

private:
    struct Flying {
        base::TimePoint arrives;
        bool to_b = false;
        probe::Outgoing packet;
    };
    struct Measuring {
        base::TimePoint arrives;
        bool to_b = false;
        GaugeFlying packet;
    };
    base::TimePoint arrival() const {
        const auto first = wire_.empty() ? base::never : wire_.front().arrives;
        return measuring_.empty() ? first : std::min(first, measuring_.front().arrives);
    }

    void fly(bool to_b, const GaugeFlying& packet) {
        if ((to_b ? cut_a_to_b : cut_b_to_a) || packet.size() > carries) return;
        measuring_.push_back({now().steady + delay, to_b, packet});
    }
    // The kernel's answer; behind an IP header, as a raw socket gives it.
    void answer_ping(const GaugeFlying& request) {
        auto reply = request;
        std::swap(reply.key.local, reply.key.remote);
        reply.bytes[0] = std::byte{0};
        if (!b_answers_pings || (cut_b_to_a) || reply.size() > carries) return;
        reply.bytes.insert(reply.bytes.begin(), 20, std::byte{0});
        reply.bytes[0] = std::byte{0x45};
        measuring_.push_back({now().steady + delay, false, reply});
    }
    void measure() {
        std::vector<GaugeFlying> for_a, for_b, from_a, from_b;
        while (!measuring_.empty() && measuring_.front().arrives <= now().steady) {
            const auto [arrives, to_b, packet] = measuring_.front();
            measuring_.pop_front();
            if (to_b && packet.use == probe::Use::echo_answers)
                answer_ping(packet);
            else
                (to_b ? for_b : for_a).push_back(packet);
        }
        a.measure(now(), for_a, from_a);
        b.measure(now(), for_b, from_b);
        for (const auto& packet : from_a) fly(true, packet);
        for (const auto& packet : from_b) fly(false, packet);
    }

    void step() {
        std::vector<probe::Datagram> for_a, for_b;
        std::deque<Flying> here;
        while (!wire_.empty() && wire_.front().arrives <= now().steady) {
            here.push_back(wire_.front());
            wire_.pop_front();
        }
        for (const auto& flying : here) {
            const auto& packet = flying.packet;
            probe::Datagram datagram{.arrival = flying.arrives,
                                     .ifindex = base::IfIndex{7},
                                     .local = packet.key.remote,
                                     .remote = packet.key.local,
                                     .source_port = packet.source_port,
                                     .ttl = 255,
                                     .multihop = packet.key.multihop,
                                     .payload = packet.payload};
            (flying.to_b ? for_b : for_a).push_back(datagram);
        }
        std::vector<probe::Outgoing> from_a, from_b;
        a.turn(now(), for_a, from_a);
        b.turn(now(), for_b, from_b);
        measure();
        for (const auto& packet : from_a)
            if (!cut_a_to_b && packet.padding <= carries) wire_.push_back({now().steady + delay, true, packet});
        for (const auto& packet : from_b)
            if (!cut_b_to_a && packet.padding <= carries) wire_.push_back({now().steady + delay, false, packet});
    }

    std::deque<Flying> wire_;
    std::deque<Measuring> measuring_;
};

}  // namespace sim
