#include "quality/path_mtu.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <map>
#include <random>
#include <vector>

using namespace std::chrono_literals;
using base::TimePoint;
using quality::Fit;
using quality::PathMtu;

namespace {

constexpr std::uint16_t least = 72;

// A path in virtual time: what it does to each packet, and what was told of it.
struct Route {
    explicit Route(std::uint16_t mtu = 1420, std::uint32_t seed = 1) : prober{mtu, least, seed, now}, random{seed} {}

    void run_for(base::Duration time) {
        const auto end = now + time;
        for (;;) {
            const auto next = std::min(prober.deadline(), wire.empty() ? base::never : wire.begin()->first);
            if (next > end) break;
            now = std::max(now, next);
            while (!wire.empty() && wire.begin()->first <= now) {
                const auto sequence = wire.begin()->second;
                wire.erase(wire.begin());
                prober.on_answer(sequence, prober.cookie(sequence), now);
                note();
            }
            while (const auto probe = prober.next(now, seen_until ? *seen_until : now, gap_end)) {
                note();
                send(*probe);
            }
            note();
        }
        now = end;
    }
    void send(const quality::SizedProbe& probe) {
        if (refused) return prober.on_sent(now, refused);
        sizes.push_back(probe.size);
        sent_at.push_back(now);
        prober.on_sent(now, 0);
        if (answers(probe.size)) wire.emplace(now + round_trip(probe.size), probe.sequence);
    }
    void note() {
        if (!told.empty() && told.back() == prober.passage()) return;
        told.push_back(prober.passage());
        if (prober.passage().fit == Fit::limited && raised_at == TimePoint{}) raised_at = now;
    }
    // Drops what is padded to more than it carries, and by chance, each way.
    void carry(std::uint16_t most, double loss_each_way = 0) {
        answers = [this, most, loss_each_way](std::uint16_t size) {
            const auto padded = std::min<std::uint32_t>((size + 15U) / 16 * 16, 1420);
            std::bernoulli_distribution lost{loss_each_way};
            const bool there = !lost(random), back = !lost(random);
            return padded <= most && there && back;
        };
    }
    const quality::Passage& passage() const { return prober.passage(); }

    TimePoint now{1h};
    PathMtu prober;
    std::mt19937 random;
    std::function<bool(std::uint16_t)> answers = [](std::uint16_t) { return true; };
    std::function<base::Duration(std::uint16_t)> round_trip = [](std::uint16_t) { return 40ms; };
    std::optional<TimePoint> seen_until{};
    TimePoint gap_end{};
    int refused = 0;
    std::multimap<TimePoint, std::uint32_t> wire;
    std::vector<std::uint16_t> sizes;
    std::vector<TimePoint> sent_at;
    std::vector<quality::Passage> told{};
    TimePoint raised_at{};
};

}  // namespace

TEST_CASE("once a minute; every five seconds for who waits for an answer that goes with it") {
    Route route;
    route.run_for(10min);
    const auto at_rest = route.sizes.size();
    CHECK(at_rest / 2 >= 10);
    CHECK(at_rest / 2 <= 12);
    route.prober.ask_often(true, route.now);
    route.run_for(60s);
    CHECK((route.sizes.size() - at_rest) / 2 >= 11);
    CHECK((route.sizes.size() - at_rest) / 2 <= 13);
    CHECK(route.passage().fit == Fit::whole);
    route.prober.ask_often(false, route.now);
    const auto after = route.sizes.size();
    route.run_for(56s);
    CHECK(route.sizes.size() == after);
    route.run_for(8s);
    CHECK(route.sizes.size() == after + 2);
}

TEST_CASE("a path that carries all is asked with one pair within ten seconds, and then once a minute") {
    Route route;
    route.run_for(10s);
    CHECK(route.passage() == quality::Passage{Fit::whole, 1420, 0});
    CHECK(route.sizes.size() <= 2);
    route.run_for(10min);
    CHECK(route.sizes.size() >= 18);
    CHECK(route.sizes.size() <= 24);
    for (std::size_t i = 0; i < route.sizes.size(); i += 2) CHECK(route.sizes[i] == 1420);
}

