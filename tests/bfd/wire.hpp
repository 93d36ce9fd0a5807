// Virtual time for sessions. `Wire` joins two sessions by a line with a delay and a cut for each direction; `Solo` is
// one session whose peer the test plays by hand. Both record every packet with its time, after a trip through the
// codec, so that tests assert on the wire.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <optional>
#include <ostream>
#include <vector>

#include "bfd/session.hpp"

namespace bfd {

inline std::ostream& operator<<(std::ostream& out, State s) { return out << to_string(s); }
inline std::ostream& operator<<(std::ostream& out, Diagnostic d) { return out << to_string(d); }
inline std::ostream& operator<<(std::ostream& out, DropReason r) { return out << to_string(r); }

}  // namespace bfd

namespace bfd_test {

using namespace std::chrono_literals;
using base::Duration;
using base::TimePoint;
using bfd::Diagnostic;
using bfd::Discriminator;
using bfd::Microseconds;
using bfd::Packet;
using bfd::Parameters;
using bfd::State;

inline constexpr TimePoint start{std::chrono::hours{1}};  // any moment but the epoch

struct Sent {
    TimePoint at;
    char from = '?';
    Packet packet;
};
using Log = std::vector<Sent>;

inline Packet through_codec(const Packet& packet) {
    std::array<std::byte, bfd::mandatory_length> bytes{};
    bfd::encode(packet, bytes);
    const auto decoded = bfd::decode(bytes);
    REQUIRE_MESSAGE(decoded.has_value(), "a session sent what a codec refuses");
    REQUIRE(*decoded == packet);
    return *decoded;
}

class Wire {
public:
    struct Direction {
        Duration delay{};
        bool cut = false;
        bool cut_finals = false;  // lose packets with F alone
    };

    explicit Wire(const Parameters& both) : Wire{both, both} {}
    Wire(const Parameters& for_a, const Parameters& for_b)
        : a{for_a, Discriminator{0xa}, 1, start}, b{for_b, Discriminator{0xb}, 2, start} {}

    bfd::Session a, b;
    Direction ab, ba;
    TimePoint now = start;
    Log log;
    std::vector<bfd::Transition> of_a, of_b;

    void cut(bool on) { ab.cut = ba.cut = on; }
    void change_a(const Parameters& p) { take(a.change(p, now), 'a'); }
    void change_b(const Parameters& p) { take(b.change(p, now), 'b'); }

    void run_for(Duration d) {
        const auto end = now + d;
        int steps_now = 0;
        for (;;) {
            auto next = std::min(a.deadline(), b.deadline());
            for (const auto& f : flying_) next = std::min(next, f.arrives);
            if (next > end) break;
            steps_now = next > now ? 0 : steps_now + 1;
            REQUIRE_MESSAGE(steps_now < 100, "time stands still: a deadline does not move");
            now = std::max(now, next);
            deliver();
            if (a.deadline() <= now) take(a.on_deadline(now), 'a');
            if (b.deadline() <= now) take(b.on_deadline(now), 'b');
        }
        now = end;
    }
    bool both_up() const { return a.state() == State::up && b.state() == State::up; }
    Log from(char who, TimePoint since = start) const {
        Log out;
        for (const auto& s : log)
            if (s.from == who && s.at >= since) out.push_back(s);
        return out;
    }

private:
    struct Flying {
        TimePoint arrives;
        char to = '?';
        Packet packet;
    };

    void deliver() {
        while (true) {
            const auto it = std::ranges::find_if(flying_, [&](const Flying& f) { return f.arrives <= now; });
            if (it == flying_.end()) return;
            const auto f = *it;
            flying_.erase(it);
            take((f.to == 'a' ? a : b).on_packet(now, f.packet), f.to);
        }
    }
    void take(const bfd::Output& out, char who) {
        if (out.transition) (who == 'a' ? of_a : of_b).push_back(*out.transition);
        if (!out.send) return;
        const auto packet = through_codec(*out.send);
        log.push_back({now, who, packet});
        const auto& line = who == 'a' ? ab : ba;
        if (line.cut || (line.cut_finals && packet.final)) return;
        flying_.push_back({now + line.delay, who == 'a' ? 'b' : 'a', packet});
    }
    std::deque<Flying> flying_;
};

class Solo {
public:
    explicit Solo(const Parameters& parameters = {}, std::uint32_t seed = 1)
        : session{parameters, Discriminator{0x11}, seed, start} {}

    bfd::Session session;
    TimePoint now = start;
    Log log;
    bfd::Output last;

    // A packet of the peer that a test bends before it is heard.
    Packet packet(State state) const {
        Packet p;
        p.state = state;
        p.detect_mult = 3;
        p.my_discriminator = Discriminator{0x22};
        p.your_discriminator = Discriminator{0x11};
        p.desired_min_tx = Microseconds{50'000};
        p.required_min_rx = Microseconds{50'000};
        return p;
    }
    const bfd::Output& hear(const Packet& p) { return take(session.on_packet(now, through_codec(p))); }
    const bfd::Output& hear(State s) { return hear(packet(s)); }
    const bfd::Output& change(const Parameters& p) { return take(session.change(p, now)); }
    const bfd::Output& tick() { return take(session.on_deadline(now)); }
    void run_for(Duration d) {
        const auto end = now + d;
        int steps_now = 0;
        while (session.deadline() <= end) {
            steps_now = session.deadline() > now ? 0 : steps_now + 1;
            REQUIRE_MESSAGE(steps_now < 100, "time stands still: a deadline does not move");
            now = std::max(now, session.deadline());
            tick();
        }
        now = end;
    }
    // The peer speaks every `interval`, in `state`, and answers every P with F.
    void converse(Duration d, Packet p, Duration interval = 20ms) {
        for (const auto end = now + d; now < end;) {
            run_for(interval);
            p.final = std::ranges::any_of(log, [&](const Sent& s) { return s.packet.poll && s.at >= now - interval; });
            hear(p);
        }
    }
    // Down, Init, Up; the Poll Sequence that follows is answered.
    void bring_up(Packet p) {
        run_for(1ms);
        p.state = State::down;
        hear(p);
        REQUIRE(session.state() == State::init);
        p.state = State::up;
        hear(p);
        REQUIRE(session.state() == State::up);
        converse(200ms, p);
        REQUIRE(session.state() == State::up);
        REQUIRE_FALSE(session.snapshot().polling);
    }
    void bring_up() { bring_up(packet(State::up)); }
    Log since(TimePoint t) const {
        Log out;
        for (const auto& s : log)
            if (s.at >= t) out.push_back(s);
        return out;
    }

private:
    const bfd::Output& take(const bfd::Output& out) {
        last = out;
        if (out.send) log.push_back({now, 's', through_codec(*out.send)});
        return last;
    }
};

}  // namespace bfd_test
