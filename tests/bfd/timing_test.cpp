#include <set>

#include "wire.hpp"

using namespace bfd_test;

namespace {

struct Gaps {
    Duration least = Duration::max(), most{}, sum{};
    int count = 0;
    std::set<Duration> distinct;
    Duration mean() const { return sum / std::max(count, 1); }
};

Gaps gaps(const Log& log) {
    Gaps out;
    for (std::size_t i = 1; i < log.size(); ++i) {
        const auto gap = log[i].at - log[i - 1].at;
        out.least = std::min(out.least, gap);
        out.most = std::max(out.most, gap);
        out.sum += gap;
        out.distinct.insert(gap);
        ++out.count;
    }
    return out;
}

}  // namespace

TEST_CASE("RFC 5880 §6.8.3: while not Up, Desired Min TX is at least one second and packets are that far apart") {
    Solo solo{{.desired_min_tx = 50ms}};
    solo.run_for(50s);
    for (const auto& s : solo.log) CHECK(s.packet.desired_min_tx == Microseconds{1'000'000});
    const auto g = gaps(solo.log);
    CHECK(g.least >= 750ms);
    CHECK(g.most <= 1s);
}

TEST_CASE("RFC 5880 §6.8.3: a wish slower than a second is slower while Down, too") {
    Solo solo{{.desired_min_tx = 5s}};
    solo.run_for(100s);
    CHECK(solo.log.front().packet.desired_min_tx == Microseconds{5'000'000});
    CHECK(gaps(solo.log).least >= 3750ms);
}