TEST_CASE(
    "a path that drops what is large is known within two minutes, with the largest size that fits after padding") {
    for (const auto most : std::initializer_list<std::uint16_t>{1408, 1376, 1360, 1216, 1100, 576, 96, 80})
        for (std::uint32_t seed = 1; seed <= 20; ++seed) {
            CAPTURE(most);
            Route route{1420, seed};
            route.run_for(std::chrono::seconds{70 + seed});
            REQUIRE(route.passage().fit == Fit::whole);
            route.carry(most);
            route.run_for(118s);
            CHECK(route.passage() == quality::Passage{Fit::limited, 1420, static_cast<std::uint16_t>(most / 16 * 16)});
        }
}

TEST_CASE("a byte decides: 1,420 bytes that pass are no limit, 1,419 are") {
    Route route;
    route.carry(1420);
    route.run_for(3min);
    CHECK(route.passage().fit == Fit::whole);
    route.carry(1419);
    route.run_for(3min);
    CHECK(route.passage() == quality::Passage{Fit::limited, 1420, 1408});
}

TEST_CASE("what was found is looked at every minute: less, more, and all again") {
    Route route;
    route.carry(1216);
    route.run_for(3min);
    REQUIRE(route.passage().largest == 1216);
    const auto before = route.told.size();
    const auto sent = route.sizes.size();
    route.run_for(10min);
    CHECK(route.told.size() == before);
    CHECK(route.sizes.size() - sent <= 12 * 30);  // three, one, and eight pairs a minute
    route.carry(1000);
    route.run_for(90s);
    CHECK(route.passage().largest == 992);
    route.carry(1300);
    route.run_for(90s);
    CHECK(route.passage().largest == 1296);
    route.carry(1420);
    route.run_for(70s);
    CHECK(route.passage() == quality::Passage{Fit::whole, 1420, 0});
}

TEST_CASE("it takes three answers to clear, and two are not enough") {
    Route route;
    route.carry(1216);
    route.run_for(3min);
    int passes = 2;
    route.answers = [&](std::uint16_t size) { return size < 1217 || passes-- > 0; };
    route.run_for(65s);
    CHECK(route.passage().fit == Fit::limited);
    passes = 3;
    route.run_for(65s);
    CHECK(route.passage().fit == Fit::whole);
}

TEST_CASE("20 % of loss each way raises nothing in 1,000 hours, and hides no limit") {
    for (std::uint32_t seed = 1; seed <= 100; ++seed) {
        Route route{1420, seed};
        route.carry(1420, 0.2);
        route.run_for(10h);
        CHECK(route.raised_at == TimePoint{});
    }
    int exact = 0;
    for (std::uint32_t seed = 1; seed <= 100; ++seed) {
        Route route{1420, seed};
        route.run_for(60s);
        route.carry(1216, 0.2);
        route.run_for(150s);
        CHECK(route.passage().fit == Fit::limited);
        exact += route.passage().largest == 1216 ? 1 : 0;
    }
    CHECK(exact >= 98);
}

TEST_CASE("a path that is gone, or a reflector that answers nobody, says nothing; what was known stands") {
    Route route;
    route.answers = [](std::uint16_t) { return false; };
    route.run_for(1h);
    CHECK(route.passage().fit == Fit::unknown);
    CHECK(route.sizes.size() < 3000);
    route.carry(1216);
    route.run_for(3min);
    REQUIRE(route.passage().largest == 1216);
    route.answers = [](std::uint16_t) { return false; };
    route.run_for(1h);
    CHECK(route.passage() == quality::Passage{Fit::limited, 1420, 1216});
}

