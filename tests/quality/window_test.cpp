#include "quality/window.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <random>

#include "path.hpp"

using namespace quality_test;
using quality::Compact;
using quality::Window;

namespace {

quality::Results ten(base::Duration rtt, std::uint16_t lost = 0) {
    quality::Results out;
    out.answers = 10;
    out.probes = static_cast<std::uint16_t>(10 + lost);
    for (std::size_t i = 0; i < 10; ++i) out.rtts[i] = quality::to_ticks(rtt);
    return out;
}

double off_by(base::Duration measured, base::Duration truth) {
    return std::abs(static_cast<double>((measured - truth).count()) / static_cast<double>(truth.count()));
}

}  // namespace

TEST_CASE("a round trip in two bytes is right to 0.025 % from 100 ns to minutes, and orders as its ticks do") {
    std::mt19937 random{3};
    for (int i = 0; i < 200'000; ++i) {
        const auto a = static_cast<quality::Ticks>(random() >> (random() % 32));
        const auto b = static_cast<quality::Ticks>(random() >> (random() % 32));
        const auto back = Compact::of(a).ticks();
        REQUIRE(std::abs(static_cast<double>(back) - a) <= a * 0.00025);
        if (a < b) REQUIRE(Compact::of(a) <= Compact::of(b));
    }
    CHECK(Compact::of(0).ticks() == 0);
    CHECK(Compact::of(4095).ticks() == 4095);
    CHECK(Compact::of(UINT32_MAX).ticks() == UINT32_MAX);
}

TEST_CASE("ten seconds slide: what is older than that is gone, what is younger counts") {
    TimePoint now{1h};
    Window window{now};
    window.add(now, ten(80ms, 10));
    for (int i = 1; i < 10; ++i) window.add(now + i * 1s, ten(20ms));
    auto q = window.quality(now + 9s + 999ms);
    CHECK(q.recent.probes == 110);
    CHECK(q.recent.loss.round_trip == doctest::Approx(10.0 / 110));
    CHECK(off_by(q.recent.rtt_p95, 80ms) < 0.001);
    q = window.quality(now + 10s);
    CHECK(q.recent.probes == 90);
    CHECK(q.recent.loss.round_trip == 0);
    CHECK(off_by(q.recent.rtt_p95, 20ms) < 0.001);
    CHECK(q.lasting.probes == 110);
    CHECK(off_by(q.lasting.rtt_min, 20ms) < 0.001);
}

TEST_CASE("with nothing in it a window tells nothing, and after five minutes so does the lasting one") {
    TimePoint now{1h};
    Window window{now};
    CHECK(window.quality(now).recent == quality::Figures{});
    window.add(now, ten(20ms, 5));
    CHECK(window.quality(now + 11s).recent == quality::Figures{});
    CHECK(window.quality(now + 289s).lasting.probes == 15);
    CHECK(window.quality(now + 301s).lasting == quality::Figures{});
    CHECK(window.quality(now + 301s).measured == quality::lasting_window);
    window.add(now + 24h, ten(30ms));
    CHECK(window.quality(now + 24h).lasting.probes == 10);
}

TEST_CASE("of how many probes the loss on the way out is a share is told beside it") {
    Window window{TimePoint{1h}};
    auto some = ten(20ms, 2);
    some.forward_sent = 4;
    some.forward_lost = 1;
    for (int i = 0; i < 3; ++i) window.add(TimePoint{1h} + i * 1s, some);
    const auto q = window.quality(TimePoint{1h} + 3s);
    for (const auto& figures : {q.recent, q.lasting}) {
        CHECK(figures.probes == 36);
        CHECK(figures.forward_sent == 12);
        CHECK(figures.loss.forward == 0.25);
    }
}

TEST_CASE("what one method lost is not held against another: the windows begin anew when the method changes") {
    TimePoint now{1h};
    Window window{now};
    auto echoes = ten(20ms, 10);
    echoes.method = quality::Method::icmp;
    for (int i = 0; i < 60; ++i) window.add(now + i * 1s, echoes);
    CHECK(window.quality(now + 60s).lasting.loss.round_trip == 0.5);
    window.add(now + 60s, ten(30ms));
    auto q = window.quality(now + 60s);
    CHECK(q.method == quality::Method::stamp);
    for (const auto& figures : {q.recent, q.lasting}) {
        CHECK(figures.probes == 10);
        CHECK(figures.loss.round_trip == 0);
        CHECK(off_by(figures.rtt_min, 30ms) < 0.001);
    }
    CHECK(q.measured == 0s);  // and are not full for a while
    window.add(now + 61s, echoes);
    q = window.quality(now + 24h);  // nothing came for long: still of the same
    CHECK(q.method == quality::Method::icmp);
    CHECK(q.measured == quality::lasting_window);
}

TEST_CASE(
    "the figures of a noisy path come out as it was made: median, p95 and jitter, of ten seconds and of five minutes") {
    Path path{5};
    std::vector<base::Duration> all;
    std::gamma_distribution<double> shape{2, 3};  // mean 6 ms, skewed
    path.there = [&] { return 20ms + base::Duration{static_cast<std::int64_t>(shape(path.random) * 1e6)}; };
    path.there = [&, inner = path.there] {
        all.push_back(inner() + 10ms);
        return all.back() - 10ms;
    };
    path.run(3000);
    path.decide();
    const auto q = path.window.quality(path.now);
    double variation = 0;
    for (std::size_t i = 1; i < all.size(); ++i)
        variation += std::abs(static_cast<double>((all[i] - all[i - 1]).count()));
    variation /= static_cast<double>(all.size() - 1);
    std::sort(all.begin(), all.end());
    CHECK(off_by(q.lasting.rtt_median, all[all.size() / 2]) < 0.01);
    CHECK(off_by(q.lasting.rtt_p95, all[all.size() * 95 / 100]) < 0.02);
    CHECK(off_by(q.lasting.rtt_min, all.front()) < 0.001);
    CHECK(off_by(q.recent.rtt_median, all[all.size() / 2]) < 0.05);
    CHECK(off_by(q.lasting.jitter, base::Duration{static_cast<std::int64_t>(variation)}) < 0.02);
    REQUIRE(q.lasting.jitter_forward);
    CHECK(off_by(*q.lasting.jitter_forward, base::Duration{static_cast<std::int64_t>(variation)}) < 0.02);
    CHECK(*q.lasting.jitter_backward < 1us);  // that way did not vary
}

TEST_CASE("a path takes less than 2 KiB of windows") { CHECK(sizeof(Window) <= 2048); }
