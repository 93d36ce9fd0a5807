#include "quality/sender.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "path.hpp"

using namespace quality_test;

namespace {

// Within what chance allows 999 times of 1,000, and the few probes at the ends.
void check_ratio(double measured, double truth, double n) {
    CHECK(std::abs(measured - truth) <= 3.3 * std::sqrt(truth * (1 - truth) / n) * 0.3 + 4 / n);
}
double ratio(std::uint32_t part, std::uint32_t whole) { return whole == 0 ? 0 : static_cast<double>(part) / whole; }

}  // namespace

TEST_CASE("a path that loses nothing: nothing is lost, and every round trip is right") {
    Path path{1};
    path.run(3000);
    path.settle();
    CHECK(path.total.probes == path.total.answers);
    CHECK(path.total.probes >= 2995);
    CHECK(path.total.forward_lost + path.total.backward_lost == 0);
    CHECK(path.sender.numbering() == quality::Numbering::stateful);
}

TEST_CASE("loss in one direction is told of that direction, at every ratio") {
    for (const double ratio_lost : {0.01, 0.1, 0.3}) {
        for (const bool forward : {true, false}) {
            CAPTURE(ratio_lost);
            CAPTURE(forward);
            Path path{7};
            (forward ? path.lost_there : path.lost_back) = path.loses(ratio_lost);
            path.run(20'000);
            path.settle();
            const auto& t = path.total;
            const double there = ratio(t.forward_lost, t.forward_sent), back = ratio(t.backward_lost, t.backward_sent);
            CHECK(there == doctest::Approx(path.truth.forward()).epsilon(0.01).scale(0.1));
            CHECK(back == doctest::Approx(path.truth.backward()).epsilon(0.01).scale(0.1));
            CHECK((forward ? t.backward_lost : t.forward_lost) == 0);
            CHECK(path.sender.numbering() == quality::Numbering::stateful);
        }
    }
}

TEST_CASE("loss both ways is told apart") {
    Path path{11};
    path.lost_there = path.loses(0.05);
    path.lost_back = path.loses(0.2);
    path.run(20'000);
    path.settle();
    const auto& t = path.total;
    check_ratio(ratio(t.forward_lost, t.forward_sent), path.truth.forward(), 20'000);
    check_ratio(ratio(t.backward_lost, t.backward_sent), path.truth.backward(), 20'000);
    check_ratio(1 - ratio(t.answers, t.probes), path.truth.round_trip(), 20'000);
}

TEST_CASE("reordering, in whichever direction, is never loss") {
    for (const auto& [there, back] : {std::pair{true, false}, {false, true}, {true, true}}) {
        Path path{13, 20ms};
        const auto jumpy = [&path] { return base::Duration{std::uniform_int_distribution{1, 200}(path.random) * 1ms}; };
        if (there) path.there = jumpy;
        if (back) path.back = jumpy;
        path.run(20'000);
        path.settle();
        CHECK(path.total.probes == path.total.answers);
        CHECK(path.total.forward_lost == 0);
        CHECK(path.total.backward_lost == 0);
    }
}

TEST_CASE("reordering beside loss leaves each direction its own") {
    Path path{17, 20ms};
    path.there = [&path] { return base::Duration{std::uniform_int_distribution{1, 90}(path.random) * 1ms}; };
    path.lost_there = path.loses(0.1);
    path.lost_back = path.loses(0.03);
    path.run(40'000);
    path.settle();
    const auto& t = path.total;
    CHECK(std::abs(ratio(t.forward_lost, t.forward_sent) - path.truth.forward()) < 0.005);
    CHECK(std::abs(ratio(t.backward_lost, t.backward_sent) - path.truth.backward()) < 0.005);
}

TEST_CASE("copies, made there or back, are never loss and never answers") {
    for (const bool there : {true, false}) {
        Path path{19};
        (there ? path.copies_there : path.copies_back) = [&path] {
            return 1 + std::bernoulli_distribution{0.2}(path.random);
        };
        path.run(5'000);
        path.settle();
        CHECK(path.total.probes == path.total.answers);
        CHECK(path.total.answers <= path.truth.sent);
        CHECK(path.total.forward_lost == 0);
        CHECK(path.total.backward_lost == 0);
    }
}

TEST_CASE("RFC 8762 §4.3: a stateless reflector is known as such, and tells of no direction") {
    for (const bool forward : {true, false}) {
        Path path{23};
        path.stateless = true;
        (forward ? path.lost_there : path.lost_back) = path.loses(0.1);
        path.run(2'000);
        path.settle();
        CHECK(path.sender.numbering() == quality::Numbering::stateless);
        CHECK(path.total.forward_sent == 0);
        CHECK(path.total.backward_sent == 0);
        check_ratio(1 - ratio(path.total.answers, path.total.probes), path.truth.round_trip(), 2'000);
    }
}

TEST_CASE("probes under way while this host stood still are not the path's") {
    Path path{29};
    path.run(100);
    path.lost_back = [] { return true; };
    path.run(15);
    path.gap_end = path.now;  // woken late
    path.lost_back = [] { return false; };
    path.run(100);
    path.settle();
    CHECK(path.total.probes == path.total.answers);
    CHECK(path.total.backward_lost == 0);
    CHECK(path.total.forward_lost == 0);
}

TEST_CASE("a reflector that went away is no loss, and neither is an outage that ended: BFD sees that") {
    Path path{31};
    path.run(100);
    path.lost_there = [] { return true; };
    path.run(300);
    path.decide();
    CHECK(path.total.probes == path.total.answers);
    CHECK(path.sender.unanswered() > 250);
    path.lost_there = [] { return false; };
    path.run(50);
    path.settle();
    CHECK(path.total.probes == path.total.answers);
    CHECK(path.total.forward_lost == 0);
    CHECK(path.sender.unanswered() == 0);
}

TEST_CASE("nine probes lost in a row are loss, ten are silence; with a detection time of 3 s thirty, and thirty-one") {
    for (const auto& [lost, silence] : {std::pair{9, 10U}, {10, 10U}, {30, 31U}, {31, 31U}}) {
        const int told = lost < static_cast<int>(silence) ? lost : 0;
        Path path{37};
        path.sender.set_silence(silence);
        path.run(100);
        path.lost_there = [] { return true; };
        path.run(lost);
        path.lost_there = [] { return false; };
        path.run(100);
        path.settle();
        CHECK(static_cast<int>(path.total.probes - path.total.answers) == told);
        CHECK(static_cast<int>(path.total.forward_lost) == told);
        CHECK(path.total.backward_lost == 0);
    }
}

TEST_CASE("how many lost in a row a session sees: ten, and as many as span its detection time") {
    CHECK(quality::silence_of(150ms, 100ms) == 10);
    CHECK(quality::silence_of(900ms, 100ms) == 10);
    CHECK(quality::silence_of(900ms + 1ns, 100ms) == 11);
    CHECK(quality::silence_of(3s, 100ms) == 31);
    CHECK(quality::silence_of(3s, 10s) == 10);
    CHECK(quality::silence_of(60s * 255, 20ms) == 15'001);  // of no more than a window
}

TEST_CASE("what a slow session does not see is loss: half of it, on a path that is dead for 1.5 s of every 3 s") {
    Path path{37};
    path.sender.set_silence(quality::silence_of(3s, 100ms));
    path.run(100);
    path.lost_there = [&] { return (path.now - TimePoint{1h}) % 3s >= 1500ms; };
    path.run(3'000);
    path.lost_there = [] { return false; };
    path.run(100);
    path.settle();
    CHECK(path.total.forward_lost == 1'500);
    CHECK(path.total.backward_lost == 0);
    CHECK(path.total.probes - path.total.answers == 1'500);
}

TEST_CASE("who has never answered has lost nothing when he does") {
    Path path{41};
    path.lost_there = [] { return true; };
    path.run(9);
    path.lost_there = [] { return false; };
    path.run(100);
    path.settle();
    CHECK(path.total.probes == path.total.answers);
    CHECK(path.total.forward_lost == 0);
}

TEST_CASE("a reflector that begins anew makes no loss") {
    Path path{37};
    path.run(200);
    path.reflected = 0;
    path.run(200);
    path.settle();
    CHECK(path.total.forward_lost == 0);
    CHECK(path.total.backward_lost == 0);
}

TEST_CASE("whoever did not see the probe cannot answer it; a second answer is a copy; a late one is none") {
    quality::Sender sender{100ms, false};
    TimePoint now{1h};
    sender.on_sent(now, 99);
    CHECK(sender.on_answer({.sequence = 0, .cookie = 98, .arrival = now + 1ms}) == quality::Taken::stale);
    CHECK(sender.on_answer({.sequence = 1, .cookie = 99, .arrival = now + 1ms}) == quality::Taken::stale);
    CHECK(sender.on_answer({.sequence = 0, .cookie = 99, .arrival = now + 7ms}) == quality::Taken::fresh);
    CHECK(sender.on_answer({.sequence = 0, .cookie = 99, .arrival = now + 9ms}) == quality::Taken::duplicate);
    sender.on_sent(now, 5);
    quality::Results out;
    CHECK_FALSE(sender.decide(now + sender.give_up() - 1us, {}, out));
    CHECK(out.answers == 0);
    CHECK_FALSE(sender.decide(now + sender.give_up(), {}, out));
    CHECK(out.answers == 1);
    CHECK(quality::from_ticks(out.rtts[0]) == 7ms);
    CHECK(sender.unanswered() == 1);
    CHECK(sender.on_answer({.sequence = 1, .cookie = 5, .arrival = now + 3s}) == quality::Taken::stale);
}

TEST_CASE("RFC 8762: the round trip is without the reflector's residence; a residence that cannot be is left out") {
    for (const auto& [residence, rtt] :
         {std::pair<base::Duration, base::Duration>{3ms, 4ms}, {8ms, 7ms}, {-1ms, 7ms}}) {
        quality::Sender sender{100ms, false};
        sender.on_sent(TimePoint{1h}, 1);
        REQUIRE(
            sender.on_answer({.sequence = 0, .cookie = 1, .arrival = TimePoint{1h} + 7ms, .residence = residence}) ==
            quality::Taken::fresh);
        quality::Results out;
        CHECK_FALSE(sender.decide(TimePoint{1h} + sender.give_up(), {}, out));
        CHECK(quality::from_ticks(out.rtts[0]) == rtt);
    }
}
