#include "daemon/pulse.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

using namespace std::chrono_literals;
using wgbfd::Beat;
using wgbfd::Pulse;

namespace {

struct Watch {
    Pulse pulse;
    base::TimePoint now{std::chrono::hours{1}};

    // How many looks in a row, an interval apart, until it is said to hang; `most` when it is not.
    int looks(Beat beat, int most, std::uint64_t runs = 0) {
        for (int i = 1; i <= most; ++i, now += Pulse::interval, beat.switches += runs)
            if (pulse.hangs(now, beat)) return i;
        return most;
    }
};

}  // namespace

TEST_CASE("asleep for ten seconds without having run: it hangs; for eight, not yet") {
    CHECK(Watch{}.looks({'S', 7}, 5) == 5);
    Watch watch;
    CHECK(watch.looks({'S', 7}, 20) == 6);  // the first look is at 0 s
    CHECK(watch.now - base::TimePoint{std::chrono::hours{1}} == 10s);
}

TEST_CASE("one that runs once between two looks does not hang") {
    CHECK(Watch{}.looks({'S', 7}, 100, 1) == 100);
    Watch watch;
    CHECK(watch.looks({'S', 7}, 5) == 5);
    CHECK(!watch.pulse.hangs(watch.now, Beat{'S', 8}));
    watch.now += Pulse::interval;
    CHECK(watch.looks({'S', 8}, 20) == 5);  // from then on
}

TEST_CASE("starved, stopped, traced or waiting for a disk is not hanging, nor what cannot be told") {
    for (const char state : {'R', 'T', 't', 'D', 'Z'}) CHECK(Watch{}.looks({state, 7}, 100) == 100);
    Watch watch;
    CHECK(watch.looks({'S', 7}, 5) == 5);
    CHECK(!watch.pulse.hangs(watch.now, std::nullopt));
    watch.now += Pulse::interval;
    CHECK(!watch.pulse.hangs(watch.now, Beat{'S', 7}));
}

TEST_CASE("whoever looks late saw nothing: the time begins anew") {
    Watch watch;
    CHECK(watch.looks({'S', 7}, 5) == 5);
    watch.now += Pulse::late_from;
    CHECK(watch.pulse.hangs(watch.now, Beat{'S', 7}));  // as late as may be
    Watch later;
    CHECK(later.looks({'S', 7}, 5) == 5);
    later.now += Pulse::late_from + 1ms;
    CHECK(!later.pulse.hangs(later.now, Beat{'S', 7}));
}

TEST_CASE("what the kernel says of a thread is read; of one that has gone, nothing") {
    const auto read = wgbfd::parse_beat(
        "Name:\twgbfd\nState:\tS (sleeping)\nvoluntary_ctxt_switches:\t12\n"
        "nonvoluntary_ctxt_switches:\t30\n");
    CHECK(read == Beat{'S', 42});
    CHECK(!wgbfd::parse_beat("State:\tS (sleeping)\nvoluntary_ctxt_switches:\t12\n"));
    CHECK(!wgbfd::parse_beat(""));
    const auto own = wgbfd::beat_of(::getpid());
    REQUIRE(own);
    CHECK(own->state == 'R');
    CHECK(!wgbfd::beat_of(0));
}
