#include "net/pace.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using base::TimePoint;

namespace {

struct Driven {
    net::Pace pace;
    TimePoint now{1h};
    // `per_second` packets for `time`, in turns of `turn`.
    void run(std::uint64_t per_second, base::Duration time, base::Duration turn = 1ms) {
        double owed = 0;
        for (const auto end = now + time; now < end; now += turn) {
            owed += static_cast<double>(per_second) * std::chrono::duration<double>{turn}.count();
            const auto whole = static_cast<std::uint64_t>(owed);
            owed -= static_cast<double>(whole);
            pace.on_turn(now, whole);
        }
    }
};

}  // namespace

TEST_CASE("few packets wake the thread at once, many are read together") {
    Driven driven;
    CHECK(driven.pace.rest() == 0ns);
    driven.run(1'900, 1s);
    CHECK(driven.pace.rest() == 0ns);
    driven.run(2'200, 50ms);
    CHECK(driven.pace.rest() == 1ms);
}

TEST_CASE("it rests on until they are few, so that it does not change its mind with every packet") {
    Driven driven;
    driven.run(3'000, 100ms);
    driven.run(1'200, 1s);
    CHECK(driven.pace.rest() == 1ms);
    driven.run(900, 50ms);
    CHECK(driven.pace.rest() == 0ns);
}

TEST_CASE("after a silence the first packet wakes at once") {
    Driven driven;
    driven.run(50'000, 100ms);
    REQUIRE(driven.pace.rest() == 1ms);
    driven.run(0, 21ms);
    CHECK(driven.pace.rest() == 0ns);
}
