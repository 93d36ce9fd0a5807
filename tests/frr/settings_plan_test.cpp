#include "frr/settings_plan.hpp"

#include <doctest/doctest.h>

using namespace frr;
using enum Setting;

namespace {

const Place wg0{ospf_cost, "wg0"};
RunningConfig cost(std::uint32_t value) {
    return read_running_config("interface wg0\n ip ospf cost " + std::to_string(value) + "\n");
}
const RunningConfig no_cost = read_running_config("interface wg0\n ip ospf area 0\n");
const Held ours{.before = {}, .reckoned = 10, .ours = {65535}};

}  // namespace

TEST_CASE("what stands as we left it is ours; what somebody changed is not, and by his decision") {
    CHECK(lost_lines({{wg0, ours}}, cost(65535), {}).empty());
    CHECK(lost_lines({{wg0, ours}}, cost(70), {}) == std::vector{Lost{wg0, 70, true}});
    CHECK(lost_lines({{wg0, ours}}, no_cost, {}) == std::vector{Lost{wg0, {}, true}});
}

TEST_CASE("a daemon that may have been restarted has forgotten, where what was before stands again") {
    CHECK(lost_lines({{wg0, ours}}, no_cost, {.fresh = true}) == std::vector{Lost{wg0, {}, false}});
    CHECK(lost_lines({{wg0, ours}}, cost(70), {.fresh = true}) == std::vector{Lost{wg0, 70, true}});
    CHECK(lost_lines({{wg0, ours}}, cost(65535), {.fresh = true}).empty());  // `write` had saved it: still ours
}

TEST_CASE("what a daemon reads while it is starting is its file, and nobody's decision") {
    CHECK(lost_lines({{wg0, ours}}, cost(70), {.starting = true}) == std::vector{Lost{wg0, 70, false}});
}

TEST_CASE("what a daemon may not have heard is not there without anybody's decision") {
    CHECK(lost_lines({{wg0, ours}}, no_cost, {.unheard = {wg0}}) == std::vector{Lost{wg0, {}, false}});
    CHECK(lost_lines({{wg0, ours}}, cost(70), {.unheard = {wg0}}) == std::vector{Lost{wg0, 70, true}});
}

TEST_CASE("a first change remembers what stood before, or what OSPF took by itself") {
    const auto fresh = changes_to({{wg0, 65535}}, {}, {}, no_cost, {{"wg0", 10}});
    REQUIRE(fresh.size() == 1);
    CHECK(fresh[0] == Change{wg0, 65535, "interface wg0", ours, false});
    const auto over = changes_to({{wg0, 65535}}, {}, {}, cost(50), {{"wg0", 50}});
    REQUIRE(over.size() == 1);
    CHECK(over[0].record == Held{.before = 50, .reckoned = 0, .ours = {65535}});
}

TEST_CASE(
    "a second change keeps what stood before the first, and counts both as ours until it is known to have arrived") {
    const auto changes = changes_to({{wg0, 25}}, {{wg0, ours}}, {}, cost(65535), {});
    REQUIRE(changes.size() == 1);
    CHECK(changes[0].to == 25U);
    CHECK(changes[0].record == Held{.before = {}, .reckoned = 10, .ours = {25, 65535}});
    CHECK(changes_to({{wg0, 65535}}, {{wg0, ours}}, {}, cost(65535), {}).empty());
}

TEST_CASE("what is desired no more is taken back to what stood before") {
    const auto none = changes_to({}, {{wg0, ours}}, {}, cost(65535), {});
    REQUIRE(none.size() == 1);
    CHECK(none[0].takes_back);
    CHECK_FALSE(none[0].to.has_value());
    auto fifty = ours;
    fifty.before = 50;
    CHECK(changes_to({}, {{wg0, fifty}}, {}, cost(65535), {})[0].to == 50U);
}

TEST_CASE("what somebody decided is left to him, and what stands as desired is not ours") {
    CHECK(changes_to({{wg0, 65535}}, {}, {wg0}, cost(70), {}).empty());
    CHECK(changes_to({{wg0, 65535}}, {}, {}, cost(65535), {}).empty());
}

TEST_CASE("a neighbour that is gone has nothing to be changed") {
    CHECK(changes_to({{{ipv4_weight, "10.8.0.1"}, 1}}, {}, {}, no_cost, {}).empty());
}
