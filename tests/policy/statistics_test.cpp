// Chernoff's bound, and which windows count.
#include <doctest/doctest.h>

#include <cmath>

#include "policy/measured.hpp"
#include "policy/statistics.hpp"

using namespace measured;

TEST_CASE("surprise bounds the binomial tail, and is not far from it") {
    // P(X >= 12 | 100, 0.02) by summation.
    double tail = 0, term = std::pow(0.98, 100);
    for (int k = 0; k <= 100; ++k) {
        if (k >= 12) tail += term;
        term *= (100.0 - k) / (k + 1) * 0.02 / 0.98;
    }
    const auto bound = std::exp(-policy::surprise(0.12, 100, 0.02));
    CHECK(bound >= tail);
    CHECK(bound <= 10 * tail);
}

TEST_CASE("few samples say little, and a share on the wrong side says nothing") {
    CHECK(policy::surprise(0.02, 100, 0.02) == doctest::Approx(0));
    CHECK(policy::is_above(0.06, 1'000, 0.02, 12));
    CHECK(!policy::is_above(0.06, 100, 0.02, 12));
    CHECK(!policy::is_above(0.01, 100'000, 0.02, 1));
    CHECK(policy::is_below(0.01, 10'000, 0.02, 12));
    CHECK(!policy::is_below(0.03, 100'000, 0.02, 1));
    CHECK(!policy::is_above(0.02, 100'000, 0.02, 0.1));
}

TEST_CASE("nothing is infinite at the ends") {
    for (const auto share : {0.0, 1.0})
        for (const auto p : {0.0, 1.0}) CHECK(std::isfinite(policy::surprise(share, 100, p)));
    CHECK(policy::is_above(1, 10, 0, 12));
    CHECK(policy::surprise(1, 0, 0.5) == 0);
}

TEST_CASE("figures that reach back to before the session was Up do not count") {
    auto quality = full(figures(100, 1), figures(3'000, 30));
    CHECK(policy::windows_of(quality, 10s - 1ns).recent == nullptr);
    CHECK(policy::windows_of(quality, 10s).recent == &quality.recent);
    CHECK(policy::windows_of(quality, 10s).recent_full);
    CHECK(policy::windows_of(quality, 300s - 1ns).lasting == nullptr);
    CHECK(!policy::windows_of(quality, 300s - 1ns).lasting_full);
    CHECK(policy::windows_of(quality, 300s).lasting_full);
    quality.measured = 9s;
    CHECK(policy::windows_of(quality, 8s).recent == nullptr);
    CHECK(policy::windows_of(quality, 9s).recent == &quality.recent);
    CHECK(policy::windows_of(quality, 9s).lasting == &quality.lasting);
    CHECK(!policy::windows_of(quality, 300s).recent_full);
    CHECK(!policy::windows_of(quality, 300s).lasting_full);
}

TEST_CASE("what is known of the way out counts alone") {
    auto one = figures(100, 10, 20ms, 8ms);
    CHECK(policy::loss_of(one) == doctest::Approx(0.1));
    CHECK(policy::jitter_of(one) == 8ms);
    CHECK(policy::probes_of(one) == 100);
    one = counted(one, 200, 2);
    one.jitter_forward = 2ms;
    CHECK(policy::loss_of(one) == doctest::Approx(0.01));
    CHECK(policy::probes_of(one) == 200);
    CHECK(policy::jitter_of(one) == 2ms);
}
