#include "quality/echo_session.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <map>
#include <random>
#include <vector>

using namespace std::chrono_literals;
using base::TimePoint;
using quality::EchoSession;
using quality::EchoState;

namespace {

// One session and a peer that answers, in virtual time.
struct Line {
    explicit Line(quality::EchoParameters parameters = {.interval = 50ms, .multiplier = 3}, std::uint32_t seed = 1)
        : session{parameters, seed, now}, random{seed} {}

    void run_for(base::Duration time) {
        const auto end = now + time;
        for (;;) {
            const auto next = std::min(session.deadline(), wire.empty() ? base::never : wire.begin()->first);
            if (next > end) break;
            now = std::max(now, next);
            turn();
        }
        now = end;
    }
    void turn() {
        while (!wire.empty() && wire.begin()->first <= now) {
            const auto [at, echo] = *wire.begin();
            wire.erase(wire.begin());
            session.on_answer(echo.first, echo.second, at);
            note();
        }
        const auto sequence = session.on_deadline(now, now, gap_end);
        note();
        if (!sequence) return;
        sent.push_back(now);
        if (!no_room && answers())
            wire.emplace(now + round_trip(), std::pair{*sequence, session.cookie(*sequence, now)});
        session.on_sent(now, no_room);
    }
    // As if this host stood still: nothing is sent, read or judged meanwhile.
    void stand_still(base::Duration time) {
        now += time;
        turn();
    }
    void note() {
        if (history.empty() || history.back().first != session.status().state)
            history.emplace_back(session.status().state, now);
    }
    EchoState state() const { return session.status().state; }
    int downs() const {
        int out = 0;
        for (std::size_t i = 1; i < history.size(); ++i)
            out += history[i].first == EchoState::down && history[i - 1].first == EchoState::up ? 1 : 0;
        return out;
    }

    TimePoint now{1h};
    EchoSession session;
    std::mt19937 random;
    bool no_room = false;
    TimePoint gap_end{};
    std::function<bool()> answers = [] { return true; };
    std::function<base::Duration()> round_trip = [] { return 20ms; };
    std::multimap<TimePoint, std::pair<std::uint32_t, std::uint32_t>> wire;
    std::vector<TimePoint> sent;
    std::vector<std::pair<EchoState, TimePoint>> history;
};

}  // namespace

TEST_CASE("three answers in a row make it Up; two, and two after a lost one, do not") {
    Line line;
    std::vector<bool> script{true, true, false, true, true, false};
    std::size_t i = 0;
    line.answers = [&] { return i < script.size() && script[i++]; };
    line.run_for(20s);
    CHECK(line.history.size() == 1);
    CHECK(line.session.status().ever_heard);
    CHECK_FALSE(line.session.status().ever_up);
    line.answers = [] { return true; };
    line.run_for(2s);
    CHECK(line.state() == EchoState::up);
}

