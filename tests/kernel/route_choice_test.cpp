// Who carries a group's prefixes, when that changes, and the routes that come of it.
#include <doctest/doctest.h>

#include "kernel/group_host.hpp"

using namespace kernel_test;
using adjacency::AdjacencyId;
using kernel::Standing;

namespace {

struct Chooser {
    void at(std::chrono::seconds now, std::initializer_list<Standing> standings) {
        std::vector<kernel::Rank> ranks;
        std::uint32_t id = 0;
        for (const auto standing : standings) {
            ++id;
            if (!absent.contains(id)) ranks.push_back({standing, 100, 10, {id}});
        }
        choice.choose(base::TimePoint{now}, ranks, rules);
    }
    std::set<std::uint32_t> ids() const {
        std::set<std::uint32_t> out;
        for (const auto id : choice.carrying()) out.insert(id.value);
        return out;
    }
    kernel::RouteChoice choice;
    kernel::ChoiceRules rules;
    std::set<std::uint32_t> absent;
};
using Ids = std::set<std::uint32_t>;

}  // namespace

TEST_CASE("active-passive: the first goes at once when it fails, and comes back after its grace period") {
    using enum Standing;
    Chooser group;
    group.at(0s, {up, up});
    CHECK(group.ids() == Ids{1});
    for (const auto failed : {down, resting, drained, degraded}) {
        group.at(100s, {failed, up});
        CHECK(group.ids() == Ids{2});
        group.at(101s, {up, up});
        CHECK(group.ids() == Ids{2});
        CHECK(group.choice.deadline() == base::TimePoint{111s});
        group.at(110s, {up, up});
        CHECK(group.ids() == Ids{2});
        group.at(111s, {up, up});
        CHECK(group.ids() == Ids{1});
        CHECK(group.choice.deadline() == base::never);
    }
}

TEST_CASE(
    "what flaps stays out until it has been up for the whole period; what fails in the meantime is left at once") {
    using enum Standing;
    Chooser group;
    group.at(0s, {down, up});
    for (int second = 1; second < 60; second += 2) {
        group.at(std::chrono::seconds{second}, {up, up});
        CHECK(group.ids() == Ids{2});
        group.at(std::chrono::seconds{second + 1}, {down, up});
        CHECK(group.ids() == Ids{2});
    }
    group.at(61s, {up, up});
    group.at(62s, {up, down});
    CHECK(group.ids() == Ids{1});
    group.at(63s, {up, up});
    CHECK(group.ids() == Ids{1});
}

TEST_CASE("the last one keeps the routes when all are down, or they are withdrawn") {
    using enum Standing;
    Chooser group;
    group.at(0s, {down, down});
    CHECK(group.ids().empty());  // nothing is proven: nothing is begun
    group.at(1s, {unproven, unproven});
    CHECK(group.ids() == Ids{1});  // nothing is known against it
    group.at(2s, {unproven, up});
    CHECK(group.ids() == Ids{2});
    group.at(3s, {down, down});
    CHECK(group.ids() == Ids{2});
    group.at(4s, {resting, down});
    CHECK(group.ids() == Ids{2});
    group.at(5s, {up, down});
    CHECK(group.ids() == Ids{1});
    group.rules.withdraw = true;
    group.at(6s, {down, resting});
    CHECK(group.ids().empty());
    group.at(7s, {down, up});
    CHECK(group.ids() == Ids{2});
    group.rules.withdraw = false;
    group.absent = {2};  // its interface is gone
    group.at(8s, {down, down});
    CHECK(group.ids().empty());
}

TEST_CASE("active-active: all that stand best carry; who returns waits, who fails goes at once") {
    using enum Standing;
    Chooser group;
    group.rules.mode = kernel::GroupMode::active_active;
    group.at(0s, {up, up, up});
    CHECK(group.ids() == Ids{1, 2, 3});
    group.at(1s, {up, down, up});
    CHECK(group.ids() == Ids{1, 3});
    group.at(2s, {up, up, up});
    CHECK(group.ids() == Ids{1, 3});
    group.at(12s, {up, up, up});
    CHECK(group.ids() == Ids{1, 2, 3});
    group.at(13s, {degraded, down, degraded});
    CHECK(group.ids() == Ids{1, 3});
    group.at(14s, {degraded, up, degraded});
    CHECK(group.ids() == Ids{2});  // better than any that carries
    group.at(15s, {down, down, down});
    CHECK(group.ids() == Ids{2});
}

namespace {

struct Routes : GroupHost {
    kernel::DesiredRoutes now(std::initializer_list<std::uint32_t> carrying) {
        kernel::RouteChoice choice;
        kernel::RouteChoice::Ids ids;
        for (const auto id : carrying) ids.insert(AdjacencyId{id});
        choice.adopt(ids);
        kernel::Choices choices;
        choices.emplace("paris", choice);
        return desired_routes(std::span{&group, 1}, wanted(), choices, names);
    }
    kernel::RouteGroup group{.name = "paris", .prefixes = {prefix("10.2.0.0/16"), prefix("fd02::/64")}, .rules = {}};
};

}  // namespace

