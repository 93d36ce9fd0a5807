#include "bird/desired_include.hpp"

#include <algorithm>

#include <doctest/doctest.h>

#include "peers.hpp"
#include "policy/cost.hpp"

using namespace bird;
using policy::VerdictState;

namespace {

std::string value(const Defines& defines, const std::string& name) {
    const auto found = std::ranges::find(defines, name, &Define::name);
    return found == defines.end() ? "none" : found->value;
}

const std::vector<IncludeEntry> paris{{.adjacency = "paris-1", .local_pref = 120, .dn42_latency = 3, .dn42_loss = 91}};

DesiredInclude desired(VerdictState state, std::uint32_t cost = 10) {
    Peers peers;
    peers.add("paris-1", "", state);
    peers.all[0].verdict.cost = cost;
    return desired_include(paris, peers.all);
}

}  // namespace

TEST_CASE("up has the configured values and the cost of the verdict, down is the last choice of each kind") {
    auto out = desired(VerdictState::up, 25);
    CHECK(value(out.defines, "wgbfd_paris_1_up") == "true");
    CHECK(value(out.defines, "wgbfd_paris_1_cost") == "25");
    CHECK(value(out.defines, "wgbfd_paris_1_local_pref") == "120");
    CHECK(out.told.at({1}) == "up, cost 25");
    out = desired(VerdictState::degraded, 40);
    CHECK(value(out.defines, "wgbfd_paris_1_up") == "true");
    CHECK(value(out.defines, "wgbfd_paris_1_cost") == "40");
    CHECK(value(out.defines, "wgbfd_paris_1_local_pref") == "60");
    for (const auto state : {VerdictState::degraded, VerdictState::admin_down}) {  // drained, and then shut
        out = desired(state, policy::cost_when_drained);
        CHECK(value(out.defines, "wgbfd_paris_1_up") == "true");
        CHECK(value(out.defines, "wgbfd_paris_1_cost") == "60000");
        CHECK(value(out.defines, "wgbfd_paris_1_local_pref") == "0");
    }
    out = desired(VerdictState::down);
    CHECK(value(out.defines, "wgbfd_paris_1_up") == "false");
    CHECK(value(out.defines, "wgbfd_paris_1_cost") == "65535");
    CHECK(value(out.defines, "wgbfd_paris_1_local_pref") == "0");
    CHECK(out.told.at({1}) == "down");
    for (const auto& define : out.defines)
        if (is_slow(define)) CHECK(define.value == define.at_rest);  // a dead path changes no community
}

TEST_CASE("classes and MED are those that are measured, until then those that are configured; or these for good") {
    Peers peers;
    peers.add("paris-1", "", VerdictState::up);
    const auto slow = [&](bool measured) {
        auto entries = paris;
        entries[0].measured = measured;
        return desired_include(entries, peers.all);
    };
    const std::set<std::string> all{"wgbfd_paris_1_latency", "wgbfd_paris_1_loss", "wgbfd_paris_1_med"};
    CHECK(slow(true).unmeasured == all);
    CHECK(is_at_rest(slow(true).defines));
    CHECK(value(slow(true).defines, "wgbfd_paris_1_med") == "10");
    peers.all[0].classes = {.latency = 5, .loss = 0, .med_share = 7};  // a peer that answers no STAMP
    const auto out = slow(true);
    CHECK(value(out.defines, "wgbfd_paris_1_latency") == "5");
    CHECK(value(out.defines, "wgbfd_paris_1_loss") == "91");
    CHECK(value(out.defines, "wgbfd_paris_1_med") == "17");
    CHECK(out.unmeasured == std::set<std::string>{"wgbfd_paris_1_loss"});
    for (const auto& define : out.defines) CHECK((is_slow(define) || define.value == define.at_rest));
    CHECK(is_at_rest(slow(false).defines));
    CHECK(slow(false).unmeasured.empty());
    CHECK(desired_include(paris, {}).unmeasured == all);  // what is not there is not measured
}

TEST_CASE("what is not measured yet keeps what it was known to be, unless it is configured otherwise since") {
    auto desired = desired_include(paris, {});
    const Defines known{{"wgbfd_paris_1_latency", "6", "3"}, {"wgbfd_paris_1_loss", "93", "92"}};
    const auto out = with_unmeasured_of(desired, known);
    CHECK(value(out, "wgbfd_paris_1_latency") == "6");
    CHECK(value(out, "wgbfd_paris_1_loss") == "91");
    CHECK(value(out, "wgbfd_paris_1_med") == "10");
    desired.unmeasured.clear();
    CHECK(with_unmeasured_of(desired, known) == desired.defines);
}

TEST_CASE("OSPF's limits hold for a path that is up: 1 to 65534") {
    CHECK(value(desired(VerdictState::up, 0).defines, "wgbfd_paris_1_cost") == "1");
    CHECK(value(desired(VerdictState::up, 65'534).defines, "wgbfd_paris_1_cost") == "65534");
    CHECK(value(desired(VerdictState::up, 65'535).defines, "wgbfd_paris_1_cost") == "65534");
}

TEST_CASE("what is not known to be down is as if wgbfd had never run: never up, in maintenance, not there at all") {
    for (const auto state : {VerdictState::unknown, VerdictState::admin_down})
        CHECK(is_at_rest(desired(state).defines));
    const auto absent = desired_include(paris, {});
    CHECK(is_at_rest(absent.defines));
    CHECK(absent.defines.size() == 6);
    CHECK(absent.told.empty());
    CHECK(value(absent.defines, "wgbfd_paris_1_latency") == "3");
    CHECK(value(absent.defines, "wgbfd_paris_1_loss") == "91");
}

TEST_CASE("a peer that the configuration does not name has no constants, and is told") {
    Peers peers;
    peers.add("wg0/AbCdEfGh", "", VerdictState::down);
    const auto out = desired_include(paris, peers.all);
    CHECK(out.unnamed == std::vector<std::string>{"wg0/AbCdEfGh"});
    CHECK(out.defines.size() == 6);
    CHECK(is_at_rest(out.defines));
}

TEST_CASE("slow values can be held back, and only those that stood before") {
    auto entries = paris;
    const auto before = desired_include(entries, {}).defines;
    entries[0].dn42_latency = 7;
    entries[0].local_pref = 90;
    entries.push_back({.adjacency = "new", .dn42_latency = 2});
    const auto held = with_slow_of(desired_include(entries, {}).defines, before);
    CHECK(value(held, "wgbfd_paris_1_latency") == "3");
    CHECK(value(held, "wgbfd_paris_1_local_pref") == "90");
    CHECK(value(held, "wgbfd_new_latency") == "2");
}