TEST_CASE("a peer that is there is Up within the second, and asked at the interval, less up to a quarter") {
    Line line;
    line.run_for(1s);
    REQUIRE(line.state() == EchoState::up);
    CHECK(line.history.back().second <= TimePoint{1h} + 200ms);
    line.sent.clear();
    line.run_for(10s);
    base::Duration least = 1s, most = 0s;
    for (std::size_t i = 1; i < line.sent.size(); ++i) {
        least = std::min(least, line.sent[i] - line.sent[i - 1]);
        most = std::max(most, line.sent[i] - line.sent[i - 1]);
    }
    CHECK(least >= 37'500us);
    CHECK(least <= 39ms);
    CHECK(most <= 50ms);
    CHECK(most >= 48ms);
}

TEST_CASE("silence for interval x multiplier takes it Down, no sooner and hardly later, whatever the round trip") {
    for (const auto round_trip : {1ms, 20ms, 140ms, 700ms})
        for (const int multiplier : {1, 3, 10}) {
            CAPTURE(round_trip.count());
            CAPTURE(multiplier);
            Line line{{.interval = 50ms, .multiplier = static_cast<std::uint8_t>(multiplier)}};
            line.round_trip = [=] { return round_trip; };
            line.run_for(20s);
            REQUIRE(line.state() == EchoState::up);
            line.answers = [] { return false; };
            const auto cut = line.now;
            line.run_for(20s);
            REQUIRE(line.state() == EchoState::down);
            const auto last = cut + round_trip;  // the last answer, or one interval before
            CHECK(line.history.back().second > last - 50ms + multiplier * 50ms - 1ms);
            CHECK(line.history.back().second <= last + multiplier * 50ms + 1ms);
        }
}

TEST_CASE("multiplier - 1 echoes may be lost, whenever, for ever") {
    Line line;
    int n = 0;
    line.run_for(2s);
    line.answers = [&] { return ++n % 3 == 0; };
    line.run_for(1h);
    CHECK(line.downs() == 0);
    line.answers = [&] { return ++n % 6 == 0; };
    line.run_for(10s);
    CHECK(line.downs() > 0);
}

TEST_CASE(
    "a peer that never answered is asked once a second, after a minute ever more slowly; a handshake begins anew") {
    Line line;
    line.answers = [] { return false; };
    line.run_for(60s);
    CHECK(line.sent.size() >= 60);
    CHECK(line.sent.size() <= 81);
    line.run_for(20min);
    line.sent.clear();
    line.run_for(100s);
    CHECK(line.sent.size() <= 14);
    CHECK(line.sent.size() >= 10);
    line.session.nudge(line.now);
    line.sent.clear();
    line.run_for(10s);
    CHECK(line.sent.size() >= 10);
    CHECK_FALSE(line.session.status().ever_heard);
}

TEST_CASE("one that was Up is asked once a second when it is Down, and comes back") {
    Line line;
    line.run_for(5s);
    line.answers = [] { return false; };
    line.run_for(1h);
    line.sent.clear();
    line.run_for(100s);
    CHECK(line.sent.size() >= 100);
    CHECK(line.sent.size() <= 134);
    line.answers = [] { return true; };
    line.run_for(1500ms);
    CHECK(line.state() == EchoState::up);
}

TEST_CASE(
    "our own standing still is no silence of the peer's: Up stays Up, however long; a peer that died meanwhile goes "
    "Down") {
    for (const auto still : {80ms, 149ms, 151ms, 300ms, 5000ms, 3'600'000ms})
        for (const auto round_trip : {1ms, 120ms, 400ms}) {
            CAPTURE(still.count());
            Line line;
            line.round_trip = [=] { return round_trip; };
            line.run_for(5s);
            line.stand_still(still);
            line.run_for(5s);
            CHECK(line.downs() == 0);
            CHECK(line.state() == EchoState::up);
            line.answers = [] { return false; };
            line.stand_still(still);
            line.run_for(2 * round_trip + 400ms);
            CHECK(line.state() == EchoState::down);
        }
}

TEST_CASE("standing still again and again keeps no dead peer Up") {
    Line line;
    line.run_for(5s);
    line.answers = [] { return false; };
    const auto died = line.now;
    for (int i = 0; i < 30 && line.state() == EchoState::up; ++i) line.stand_still(100ms);
    CHECK(line.state() == EchoState::down);
    CHECK(line.now - died <= 1500ms);
}

TEST_CASE("what this host had no room to send, or lost on arrival, is no silence; for once") {
    Line line;
    line.run_for(5s);
    line.no_room = true;
    line.run_for(200ms);
    line.no_room = false;
    line.run_for(5s);
    CHECK(line.downs() == 0);
    line.answers = [] { return false; };
    line.run_for(100ms);
    line.gap_end = line.now;
    line.run_for(100ms);
    line.answers = [] { return true; };
    line.run_for(5s);
    CHECK(line.downs() == 0);
    line.answers = [] { return false; };
    for (int i = 0; i < 10; ++i) {
        line.run_for(40ms);
        line.gap_end = line.now;
    }
    CHECK(line.state() == EchoState::down);
}

TEST_CASE("what has come and was not read is waited for") {
    Line line;
    line.run_for(5s);
    const auto due = line.session.silence_deadline();
    CHECK((due == base::never || due > line.now));
    line.answers = [] { return false; };
    line.wire.clear();
    for (int i = 0; i < 20; ++i) {  // sends go on, and nothing is known of what came
        line.now += 10ms;
        if (line.session.on_deadline(line.now, line.now - 1s, {})) line.session.on_sent(line.now, false);
    }
    CHECK(line.state() == EchoState::up);
    CHECK(line.session.silence_deadline() < line.now);
    CHECK(line.session.deadline() > line.now);
    line.session.on_deadline(line.now + 1ms, line.now + 1ms, {});
    CHECK(line.state() == EchoState::down);
}

TEST_CASE(
    "an answer counts once, and only to what was asked: no copy, no old one, no other cookie, no number of the "
    "future") {
    const auto start = TimePoint{1h};
    EchoSession session{{}, 1, start};
    const auto ask = [&](TimePoint at) {
        const auto sequence = session.on_deadline(at, at, {});
        REQUIRE(sequence);
        session.on_sent(at, false);
        return std::pair{*sequence, session.cookie(*sequence, at)};
    };
    const auto [first, cookie] = ask(start);
    CHECK_FALSE(session.on_answer(first, cookie ^ 0x8000'0000, start + 1ms));
    CHECK_FALSE(session.on_answer(first + 1, session.cookie(first + 1, start), start + 1ms));
    CHECK_FALSE(session.on_answer(first, cookie, start - 10ms));
    CHECK_FALSE(session.on_answer(first, cookie, start + 61s));
    CHECK(session.on_answer(first, cookie, start + 1ms));
    for (int i = 0; i < 10; ++i) CHECK_FALSE(session.on_answer(first, cookie, start + 2ms));
    CHECK(session.status().state == EchoState::down);
    const auto [second, its] = ask(start + 1s);
    const auto [third, third_cookie] = ask(start + 2s);
    CHECK(session.on_answer(third, third_cookie, start + 2s));
    CHECK_FALSE(session.on_answer(second, its, start + 2s));  // overtaken
}

TEST_CASE("AdminDown asks nobody and hears nobody; taken back, it begins anew") {
    Line line;
    line.run_for(5s);
    auto parameters = line.session.parameters();
    parameters.admin_down = true;
    line.session.change(parameters, line.now);
    CHECK(line.state() == EchoState::admin_down);
    line.sent.clear();
    line.run_for(1h);
    CHECK(line.sent.empty());
    CHECK(line.state() == EchoState::admin_down);
    parameters.admin_down = false;
    line.session.change(parameters, line.now);
    CHECK(line.state() == EchoState::down);
    line.run_for(1s);
    CHECK(line.state() == EchoState::up);
}

TEST_CASE("other timers take hold at once, and take nobody down") {
    Line line{{.interval = 1s, .multiplier = 3}};
    line.run_for(20s);
    REQUIRE(line.state() == EchoState::up);
    line.session.change({.interval = 20ms, .multiplier = 3}, line.now);
    line.run_for(5s);
    CHECK(line.downs() == 0);
    line.session.change({.interval = 1s, .multiplier = 2}, line.now);
    line.run_for(20s);
    CHECK(line.downs() == 0);
    line.answers = [] { return false; };
    line.run_for(3100ms);
    CHECK(line.state() == EchoState::down);
}

TEST_CASE("at random loss it falls no more often than so many in a row are lost") {
    Line line;
    line.answers = [&] { return std::bernoulli_distribution{0.8}(line.random); };
    line.run_for(2s);
    line.run_for(1h);
    // Each echo ends a row of three or four that is long enough with 0.8 x 0.2^3 at the most: of some 82,000.
    CHECK(line.downs() <= 82'000 * 0.8 * 0.008 * 1.3);
    CHECK(line.state() != EchoState::admin_down);
}