TEST_CASE("the routes of a group: table, metric, source, weights, and gateways where IPv6 wants them") {
    Routes host;
    host.add(0, 1, {"0.0.0.0/0"}).weight = 3;
    host.add(1, 2, {"0.0.0.0/0"});
    host.group.source = address("10.1.0.1");
    auto desired = host.now({1});
    REQUIRE(desired.routes.size() == 2);
    const kernel::RouteName v4{254, prefix("10.2.0.0/16"), 100}, v6{254, prefix("fd02::/64"), 100};
    CHECK(desired.routes.at(v4) == kernel::GroupRoute{v4, address("10.1.0.1"), {{{10}, 1, {}}}});
    CHECK(desired.routes.at(v6) == kernel::GroupRoute{v6, {}, {{{10}, 1, {}}}});
    CHECK(desired.told.at(AdjacencyId{1}) == "carries");
    CHECK(desired.told.at(AdjacencyId{2}) == "stands by");
    host.group.table = 77;
    host.group.metric = 5;
    desired = host.now({1, 2});
    CHECK(desired.routes.at({77, prefix("10.2.0.0/16"), 5}).ways ==
          std::vector<kernel::RouteWay>{{{10}, 3, {}}, {{11}, 1, {}}});
    CHECK(desired.routes.at({77, prefix("fd02::/64"), 5}).ways ==
          std::vector<kernel::RouteWay>{{{10}, 3, address("fe80::57")}, {{11}, 1, address("fe80::57")}});
    CHECK(desired.told.at(AdjacencyId{1}) == "carries 3 of 4");
    CHECK(host.now({}).routes.empty());
    CHECK(host.now({}).told.at(AdjacencyId{1}) == "nothing");
}

TEST_CASE("a VRF's table is that of its interfaces; of several VRFs none") {
    Routes host;
    host.add(0, 1, {"0.0.0.0/0"});
    host.add(1, 2, {"0.0.0.0/0"});
    auto& vrf = host.names["blue"];
    vrf.index = {99};
    vrf.vrf_table = 10;
    host.names["wg0"].master = {99};
    CHECK(host.now({1}).routes.empty());
    CHECK(host.now({1}).problems.size() == 1);
    host.names["wg1"].master = {99};
    CHECK(host.now({1}).routes.begin()->first.table == 10);
    host.names["wg1"].master = {};
    host.group.table = 77;
    CHECK(host.now({1}).routes.begin()->first.table == 77);
}

TEST_CASE(
    "two groups may have a prefix in common in the tables of two VRFs; in one table the second goes without, and it is "
    "told") {
    Routes host;
    host.add(0, 1, {"0.0.0.0/0"});
    host.add(1, 2, {"0.0.0.0/0"}, VerdictState::up, "rome");
    std::vector groups{host.group, host.group};
    groups[1].name = "rome";
    kernel::Choices choices;
    choices["paris"].adopt({AdjacencyId{1}});
    choices["rome"].adopt({AdjacencyId{2}});
    const auto now = [&] { return desired_routes(groups, host.wanted(), choices, host.names); };
    const auto shared = now();
    CHECK(shared.routes.size() == 2);
    CHECK(shared.routes.begin()->second.ways.front().out == base::IfIndex{10});
    REQUIRE(shared.problems.size() == 2);
    CHECK(shared.problems.front() ==
          "the group rome goes without 10.2.0.0/16 table 254 metric 100: another group has "
          "it already: give one of them another metric or table");
    auto& vrf = host.names["blue"];
    vrf.index = {99};
    vrf.vrf_table = 10;
    host.names["wg1"].master = {99};
    CHECK(now().problems.empty());
    CHECK(now().routes.at({10, prefix("10.2.0.0/16"), 100}).ways.front().out == base::IfIndex{11});
}

TEST_CASE("source_table is refused inside a VRF: its rule would be the whole host's") {
    Routes host;
    host.add(0, 1, {"0.0.0.0/0"}).source_table = 101;
    host.group.table = 77;
    auto& vrf = host.names["blue"];
    vrf.index = {99};
    vrf.vrf_table = 10;
    host.names["wg0"].master = {99};
    const auto desired = host.now({1});
    CHECK(desired.rules.empty());
    CHECK(desired.routes.size() == 2);  // those of the group
    CHECK(desired.problems ==
          std::vector<std::string>{"wg0-1 goes without its source_table: wg0 is in a VRF, whose table comes first: "
                                   "remove source_table, or take wg0 out of the VRF"});
    host.names["wg0"].master = {};
    CHECK(host.now({1}).rules.size() == 1);
    CHECK(host.now({1}).problems.empty());
}

TEST_CASE("what one end of a tunnel sends goes by that tunnel while it can, else where the group goes") {
    Routes host;
    host.add(0, 1, {"0.0.0.0/0"}).source_table = 101;
    host.add(1, 2, {"0.0.0.0/0"}).source_table = 102;
    const kernel::RouteName first{101, prefix("10.2.0.0/16"), 100}, second{102, prefix("10.2.0.0/16"), 100};
    auto desired = host.now({1});
    CHECK(desired.rules ==
          std::set<kernel::SourceRule>{{address("10.8.0.0"), 101, 8700}, {address("10.8.1.0"), 102, 8700}});
    CHECK(desired.routes.at(first).ways.front().out == base::IfIndex{10});
    CHECK(desired.routes.at(second).ways.front().out == base::IfIndex{11});
    host.verdict(0).state = VerdictState::down;
    CHECK(host.now({2}).routes.at(first).ways.front().out == base::IfIndex{11});
    CHECK(host.now({2}).rules.size() == 2);
}
