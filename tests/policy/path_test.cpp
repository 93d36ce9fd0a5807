// One path over time: up_delay, drain, damping, quality, and which of them speaks.
#include <doctest/doctest.h>

#include "policy/measured.hpp"
#include "policy/path.hpp"

using namespace measured;
using policy::Cause;
using policy::Path;
using policy::Rules;
using policy::Verdict;
using policy::VerdictState;

namespace {

const Verdict session_up{VerdictState::up, {}};
const auto lossy = full(figures(100, 40), figures(3'000, 40));

Verdict judged(const Path& path, const Rules& rules = {}) { return path.judge(session_up, rules); }

Path limping() {
    Path path;
    path.on_up(at(0s), {});
    CHECK(path.on_quality(at(10s), lossy, {}));
    return path;
}

}  // namespace

TEST_CASE("a path that is well is as its session says, at its base cost") {
    Path path;
    path.on_up(at(0s), {});
    CHECK(judged(path) == session_up);
    const auto dear = judged(path, {.cost = 40});
    CHECK(dear.cost == 40);
    CHECK(dear.base_cost == 40);
    CHECK(path.deadline() == base::never);
}

TEST_CASE("degraded: usable, with its cause, at the cost of its loss and 100 more") {
    const auto verdict = judged(limping());
    CHECK(verdict.state == VerdictState::degraded);
    CHECK(verdict.cause == Cause::quality_loss);
    CHECK(verdict.cost == 10 + 2 + 400 + 100);
}

TEST_CASE("a path whose session rests keeps its cost, lest maintenance make it the best; one that is down has none") {
    const auto path = limping();
    for (const auto state : {VerdictState::down, VerdictState::unknown, VerdictState::admin_down}) {
        const auto verdict = path.judge({state, Cause::admin}, {});
        CHECK(verdict.state == state);
        CHECK(verdict.cause == Cause::admin);
        CHECK(verdict.cost == (state == VerdictState::down ? 10 : 10 + 2 + 400 + 100));
        CHECK(policy::limps(verdict) == (state != VerdictState::down));
    }
    CHECK(!policy::limps(Path{}.judge({VerdictState::admin_down, Cause::admin}, {})));
}

TEST_CASE("figures of the time before it was Up, or while it is Down, do not count") {
    Path path;
    CHECK(!path.on_quality(at(0s), lossy, {}));
    path.on_up(at(5s), {});
    CHECK(!path.on_quality(at(15s) - 1ns, lossy, {}));
    CHECK(path.on_quality(at(15s), lossy, {}));
    path.on_down(at(16s), {}, Cause::detect_timeout);
    CHECK(!path.on_quality(at(17s), full(figures(100, 100), figures(3'000, 3'000)), {}));
    CHECK(path.cost().loss_share() == 400);
}

TEST_CASE("figures that nobody renews for 5 min are forgotten") {
    auto path = limping();
    CHECK(path.deadline() == at(310s));
    CHECK(!path.on_deadline(at(310s) - 1ns));
    CHECK(path.on_deadline(at(310s)));
    CHECK(judged(path) == session_up);
    CHECK(!path.quality());
    CHECK(path.deadline() == base::never);
}

TEST_CASE("up_delay: a path that failed waits, one we only just met does not") {
    const Rules rules{.up_delay = 10s};
    Path path;
    path.on_up(at(0s), rules);
    CHECK(judged(path, rules).state == VerdictState::up);
    path.on_down(at(1s), rules, Cause::one_way);
    path.on_up(at(2s), rules);
    CHECK(judged(path, rules).state == VerdictState::down);
    CHECK(judged(path, rules).cause == Cause::one_way);
    CHECK(path.deadline() == at(12s));
    CHECK(!path.on_deadline(at(12s) - 1ns));
    CHECK(path.on_deadline(at(12s)));
    CHECK(judged(path, rules).state == VerdictState::up);
}

TEST_CASE("up_delay begins anew with each Up; maintenance of the peer is no failure") {
    const Rules rules{.up_delay = 10s};
    Path path;
    path.on_up(at(0s), rules);
    path.on_down(at(1s), rules, Cause::detect_timeout);
    path.on_up(at(2s), rules);
    path.on_down(at(11s), rules, Cause::detect_timeout);
    CHECK(path.deadline() == base::never);
    path.on_up(at(13s), rules);
    CHECK(path.deadline() == at(23s));
    path.on_deadline(at(23s));
    path.on_leave();
    path.on_up(at(30s), rules);
    CHECK(judged(path, rules).state == VerdictState::up);
}

TEST_CASE("drain: dear at once, shut after 5 s, and back at once") {
    auto path = limping();
    path.drain.begin(at(20s));
    auto verdict = judged(path);
    CHECK(verdict.state == VerdictState::degraded);
    CHECK(verdict.cause == Cause::drained);
    CHECK(verdict.cost == 60'000);
    CHECK(!path.drain.is_shut());
    CHECK(path.deadline() == at(25s));
    path.drain.begin(at(22s));  // told twice
    CHECK(path.deadline() == at(25s));
    CHECK(!path.on_deadline(at(25s) - 1ns));
    CHECK(path.on_deadline(at(25s)));
    CHECK(path.drain.is_shut());
    CHECK(path.judge({VerdictState::admin_down, Cause::drained}, {}).cost == 60'000);
    path.drain.end();
    CHECK(path.drain.is_returning());
    CHECK(path.judge({VerdictState::admin_down, Cause::drained}, {}).cost == 60'000);
    path.drain.returned();
    CHECK(judged(path).cause == Cause::quality_loss);
    CHECK(judged(path).cost < 1'000);
}

TEST_CASE("a drain that a restart of ours resumes is shut from the start") {
    Path path;
    path.drain.resume();
    CHECK(path.drain.is_shut());
    CHECK(path.deadline() == base::never);
    path.drain.end();
    CHECK(!path.drain.is_on());
    path.drain.begin(at(0s));
    CHECK(!path.drain.is_returning());
    path.drain.end();  // before its session was shut: there is nothing to wait for
    CHECK(!path.drain.is_returning());
}

TEST_CASE("damped: down, though its session is Up; spared: degraded") {
    Path path;
    for (int i = 0; i < 3; ++i) {
        path.on_up(at(0s), {});
        path.on_down(at(0s), {}, Cause::detect_timeout);
    }
    path.on_up(at(1s), {});
    CHECK(judged(path).state == VerdictState::down);
    CHECK(judged(path).cause == Cause::damped);
    path.damping.spare();
    CHECK(judged(path).state == VerdictState::degraded);
    CHECK(judged(path).cause == Cause::damped);
    CHECK(judged(path).cost == 110);
    path.on_deadline(path.deadline());
    CHECK(judged(path).state == VerdictState::up);
}

TEST_CASE("no cost of a path that works reaches that of a drained one") {
    Path path;
    path.on_up(at(0s), {});
    path.on_quality(at(10s), full(figures(100, 80, 60s), figures(3'000, 2'900, 60s)), {});
    path.on_quality(at(400s), full(figures(100, 80, 60s), figures(3'000, 2'900, 60s)), {});
    CHECK(judged(path, {.cost = policy::greatest_base_cost}).cost < policy::cost_when_drained);
}

TEST_CASE(
    "a path that carries less than its interface sends: degraded by mtu, 100 more, and its session's rest is no "
    "excuse") {
    Path path;
    path.on_up(at(0s), {});
    path.on_passage(true);
    CHECK(judged(path) == Verdict{VerdictState::degraded, Cause::mtu, 110});
    CHECK(path.judge({VerdictState::admin_down, Cause::admin}, {}).cost == 110);
    CHECK(path.judge({VerdictState::down, Cause::detect_timeout}, {}) ==
          Verdict{VerdictState::down, Cause::detect_timeout});
    path.on_passage(false);
    CHECK(judged(path) == session_up);
    auto both = limping();
    both.on_passage(true);
    CHECK(judged(both).cause == Cause::mtu);
    both.on_passage(false);
    CHECK(judged(both).cause == Cause::quality_loss);
}
