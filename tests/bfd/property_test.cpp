// Random peers, random lines, random wishes, all seeded: what must hold whatever happens.
#include <random>

#include "wire.hpp"

using namespace bfd_test;

namespace {

struct Random {
    std::mt19937 engine;
    std::uint32_t below(std::uint32_t n) { return std::uniform_int_distribution<std::uint32_t>{0, n - 1}(engine); }
    bool one_in(std::uint32_t n) { return below(n) == 0; }
    template <class T, std::size_t N>
    T any(const std::array<T, N>& of) {
        return of[below(N)];
    }
    std::uint32_t interval() {
        static constexpr std::array<std::uint32_t, 9> some{1,         3'300,     10'000,     50'000,    300'000,
                                                           1'000'000, 5'000'000, 60'000'000, UINT32_MAX};
        return any(some);
    }
};

Parameters any_wish(Random& random) {
    static constexpr std::array<std::uint32_t, 6> intervals{3'300, 10'000, 50'000, 300'000, 1'000'000, 60'000'000};
    static constexpr std::array<std::uint8_t, 5> mults{1, 2, 3, 50, 255};
    Parameters p;
    p.desired_min_tx = Microseconds{random.any(intervals)};
    p.required_min_rx = Microseconds{random.any(intervals)};
    p.detect_mult = random.any(mults);
    p.passive = random.one_in(8);
    p.control_plane_independent = random.one_in(2);
    p.admin_down = random.one_in(10);
    p.back_off = random.one_in(2);
    return p;
}

Packet any_packet(Random& random) {
    Packet p;
    p.diagnostic = static_cast<Diagnostic>(random.below(32));
    p.state = random.one_in(3) ? static_cast<State>(random.below(4)) : State::up;
    p.poll = random.one_in(4);
    p.final = random.one_in(4);  // P and F together, too: a peer may be wrong
    p.control_plane_independent = random.one_in(2);
    p.demand = random.one_in(4);
    p.detect_mult = static_cast<std::uint8_t>(1 + random.below(255));
    p.my_discriminator = Discriminator{random.one_in(20) ? 1 + random.below(UINT32_MAX) : 0x22};
    p.your_discriminator = Discriminator{0x11};
    p.desired_min_tx = Microseconds{random.interval()};
    p.required_min_rx = Microseconds{random.one_in(10) ? 0 : random.interval()};
    p.required_min_echo_rx = Microseconds{random.interval()};
    return p;
}

bool same_but_for_poll_and_timers(Packet a, const Packet& b) {
    a.poll = b.poll;
    a.final = b.final;
    a.desired_min_tx = b.desired_min_tx;
    a.required_min_rx = b.required_min_rx;
    return a == b;
}

struct Checker {
    std::optional<Packet> previous;       // of any kind
    std::optional<TimePoint> last_paced;  // not a Final

    void check(const bfd::Session& session, const bfd::Output& out, const bfd::Status& before,
               std::optional<Packet> heard, TimePoint now) {
        const auto& status = session.status();
        CHECK(out.status_changed == (status != before));
        if (out.transition) {
            REQUIRE(out.transition->from == before.state);
            REQUIRE(out.transition->to == status.state);
            REQUIRE(out.status_changed);
        } else {
            REQUIRE(status.state == before.state);
        }
        if (heard && heard->poll && before.state != State::admin_down) REQUIRE((out.send && out.send->final));
        if (out.send) check_sent(session, before, *out.send, heard, now);
        REQUIRE(session.snapshot().polled_desired_min_tx <= session.snapshot().advertised_desired_min_tx);
        REQUIRE(session.snapshot().polled_required_min_rx >= session.snapshot().advertised_required_min_rx);
    }

private:
    void check_sent(const bfd::Session& session, const bfd::Status& before, const Packet& p,
                    std::optional<Packet> heard, TimePoint now) {
        const auto& status = session.status();
        REQUIRE_FALSE((p.poll && p.final));            // RFC 5880 §6.5
        REQUIRE_FALSE(p.demand);                       // §6.6
        REQUIRE(p.required_min_echo_rx.count() == 0);  // §6.8.7
        REQUIRE(p.my_discriminator.value == 0x11);
        REQUIRE(p.your_discriminator == status.remote_discriminator);  // composed now, never stale
        REQUIRE(p.state == status.state);
        REQUIRE(p.diagnostic == status.diagnostic);
        REQUIRE(p.detect_mult == session.parameters().detect_mult);
        REQUIRE((p.state == State::up || p.desired_min_tx >= Microseconds{1'000'000}));  // §6.8.3
        REQUIRE((!session.parameters().passive || status.remote_discriminator.value != 0));
        if (p.final) {
            REQUIRE((heard && heard->poll));
        } else {
            const bool news = !previous || !same_but_for_poll_and_timers(p, *previous);
            const bool rides = status.remote_required_min_rx.count() != 0 && !status.remote_demand;
            // §6.8.7: never sooner than the interval less jitter, but for news. A packet that backs off says the
            // interval after it.
            const auto pace =
                session.parameters().back_off ? std::min(before.tx_interval, status.tx_interval) : status.tx_interval;
            if (last_paced && !news && rides) REQUIRE(now - *last_paced >= Duration{pace} * 3 / 4);
            last_paced = now;
        }
        previous = p;
        previous->final = previous->poll = false;
    }
};

}  // namespace

