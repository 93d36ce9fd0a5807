// Merit damping: when it takes a path away, when it gives it back, and that it always does.
#include <doctest/doctest.h>

#include <random>

#include "policy/damping.hpp"
#include "policy/measured.hpp"

using namespace measured;
using policy::Damping;
using policy::DampingRules;

TEST_CASE("points halve every half-life") {
    Damping damping;
    damping.on_down(at(0s), {});
    CHECK(damping.points(at(0s)) == doctest::Approx(1'000));
    CHECK(damping.points(at(15s)) == doctest::Approx(500));
    CHECK(damping.points(at(30s)) == doctest::Approx(250));
    CHECK(damping.deadline() == base::never);
    CHECK(!damping.on_deadline(at(60s)));
}

TEST_CASE("two Downs at once are not enough, three are; it is released when it is at reuse") {
    Damping damping;
    damping.on_down(at(0s), {});
    damping.on_down(at(0s), {});
    CHECK(!damping.is_suppressed());
    damping.on_down(at(0s), {});
    REQUIRE(damping.is_suppressed());
    const auto release = damping.deadline();
    CHECK(std::chrono::duration<double>(release - at(0s)).count() == doctest::Approx(23.77).epsilon(0.001));
    CHECK(!damping.on_deadline(release - 1ns));
    CHECK(damping.is_suppressed());
    CHECK(damping.on_deadline(release));
    CHECK(!damping.is_suppressed());
    CHECK(damping.points(release) == doctest::Approx(1'000));
    CHECK(damping.deadline() == base::never);
}

TEST_CASE("three Downs with a second between them are not enough, the fourth is") {
    Damping damping;
    for (int i = 0; i < 3; ++i) damping.on_down(at(1s * i), {});
    CHECK(!damping.is_suppressed());
    damping.on_down(at(3s), {});
    CHECK(damping.is_suppressed());
}

TEST_CASE("a Down every 30 s never suppresses") {
    Damping damping;
    for (int i = 0; i < 1'000; ++i) damping.on_down(at(30s * i), {});
    CHECK(!damping.is_suppressed());
}

TEST_CASE("further Downs prolong it, but not beyond max since it began") {
    Damping damping;
    for (int i = 0; i < 3; ++i) damping.on_down(at(0s), {});
    for (int i = 1; i < 60; ++i) damping.on_down(at(1s * i), {});
    REQUIRE(damping.is_suppressed());
    CHECK(damping.deadline() == at(60s));
    CHECK(damping.on_deadline(at(60s)));
    CHECK(damping.points(at(60s)) == doctest::Approx(1'000));
    damping.on_down(at(60s), {});
    CHECK(!damping.is_suppressed());
}

TEST_CASE("max = 0 damps nothing; what is spared is so until the release") {
    Damping off;
    for (int i = 0; i < 100; ++i) off.on_down(at(0s), {.max = 0s});
    CHECK(!off.is_suppressed());
    Damping damping;
    damping.spare();
    CHECK(!damping.is_spared());
    for (int i = 0; i < 3; ++i) damping.on_down(at(0s), {});
    damping.spare();
    CHECK(damping.is_spared());
    damping.on_deadline(damping.deadline());
    CHECK(!damping.is_spared());
}

TEST_CASE("damping always releases within max, over 1,000 seeds and rules") {
    for (std::uint32_t seed = 0; seed < 1'000; ++seed) {
        CAPTURE(seed);
        std::mt19937 random{seed};
        const auto reuse = 1 + static_cast<std::uint32_t>(random() % 5'000);
        const DampingRules rules{.half_life = 1ms * (1 + random() % 100'000),
                                 .suppress = reuse + 1 + static_cast<std::uint32_t>(random() % 20'000),
                                 .reuse = reuse,
                                 .max = 1ms * (1 + random() % 120'000)};
        Damping damping;
        auto now = at(0s);
        auto since = base::never;
        for (int step = 0; step < 500; ++step) {
            const auto next = now + 1ms * (random() % 2'000);
            while (damping.deadline() <= next) {
                now = damping.deadline();
                REQUIRE(damping.on_deadline(now));
                CHECK(now - since <= rules.max);
                since = base::never;
                CHECK(damping.points(now) <= reuse + 1e-6);
            }
            now = next;
            damping.on_down(now, rules);
            if (damping.is_suppressed() && since == base::never) since = now;
            if (damping.is_suppressed()) CHECK(damping.deadline() >= now);
        }
    }
}
