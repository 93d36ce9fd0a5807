#include "net/clock.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using base::TimePoint;
using base::WallTime;

namespace {

// A wall clock that is `ahead` of the steady one; drains at `now`, the socket last seen empty at `empty`.
struct Host {
    TimePoint now{1000s};
    base::Duration ahead = 1'800'000'000s;
    net::ArrivalClock clock;

    WallTime wall(TimePoint at) const { return WallTime{at.time_since_epoch() + ahead}; }
    void drain(base::Duration spread = 0ns) { clock.read({now, wall(now), spread}); }
};

}  // namespace

TEST_CASE_FIXTURE(Host, "a stamp is mapped to the steady clock") {
    drain();
    now += 50ms;
    drain();
    CHECK(clock.arrival(wall(now - 3ms), now - 50ms, now) == now - 3ms);
}

TEST_CASE_FIXTURE(Host, "an arrival lies between the last time the socket was empty and now") {
    drain();
    now += 50ms;
    drain();
    CHECK(clock.arrival(wall(now + 1us), now - 50ms, now) == now);
    CHECK(clock.arrival(wall(now - 50ms - 300us), now - 50ms, now) == now - 50ms);
    CHECK(clock.arrival(wall(now - 50ms), now - 50ms, now) == now - 50ms);
}

TEST_CASE_FIXTURE(Host, "without a stamp, or before the offset is known twice, an arrival is now") {
    CHECK(clock.arrival(wall(now - 3ms), now - 50ms, now) == now);
    drain();
    CHECK(clock.arrival(wall(now - 3ms), now - 50ms, now) == now);
    drain();
    CHECK(clock.arrival(wall(now - 3ms), now - 50ms, now) == now - 3ms);
    CHECK(clock.arrival(std::nullopt, now - 50ms, now) == now);
}

TEST_CASE("whatever the wall clock does, an arrival is never before its time, nor after now") {
    // The wall clock steps at any moment around the arrival and the drain.
    for (const base::Duration step : {1h + 0ns, -1h + 0ns, 1s + 0ns, -1s + 0ns, 20ms + 0ns, -20ms + 0ns, 2ms + 0ns}) {
        for (const auto stepped_at : {-60ms, -40ms, -10ms, -1ms, 1ms}) {
            Host host;
            const auto end = host.now + 10s;
            const auto arrived = end - 20ms;
            const auto step_at = end + stepped_at;
            const auto wall = [&](TimePoint at) {
                return WallTime{at.time_since_epoch() + host.ahead + (at >= step_at ? step : 0ns)};
            };
            for (auto at = end - 200ms; at <= end; at += 50ms) host.clock.read({at, wall(at), 0ns});
            const auto told = host.clock.arrival(wall(arrived), end - 50ms, end);
            CAPTURE(step.count());
            CAPTURE(stepped_at.count());
            CHECK(told >= arrived);
            CHECK(told <= end);
        }
    }
}

TEST_CASE_FIXTURE(Host, "the drift of a disciplined clock is no step") {
    drain();
    now += 1s;
    ahead += 500us;
    drain();
    CHECK(clock.arrival(wall(now - 3ms), now - 50ms, now) == now - 3ms);
}

TEST_CASE_FIXTURE(Host, "after a step the next drain trusts the stamps again") {
    drain();
    now += 50ms;
    ahead += 1h;
    drain();
    CHECK(clock.arrival(wall(now - 3ms), now - 50ms, now) == now);
    now += 50ms;
    drain();
    CHECK(clock.arrival(wall(now - 3ms), now - 50ms, now) == now - 3ms);
}

TEST_CASE_FIXTURE(Host, "is_after: a stamp past the moment, as long as stamps can be trusted") {
    drain();
    drain();
    CHECK(clock.is_after(wall(now + 1ns), now));
    CHECK_FALSE(clock.is_after(wall(now), now));
    CHECK_FALSE(clock.is_after(std::nullopt, now));
    ahead -= 1h;
    drain();
    CHECK_FALSE(clock.is_after(wall(now + 2h), now));
}

TEST_CASE("both clocks are read close together") {
    const auto reading = net::read_clocks();
    CHECK(reading.spread >= 0ns);
    CHECK(reading.spread < 1s);
    CHECK(reading.steady <= net::steady_now());
}