TEST_CASE("RFC 5880 §6: a session that hears anything at all at any time keeps its promises") {
    for (unsigned seed = 0; seed < 300; ++seed) {
        CAPTURE(seed);
        Random random{std::mt19937{seed}};
        auto wish = any_wish(random);
        bfd::Session session{wish, Discriminator{0x11}, seed, start};
        Checker checker;
        auto now = start;
        for (int step = 0; step < 600; ++step) {
            const auto before = session.status();
            const auto kind = random.below(20);
            const auto deadline = session.deadline();
            if (kind < 10 && deadline < now + 1h) {
                now = std::max(now, deadline);
                checker.check(session, session.on_deadline(now), before, std::nullopt, now);
                REQUIRE(session.deadline() > now);
            } else if (kind < 17) {
                now += std::chrono::microseconds{random.below(random.one_in(5) ? 400'000 : 9'000)};
                const auto p = any_packet(random);
                checker.check(session, session.on_packet(now, p), before, p, now);
            } else if (kind == 17) {
                wish = any_wish(random);
                checker.check(session, session.change(wish, now), before, std::nullopt, now);
            } else if (kind == 18) {
                session.extend(now);
                if (random.one_in(2)) session.nudge(now);
            } else {
                session = bfd::Session{session.snapshot(), now};
            }
            REQUIRE((session.detect_deadline() == base::never || session.deadline() <= session.detect_deadline()));
        }
    }
}

TEST_CASE("RFC 5880 §6.8.7: on any line two sessions keep pace, and meet again when it is whole") {
    for (unsigned seed = 0; seed < 60; ++seed) {
        CAPTURE(seed);
        Random random{std::mt19937{seed}};
        Wire wire{{.desired_min_tx = 20ms, .detect_mult = 3},
                  {.desired_min_tx = 300ms, .required_min_rx = 10ms, .detect_mult = 1}};
        for (int i = 0; i < 30; ++i) {
            wire.ab = {.delay = 1ms * random.below(90), .cut = random.one_in(3), .cut_finals = random.one_in(4)};
            wire.ba = {.delay = 1ms * random.below(90), .cut = random.one_in(3), .cut_finals = random.one_in(4)};
            if (random.one_in(3)) wire.change_a({.desired_min_tx = Microseconds{5'000 + random.below(200'000)}});
            if (random.one_in(3)) wire.change_b({.required_min_rx = Microseconds{5'000 + random.below(200'000)}});
            wire.run_for(1ms * random.below(3000));
        }
        wire.ab = wire.ba = {};
        wire.run_for(10s);
        CHECK(wire.both_up());
        CHECK(wire.b.status().rx_interval == wire.a.status().tx_interval);
        CHECK(wire.a.status().rx_interval == wire.b.status().tx_interval);
        const auto whole = wire.now;
        const auto ups = wire.of_a.size() + wire.of_b.size();
        wire.run_for(20s);
        CHECK(wire.of_a.size() + wire.of_b.size() == ups);  // not one Down on a whole line
        for (const char who : {'a', 'b'}) {
            const auto sent = wire.from(who, whole);
            const auto pace = (who == 'a' ? wire.a : wire.b).status().tx_interval;
            for (std::size_t i = 1; i < sent.size(); ++i) {
                CHECK(sent[i].at - sent[i - 1].at <= pace);
                CHECK(sent[i].at - sent[i - 1].at >= Duration{pace} * 3 / 4);
                CHECK_FALSE(sent[i].packet.poll);
            }
        }
    }
}
