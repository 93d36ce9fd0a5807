// Degraded on two time scales: boundaries in pairs, and what noise may do.
#include <doctest/doctest.h>

#include "policy/degraded.hpp"
#include "policy/measured.hpp"

using namespace measured;
using policy::Cause;
using policy::Degraded;

namespace {

struct Judged {
    // Told the same once a second.
    void tell(const quality::Quality& quality, int seconds = 1) {
        for (int i = 0; i < seconds; ++i) {
            elapsed += 1s;
            changes += degraded.on_quality(at(elapsed), policy::windows_of(quality, 24h), limits) ? 1 : 0;
        }
    }
    Degraded degraded;
    policy::Limits limits;
    base::Duration elapsed{};
    int changes = 0;
};

const auto good = full(figures(100, 0), figures(3'000, 0));

// Verdict changes within an hour of stationary loss.
int changes_in_an_hour(std::uint64_t seed, double loss) {
    Source source{seed};
    Degraded degraded;
    int changes = 0;
    for (int second = 0; second < 3'600; ++second) {
        const auto& quality = source.second(loss);
        changes += degraded.on_quality(source.now(), policy::windows_of(quality, 24h), {}) ? 1 : 0;
    }
    return changes;
}

}  // namespace

TEST_CASE("a path that loses nothing is well") {
    Judged path;
    path.tell(good, 1'000);
    CHECK(!path.degraded.cause());
    CHECK(path.changes == 0);
}

TEST_CASE("six lost of a hundred are not evidence enough at once, thirty are") {
    Judged path;
    path.tell(full(figures(100, 6), figures(3'000, 6)));
    CHECK(!path.degraded.cause());
    Judged worse;
    worse.tell(full(figures(100, 30), figures(3'000, 30)));
    CHECK(worse.degraded.cause() == Cause::quality_loss);
    CHECK(worse.degraded.came_at_once());
    CHECK(worse.degraded.since() == at(1s));
}

TEST_CASE("three times the limit for long enough is evidence; just below it is for the slow scale") {
    Judged path;
    path.tell(full(figures(1'000, 60), figures(3'000, 60)), 60);
    CHECK(path.degraded.cause() == Cause::quality_loss);
    Judged below;
    below.tell(full(figures(1'000, 59), figures(3'000, 59)), 600);
    CHECK(!below.degraded.cause());
}

TEST_CASE("nineteen samples are no evidence, twenty are") {
    Judged path;
    path.tell(full(figures(19, 19), figures(19, 19)), 100);
    CHECK(!path.degraded.cause());
    path.tell(full(figures(20, 20), figures(19, 19)));
    CHECK(path.degraded.cause() == Cause::quality_loss);
}

TEST_CASE("of the way out only the probes that the peer counted are evidence: three of ten may be chance") {
    const auto all = figures(100, 0);
    Judged few;
    few.tell(full(counted(all, 10, 3), counted(figures(3'000, 0), 10, 3)), 600);
    CHECK(!few.degraded.cause());
    Judged slow;
    slow.tell(full(all, counted(figures(3'000, 0), 50, 2)));  // 4 %, and e^-1.4 by chance
    CHECK(!slow.degraded.cause());
    slow.tell(full(counted(all, 100, 30), all));
    CHECK(slow.degraded.came_at_once());
    slow.tell(full(counted(all, 100, 0), counted(figures(3'000, 0), 19, 0)), 300);
    CHECK(slow.degraded.cause());
    slow.tell(full(counted(all, 100, 0), counted(figures(3'000, 0), 20, 0)));
    CHECK(!slow.degraded.cause());
}

TEST_CASE("evidence adds up over windows that do not overlap, and fades with good ones") {
    policy::Suspicion suspicion;
    CHECK(suspicion.add(at(0s), 5) == doctest::Approx(5));
    CHECK(suspicion.add(at(5s), 5) == doctest::Approx(5));  // the same probes, for the most part
    CHECK(suspicion.add(at(10s), 5) == doctest::Approx(10));
    CHECK(suspicion.add(at(15s), -3) == doctest::Approx(2));
    CHECK(suspicion.add(at(20s), -20) == doctest::Approx(0));
    CHECK(suspicion.add(at(30s), 100) == doctest::Approx(14));  // and no more
    CHECK(suspicion.add(at(60s), 1) == doctest::Approx(1));     // half a minute ago is another story
}

TEST_CASE("over the limit for a full window of 5 min, and not by chance") {
    Judged path;
    auto quality = full(figures(100, 3), figures(3'000, 90));
    quality.measured = 300s - 1ns;
    path.tell(quality, 10);
    CHECK(!path.degraded.cause());
    quality.measured = 300s;
    path.tell(quality);
    CHECK(path.degraded.cause() == Cause::quality_loss);
    CHECK(!path.degraded.came_at_once());
    Judged chance;
    chance.tell(full(figures(100, 2), figures(3'000, 70)), 10);  // 2.3 %: a true 2 % looks so too
    CHECK(!chance.degraded.cause());
}

TEST_CASE("it leaves below half the limit, and not before 5 min") {
    Judged path;
    path.tell(full(figures(100, 30), figures(3'000, 30)));
    REQUIRE(path.degraded.cause());
    path.tell(full(figures(100, 0), figures(3'000, 29)), 299);
    CHECK(path.degraded.cause());
    path.tell(full(figures(100, 1), figures(3'000, 30)));  // half is not below half
    CHECK(path.degraded.cause());
    path.tell(full(figures(100, 1), figures(3'000, 29)));
    CHECK(!path.degraded.cause());
    CHECK(path.changes == 2);
}

TEST_CASE("round trip: three times at once, the limit after 5 min, below half it leaves") {
    const auto rtt = [](base::Duration recent, base::Duration lasting) {
        return full(figures(100, 0, recent), figures(3'000, 0, lasting));
    };
    Judged path;
    path.tell(rtt(750ms - 1ns, 250ms), 100);
    CHECK(!path.degraded.cause());
    path.tell(rtt(750ms, 250ms));
    CHECK(path.degraded.cause() == Cause::quality_rtt);
    CHECK(path.degraded.came_at_once());
    path.tell(rtt(125ms, 125ms), 400);
    CHECK(path.degraded.cause() == Cause::quality_rtt);
    path.tell(rtt(125ms, 125ms - 1ns));
    CHECK(!path.degraded.cause());
    path.tell(rtt(250ms, 250ms + 1ns));
    CHECK(path.degraded.cause() == Cause::quality_rtt);
    CHECK(!path.degraded.came_at_once());
}

TEST_CASE("jitter likewise, of the way out where it is known; loss is told before round trip, that before jitter") {
    Judged path;
    auto quality = full(figures(100, 0, 20ms, 150ms), figures(3'000, 0));
    quality.recent.jitter_forward = 10ms;
    path.tell(quality);
    CHECK(!path.degraded.cause());
    quality.recent.jitter_forward.reset();
    path.tell(quality);
    CHECK(path.degraded.cause() == Cause::quality_jitter);
    path.tell(full(figures(100, 0, 1s), figures(3'000, 0)));
    CHECK(path.degraded.cause() == Cause::quality_rtt);
    path.tell(full(figures(100, 50), figures(3'000, 50)));
    CHECK(path.degraded.cause() == Cause::quality_loss);
}

TEST_CASE("a window without an answer says nothing of delay") {
    Judged path;
    path.tell(full(figures(100, 81, 10s), figures(3'000, 2'981, 10s)));
    CHECK(path.degraded.cause() == Cause::quality_loss);  // and nothing of its round trip
    path.tell(full(figures(3'000, 0), figures(3'000, 0)), 300);
    CHECK(!path.degraded.cause());
}

TEST_CASE("1.9 % and 2.1 % around a limit of 2 %: two changes an hour at most, over 1,000 seeds") {
    int most = 0, moved = 0;
    for (std::uint64_t seed = 0; seed < 500; ++seed)
        for (const auto loss : {0.019, 0.021}) {
            const auto changes = changes_in_an_hour(seed, loss);
            most = std::max(most, changes);
            moved += changes > 0 ? 1 : 0;
        }
    CHECK(most <= 2);
    MESSAGE("of 1,000 hours at the limit ", moved, " have a change");
}

TEST_CASE("half the limit moves nothing, over 300 seeds") {
    int moved = 0;
    for (std::uint64_t seed = 0; seed < 300; ++seed) moved += changes_in_an_hour(seed, 0.01);
    CHECK(moved == 0);
}

TEST_CASE("a brownout from 2 % to 30 % is known before 10 %, and left once") {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        CAPTURE(seed);
        Source source{seed};
        Degraded degraded;
        double known_at = 1;
        int changes = 0;
        const auto tell = [&](double loss) {
            const auto& quality = source.second(loss);
            if (!degraded.on_quality(source.now(), policy::windows_of(quality, 24h), {})) return;
            ++changes;
            if (degraded.cause()) known_at = std::min(known_at, loss);
        };
        for (int second = 0; second < 600; ++second) tell(0.001);
        REQUIRE(changes == 0);
        for (int second = 0; second < 300; ++second) tell(0.02 + 0.28 * second / 300);
        CHECK(known_at < 0.1);
        for (int second = 0; second < 1'800; ++second) tell(0.001);
        CHECK(!degraded.cause());
        CHECK(changes == 2);
    }
}

TEST_CASE("no input whatever changes it more than 24 times an hour") {
    std::mt19937 random{1};
    for (int seed = 0; seed < 100; ++seed) {
        Judged path;
        for (int second = 0; second < 3'600; ++second) {
            const auto bad = static_cast<std::uint32_t>(random() % 100);
            path.tell(random() % 2 == 0 ? good : full(figures(100, bad), figures(3'000, 30 * bad)));
        }
        CHECK(path.changes <= 24);
        CHECK(path.changes > 0);
    }
}