TEST_CASE("a reflector that answers so many a second, whatever their size, raises nothing") {
    for (const int per_second : {1, 2, 5}) {
        CAPTURE(per_second);
        Route route;
        double tokens = 0;
        auto last = route.now;
        // The ten a second that measure take what there is, but for what comes just when one is due.
        route.answers = [&](std::uint16_t) {
            tokens = std::min(1.0, tokens + std::chrono::duration<double>(route.now - last).count() * per_second / 5);
            last = route.now;
            if (tokens < 1) return false;
            tokens -= 1;
            return true;
        };
        route.run_for(24h);
        CHECK(route.raised_at == TimePoint{});
    }
}

TEST_CASE(
    "large ones that are slow are no loss: later than the small ones by a second, or by a second and a half of queue") {
    for (const auto queue : {300ms, 1000ms, 1500ms}) {
        Route route;
        route.round_trip = [&](std::uint16_t size) { return size > 1000 ? 40ms + queue : 40ms; };
        route.run_for(1h);
        CHECK(route.raised_at == TimePoint{});
    }
}

TEST_CASE("what has not been read yet is no loss, and neither is what was lost on this host") {
    Route route;
    route.carry(1000);
    route.seen_until = route.now;  // the socket is behind, for ever
    route.run_for(10min);
    CHECK(route.passage().fit == Fit::unknown);
    route.seen_until.reset();
    route.gap_end = route.now + 1h;
    route.run_for(1h);
    CHECK(route.passage().fit == Fit::unknown);
    route.run_for(3min);
    CHECK(route.passage().fit == Fit::limited);
}

TEST_CASE("an answer with another cookie, of another size, or before its probe went out is none") {
    PathMtu prober{1420, least, 1, TimePoint{1h}};
    const auto now = prober.deadline();
    const auto large = prober.next(now, now, {});
    REQUIRE(large);
    CHECK_FALSE(prober.on_answer(large->sequence, prober.cookie(large->sequence), now));
    prober.on_sent(now, 0);
    CHECK_FALSE(prober.on_answer(large->sequence, prober.cookie(large->sequence) + 1, now));
    CHECK_FALSE(prober.on_answer(large->sequence + 2, prober.cookie(large->sequence + 2), now));
    CHECK_FALSE(prober.on_answer(large->sequence - 2, prober.cookie(large->sequence - 2), now));
    CHECK_FALSE(prober.on_answer(large->sequence + 1, prober.cookie(large->sequence + 1), now));
    CHECK(prober.on_answer(large->sequence, prober.cookie(large->sequence), now + 1ms));
    CHECK(prober.passage().fit == Fit::whole);
    CHECK_FALSE(prober.on_answer(large->sequence, prober.cookie(large->sequence), now + 2ms));
}

TEST_CASE("another MTU begins anew, and none asks nothing; what cannot be sent proves nothing") {
    Route route;
    route.carry(1216);
    route.run_for(3min);
    REQUIRE(route.passage().fit == Fit::limited);
    route.prober.change(1216, route.now);
    CHECK(route.passage() == quality::Passage{Fit::unknown, 1216, 0});
    route.run_for(12s);
    CHECK(route.passage() == quality::Passage{Fit::whole, 1216, 0});
    route.prober.change(1216, route.now);  // no change
    CHECK(route.passage().fit == Fit::whole);
    route.prober.change(0, route.now);
    CHECK(route.prober.deadline() == base::never);
    CHECK(route.passage() == quality::Passage{});
    route.prober.change(least, route.now);  // nothing smaller to compare it with
    CHECK(route.prober.deadline() == base::never);
    route.prober.change(65'535, route.now);
    CHECK(route.passage().asked == 9216);
    route.refused = 90;
    route.run_for(10min);
    CHECK(route.passage().fit == Fit::unknown);
}

TEST_CASE("the numbers stay in their own range, for ever") {
    CHECK(PathMtu::owns(0x8000'0000));
    CHECK(PathMtu::owns(0xbfff'ffff));
    CHECK_FALSE(PathMtu::owns(0x7fff'ffff));
    CHECK_FALSE(PathMtu::owns(0xc000'0000));
}
