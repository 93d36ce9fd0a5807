// Engines on one virtual clock. Each outbox is the others' input; a side may be stalled (its datagrams wait, stamped),
// and datagrams may be lost by interface.
#pragma once

#include <algorithm>
#include <array>
#include <deque>
#include <functional>
#include <set>
#include <string_view>
#include <vector>

#include "probe/engine.hpp"

namespace probe_test {

using namespace std::chrono_literals;
using base::TimePoint;

inline base::IpAddress ip(std::string_view text) { return *base::IpAddress::parse(text); }

inline base::IpAddress numbered(std::uint8_t side, std::uint32_t n) {
    base::IpAddress out{.family = base::Family::v4};
    out.bytes = {10, side, static_cast<std::uint8_t>(n >> 8), static_cast<std::uint8_t>(n)};
    return out;
}

inline bfd::Packet packet(bfd::State state, std::uint32_t mine, std::uint32_t yours = 0,
                          bfd::Microseconds interval = bfd::Microseconds{1'000'000}) {
    bfd::Packet out;
    out.state = state;
    out.detect_mult = 3;
    out.my_discriminator = {mine};
    out.your_discriminator = {yours};
    out.desired_min_tx = out.required_min_rx = interval;
    return out;
}

inline std::array<std::byte, 24> encoded(const bfd::Packet& packet) {
    std::array<std::byte, 24> out{};
    bfd::encode(packet, out);
    return out;
}

struct Queued {
    probe::Datagram head;
    std::vector<std::byte> bytes;
};

struct Side {
    explicit Side(std::size_t capacity = 8192) : pool{capacity}, engine{capacity} {}

    probe::Slot& add(TimePoint now, const bfd::SessionKey& key, std::uint32_t discriminator,
                     bfd::Parameters parameters = {}, std::uint8_t minimum_ttl = 255) {
        const bfd::Session fresh{parameters, bfd::Discriminator{discriminator}, discriminator, now};
        auto* const slot = pool.create(key, minimum_ttl, fresh);
        engine.on_command(now, probe::Add{slot});
        return *slot;
    }

    probe::SlotPool pool;
    probe::Engine engine;
    std::deque<Queued> inbox;
    std::vector<probe::Event> events;
    std::vector<probe::Outgoing> sent;  // kept when `keeps_sent`
    std::vector<TimePoint> sent_at;     // … likewise
    bool keeps_sent = false;
    base::Duration ahead{};  // as Engine::on_deadlines
    std::size_t turns = 0;
    TimePoint stalled_until{};
};

struct Pair {
    TimePoint now{1h};
    std::array<Side, 2> sides;
    std::set<std::uint32_t> cut;  // interfaces on which nothing arrives
    std::function<int(const probe::Outgoing&)> send_error = [](const probe::Outgoing&) { return 0; };

    explicit Pair(std::size_t capacity = 8192) : sides{Side{capacity}, Side{capacity}} {}

    // Session n on both sides: 10.0.n and 10.1.n over interface `ifindex`; discriminators n + 1 and n + 100001.
    std::pair<probe::Slot*, probe::Slot*> connect(std::uint32_t n, std::uint32_t ifindex,
                                                  bfd::Parameters parameters = {}) {
        const auto a = numbered(0, n), b = numbered(1, n);
        return {&sides[0].add(now, {{ifindex}, a, b}, n + 1, parameters),
                &sides[1].add(now, {{ifindex}, b, a}, n + 100'001, parameters)};
    }

    void deliver(Side& to, const probe::Outgoing& packet) {
        if (cut.contains(packet.key.ifindex.value)) return;
        to.inbox.push_back({{.arrival = now,
                             .ifindex = packet.key.ifindex,
                             .local = packet.key.remote,
                             .remote = packet.key.local,
                             .source_port = packet.source_port,
                             .ttl = 255,
                             .multihop = packet.key.multihop},
                            {packet.payload.begin(), packet.payload.end()}});
    }

    void flush(Side& from, Side& to) {
        for (const auto& packet : from.engine.outbox()) {
            const int error = send_error(packet);
            from.engine.on_sent(now, packet, error);
            if (error == 0) deliver(to, packet);
            if (!from.keeps_sent) continue;
            from.sent.push_back(packet);
            from.sent_at.push_back(now);
        }
        from.engine.clear_outbox();
    }

    void turn(Side& side, Side& other) {
        ++side.turns;
        side.engine.on_wake(now);
        while (!side.inbox.empty()) {
            auto queued = std::move(side.inbox.front());
            side.inbox.pop_front();
            queued.head.payload = queued.bytes;
            side.engine.on_datagram(now, queued.head);
            side.engine.on_send_times(now);  // as between two batches
            flush(side, other);
        }
        while (!side.engine.on_deadlines(now, side.ahead)) flush(side, other);
        flush(side, other);
        while (const auto event = side.engine.next_event()) side.events.push_back(*event);
    }

    TimePoint wakes_at(const Side& side) const {
        const auto at = side.inbox.empty() ? side.engine.deadline() : now;
        return std::max({at, side.stalled_until, now});
    }

    void run_for(base::Duration time) {
        const auto end = now + time;
        for (;;) {
            auto& next = wakes_at(sides[0]) <= wakes_at(sides[1]) ? sides[0] : sides[1];
            const auto at = wakes_at(next);
            if (at > end) break;
            now = at;
            turn(next, &next == &sides[0] ? sides[1] : sides[0]);
        }
        now = end;
    }

    // As if `side` had been stopped for `time`.
    void stall(Side& side, base::Duration time) { side.stalled_until = now + time; }
};

template <class E>
std::vector<E> all_of(const std::vector<probe::Event>& events) {
    std::vector<E> out;
    for (const auto& event : events)
        if (const auto* e = std::get_if<E>(&event)) out.push_back(*e);
    return out;
}

}  // namespace probe_test