TEST_CASE("RFC 5880 §6.8.3: the first packet goes out at once, the wished interval from Up on") {
    Solo solo;
    solo.tick();
    CHECK(solo.log.size() == 1);
    solo.bring_up();
    const auto up = solo.now;
    solo.converse(1s, solo.packet(State::up));
    const auto after = solo.since(up);
    CHECK(after.size() >= 20);
    CHECK(after.front().packet.desired_min_tx == Microseconds{50'000});
}

TEST_CASE("RFC 5880 §6.8.7: the interval is jittered per packet between 75 and 100 %") {
    Solo solo{{.detect_mult = 2}, 7};
    solo.bring_up();
    const auto up = solo.now;
    solo.converse(100s, solo.packet(State::up));
    const auto g = gaps(solo.since(up));
    CHECK(g.count > 2000);
    CHECK(g.least >= 37'500us);
    CHECK(g.least < 37'600us);
    CHECK(g.most <= 50ms);
    CHECK(g.most > 49'900us);
    CHECK(g.distinct.size() > 1000);  // there is jitter at all
    CHECK(g.mean() > 43'500us);       // 12.5 % less than negotiated
    CHECK(g.mean() < 44ms);
}

TEST_CASE("RFC 5880 §6.8.7: with a Detect Mult of 1 the jitter is between 75 and 90 %") {
    Solo solo{{.detect_mult = 1}, 7};
    solo.bring_up();
    const auto up = solo.now;
    solo.converse(100s, solo.packet(State::up));
    const auto g = gaps(solo.since(up));
    CHECK(g.least >= 37'500us);
    CHECK(g.least < 37'600us);
    CHECK(g.most <= 45ms);
    CHECK(g.most > 44'900us);
}

TEST_CASE("RFC 5880 §6.8.7: two sessions with different seeds do not keep step") {
    Solo one{{}, 1}, two{{}, 2};
    one.run_for(20s);
    two.run_for(20s);
    int together = 0;
    for (std::size_t i = 1; i < 15; ++i) together += one.log[i].at == two.log[i].at ? 1 : 0;
    CHECK(together == 0);
}

TEST_CASE("RFC 5880 §6.8.7: the slower of Desired Min TX and the peer's Required Min RX sets the pace") {
    for (const auto& [mine, theirs, pace] :
         {std::tuple{50ms, 200ms, 200ms}, std::tuple{200ms, 50ms, 200ms}, std::tuple{50ms, 0ms + 1ms, 50ms}}) {
        Solo solo{{.desired_min_tx = Microseconds{mine}}};
        auto p = solo.packet(State::up);
        p.required_min_rx = Microseconds{theirs};
        solo.bring_up(p);
        CHECK(solo.session.status().tx_interval == pace);
        solo.converse(1s, p);
        const auto up = solo.now;
        solo.converse(10s, p);
        const auto g = gaps(solo.since(up));
        CHECK(g.least >= pace * 3 / 4);
        CHECK(g.most <= pace);
    }
}

TEST_CASE("RFC 5880 §6.8.3: a peer that lowers its Required Min RX is honoured immediately") {
    Solo solo;
    auto slow = solo.packet(State::up);
    slow.required_min_rx = Microseconds{10'000'000};
    solo.bring_up(slow);
    solo.converse(2s, slow);
    const auto heard = solo.now;
    auto fast = solo.packet(State::up);
    solo.hear(fast);
    CHECK(solo.session.deadline() <= heard);  // more than 50 ms since the last packet: due now
    solo.run_for(1ms);
    CHECK(solo.since(heard).size() == 1);
    solo.converse(1s, fast);
    CHECK(gaps(solo.since(heard)).most <= 50ms);
}

TEST_CASE("RFC 5880 §6.8.7: a peer that raises its Required Min RX is not sent to faster, from the next packet on") {
    Solo solo;
    solo.bring_up();
    auto slow = solo.packet(State::up);
    slow.required_min_rx = Microseconds{1'000'000};
    solo.converse(300ms, solo.packet(State::up));
    const auto last = solo.log.back().at;
    solo.hear(slow);
    solo.converse(3s, slow);
    const auto after = solo.since(last);
    REQUIRE(after.size() >= 3);
    CHECK(gaps(after).least >= 750ms);
}

TEST_CASE("RFC 5880 §6.8.7: no periodic packets for a Required Min RX of zero, in any state; Polls are answered") {
    Solo solo;
    auto quiet = solo.packet(State::up);
    quiet.required_min_rx = Microseconds{0};
    quiet.desired_min_tx = Microseconds{1'000'000};
    solo.bring_up(quiet);
    const auto up = solo.now;
    solo.converse(10s, quiet);
    CHECK(solo.since(up).empty());
    CHECK(solo.session.state() == State::up);
    quiet.poll = true;
    solo.hear(quiet);
    REQUIRE(solo.last.send);
    CHECK(solo.last.send->final);
    SUBCASE("a change of state is told all the same, once") {
        quiet.poll = false;
        quiet.state = State::down;
        const auto before = solo.now;
        solo.hear(quiet);
        CHECK(solo.last.send);
        solo.run_for(2s);
        CHECK(solo.since(before).size() == 2);  // the F before, and this one
    }
    SUBCASE("RFC 5880 §6.8.18: after a detection time of silence it counts as 1 again, and packets flow") {
        const auto before = solo.now;
        solo.run_for(30s);
        CHECK(solo.session.state() == State::down);
        CHECK(solo.session.status().remote_required_min_rx == Microseconds{1});
        CHECK(solo.since(before).size() > 20);
    }
}

TEST_CASE("RFC 5880 §6.8.7: a late wake sends one packet, and the next no sooner than the interval allows") {
    Solo solo;
    solo.bring_up();
    auto p = solo.packet(State::up);
    p.desired_min_tx = Microseconds{10'000'000};
    solo.hear(p);
    solo.now += 1s;
    const auto woke = solo.now;
    solo.tick();
    solo.tick();
    CHECK(solo.since(woke).size() == 1);
    CHECK(solo.session.deadline() >= woke + 37'500us);
}

TEST_CASE("RFC 5880 §6.8.7: an answer that goes out long after its arrival spaces the next packet from its going out") {
    Solo solo;
    solo.run_for(1ms);
    const auto arrival = solo.now;
    const auto now = arrival + 900ms;
    const auto out = solo.session.on_packet(arrival, solo.packet(State::down), now);
    CHECK(out.send);
    CHECK(out.transition->at == arrival);
    CHECK(solo.session.snapshot().last_received == arrival);
    CHECK(solo.session.snapshot().next_send >= now + 750ms);
}

TEST_CASE("calling early is harmless") {
    Solo solo;
    solo.bring_up();
    const auto deadline = solo.session.deadline();
    for (int i = 0; i < 10; ++i) {
        const auto out = solo.session.on_deadline(deadline - 1ns);
        CHECK_FALSE(out.send);
        CHECK_FALSE(out.transition);
        CHECK_FALSE(out.status_changed);
    }
    CHECK(solo.session.deadline() == deadline);
}

TEST_CASE("RFC 5880 §6.8.7: a state change is told at once, not at the next period") {
    Wire wire{Parameters{}};
    wire.run_for(3s);
    REQUIRE(wire.both_up());
    wire.ab.cut = true;  // b no longer hears a
    const auto cut = wire.now;
    wire.run_for(1s);
    const auto down = std::ranges::find_if(wire.of_b, [&](const auto& t) { return t.at > cut; });
    REQUIRE(down != wire.of_b.end());
    const auto told = std::ranges::find_if(wire.log, [&](const auto& s) { return s.from == 'b' && s.at == down->at; });
    REQUIRE(told != wire.log.end());
    CHECK(told->packet.state == State::down);
    CHECK(told->packet.diagnostic == Diagnostic::control_detection_time_expired);
    CHECK(wire.a.state() != State::up);
    CHECK(wire.of_a.back().at >= down->at);
}

TEST_CASE("at most one packet answers one packet, whatever a peer sends") {
    Solo solo;
    solo.run_for(1ms);
    for (int i = 0; i < 400; ++i) {
        auto p = solo.packet(static_cast<State>(i % 4));
        p.my_discriminator = Discriminator{static_cast<std::uint32_t>(i + 1)};
        p.poll = i % 3 == 0;
        p.final = i % 5 == 0;
        p.demand = i % 7 == 0;
        const auto before = solo.log.size();
        solo.hear(p);
        CHECK(solo.log.size() <= before + 1);
    }
}
