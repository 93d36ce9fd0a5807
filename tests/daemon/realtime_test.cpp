#include "daemon/realtime.hpp"

#include <doctest/doctest.h>

#include <cerrno>

using wgbfd::problems_of;

TEST_CASE("what the host takes of [process] is no problem") {
    CHECK(problems_of({.priority = 50, .cpu = 1}, {}).empty());
    CHECK(problems_of({}, {}).empty());
}

TEST_CASE("a priority and a CPU that are refused are told with what to do") {
    const auto problems = problems_of({.priority = 50, .cpu = 7}, {.priority = EPERM, .cpu = EINVAL});
    REQUIRE(problems.size() == 2);
    CHECK(problems[0].starts_with("[process] priority = 50: Operation not permitted"));
    for (const auto* fix : {"CAP_SYS_NICE", "AmbientCapabilities=", "LimitRTPRIO=50", "as root"}) {
        CAPTURE(fix);
        CHECK(problems[0].find(fix) != std::string::npos);
    }
    CHECK(problems[1].starts_with("[process] cpu = 7: Invalid argument"));
    CHECK(problems[1].find("lscpu -e") != std::string::npos);
}
