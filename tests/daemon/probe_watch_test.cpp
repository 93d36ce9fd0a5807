#include "daemon/probe_watch.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using wgbfd::ProbeWatch;

namespace {

struct Watched {
    ProbeWatch watch;
    base::TimePoint now{1h};
    wgbfd::ProbePulse pulse{.wakeups = 1, .due = now, .last_standstill = {}};

    Watched() { static_cast<void>(watch.look(now, pulse)); }
    std::optional<base::Duration> after(base::Duration passed) { return watch.look(now += passed, pulse); }
    void wakes(base::TimePoint due) {
        ++pulse.wakeups;
        pulse.due = due;
    }
};

}  // namespace

TEST_CASE("a thread that comes when it means to is well, however seldom that is") {
    Watched w;
    for (int i = 0; i < 10; ++i) {
        w.wakes(w.now + 1500ms);
        CHECK_FALSE(w.after(1s));
    }
    w.wakes(base::never);
    for (int i = 0; i < 10; ++i) CHECK_FALSE(w.after(1s));
    CHECK(w.watch.standstills() == 0);
    CHECK_FALSE(w.watch.stands_still());
}

TEST_CASE("a thread that is due for more than a second stands still; its length is told once, when it is over") {
    Watched w;
    w.wakes(w.now + 100ms);
    CHECK_FALSE(w.after(1s));
    CHECK_FALSE(w.watch.stands_still());  // 900 ms late
    CHECK_FALSE(w.after(1s));
    CHECK(w.watch.stands_still());
    CHECK_FALSE(w.after(1s));
    CHECK(w.watch.standstills() == 1);
    CHECK(w.watch.longest() == 2900ms);
    w.wakes(w.now + 5s);
    w.pulse.last_standstill = 3100ms;  // as it has seen itself
    CHECK(w.after(1s) == 3100ms);
    CHECK_FALSE(w.watch.stands_still());
    CHECK_FALSE(w.after(1s));
    CHECK(w.watch.standstills() == 1);
    CHECK(w.watch.longest() == 3100ms);
}

TEST_CASE("one that hangs in the middle of its work, too: the thread has seen nothing of it") {
    Watched w;
    w.wakes(w.now + 10ms);
    CHECK_FALSE(w.after(1s));
    CHECK_FALSE(w.after(1s));
    CHECK(w.watch.stands_still());
    w.wakes(w.now + 1h);
    CHECK(w.after(1s) == 2990ms);
}

TEST_CASE("a standstill between two looks is counted, too") {
    Watched w;
    w.wakes(w.now + 1s);
    w.pulse.last_standstill = 1200ms;
    CHECK(w.after(1s) == 1200ms);
    CHECK(w.watch.standstills() == 1);
    CHECK_FALSE(w.after(1s));
}

TEST_CASE("who was away himself cannot tell") {
    Watched w;
    w.wakes(w.now + 10ms);
    CHECK_FALSE(w.after(1s));
    CHECK_FALSE(w.after(3s));  // both were stopped
    CHECK_FALSE(w.watch.stands_still());
    w.wakes(w.now + 1h);
    w.pulse.last_standstill = 2s;  // … which the thread has seen by now
    CHECK_FALSE(w.after(3s));
    CHECK(w.watch.standstills() == 0);
}
