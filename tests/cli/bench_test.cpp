// What `wgbfd bench` concludes. That it measures: tests/lab/test_bench.py.
#include "cli/bench_plan.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "cli/commands.hpp"
#include "cli/options.hpp"

using namespace std::chrono_literals;

namespace {

// 100 sessions at 50 ms for 10 s: 2 ends × 100 / 43.75 ms × 10 s = 45,714 packets are due.
const cli::Step sound{.sessions = 100,
                      .interval = 50ms,
                      .up = 200,
                      .downs = 0,
                      .packets = 91'428,
                      .sends = 45'714,
                      .lost = 0,
                      .seconds = 10s,
                      .cpu = 1s,
                      .busiest = 0.5};

std::string objection_to(cli::Step step) { return cli::objection(step).value_or("none"); }

std::size_t climbed_to(std::size_t truth, std::vector<std::size_t>& tried) {
    cli::Climb way{100, 16384};
    while (const auto next = way.next()) {
        tried.push_back(*next);
        REQUIRE(tried.size() < 30);
        way.tell(*next, *next <= truth);
    }
    return way.held();
}

}  // namespace

TEST_CASE("a host holds what came up, did not fall, lost nothing, sent in time and left time over") {
    CHECK(objection_to(sound) == "none");
    auto step = sound;
    step.up = 199;
    CHECK(objection_to(step) == "99 of 100 came up at both ends");
    step = sound;
    step.downs = 1;
    CHECK(objection_to(step) == "1 false Downs");
    step = sound;
    step.lost = 3;
    CHECK(objection_to(step) == "3 packets found no room");
    step = sound;
    step.busiest = 0.96;
    CHECK(objection_to(step) == "a processor is full");
    step.busiest = 0.94;
    CHECK(objection_to(step) == "none");
    step.sends = 43'000;  // 94 %, with one packet a session that fell outside the window
    CHECK(objection_to(step) == "only 94 % of the packets went out");
    step.sends = 43'600;  // 95.8 %
    CHECK(objection_to(step) == "none");
}

TEST_CASE("the climb ends within a tenth below the truth, in few steps") {
    for (const std::size_t truth : {1UL, 2UL, 7UL, 99UL, 100UL, 101UL, 777UL, 3000UL, 12'345UL, 16'383UL}) {
        CAPTURE(truth);
        std::vector<std::size_t> tried;
        const auto held = climbed_to(truth, tried);
        CHECK(held <= truth);
        CHECK(held + std::max<std::size_t>(1, held / 10) >= truth);
        CHECK(tried.size() <= 14);
    }
}

TEST_CASE("the climb ends at the most there is, and at nothing") {
    std::vector<std::size_t> tried;
    CHECK(climbed_to(100'000, tried) == 16384);
    CHECK(tried.back() == 16384);
    tried.clear();
    CHECK(climbed_to(0, tried) == 0);
    CHECK(tried.back() == 1);
}

TEST_CASE("a step is one line under its heading, with what it failed by") {
    CHECK(cli::line(sound) == "       100       9143           10.9            50 %            0");
    CHECK(cli::line(sound).size() == cli::heading().size() - 1);  // µ takes two bytes
    auto step = sound;
    step.downs = 12;
    CHECK(cli::line(step).ends_with("           12  12 false Downs"));
    CHECK(cli::interval_text(50ms) == "50 ms");
    CHECK(cli::interval_text(3300us) == "3.3 ms");
}

TEST_CASE("bench refuses what it cannot measure") {
    for (const auto& arguments : std::vector<cli::Arguments>{{"--interval", "3.2ms"},
                                                             {"--interval", "soon"},
                                                             {"--seconds", "0"},
                                                             {"--seconds", "3601"},
                                                             {"--sessions", "0"},
                                                             {"--sessions", "16385"},
                                                             {"--sessions", "many"}})
        CHECK_THROWS_AS(static_cast<void>(cli::bench(arguments)), cli::UsageError);
}
