// What one end says of its reverse path filter, from its control thread to the other's feeds, in virtual time.
#include <doctest/doctest.h>

#include "sim/world.hpp"

namespace {

using namespace std::chrono_literals;
using quality::ReversePath;

struct Pair : sim::World {
    explicit Pair(const config::Config& config = with_repair()) : World{config, {}} {
        a.measures = b.measures = true;
        a.controller.on_host(now(), sim::host("10.8.0.1", {sim::peer(0xb, {sim::net("10.8.0.2/32")})}));
        b.controller.on_host(now(), sim::host("10.8.0.2", {sim::peer(0xa, {sim::net("10.8.0.1/32")})}));
    }
    static config::Config with_repair() {
        config::Config out;
        config::Adjacency one;
        one.interface = "wg0";
        one.peer = sim::key(0xb);
        one.group = "paris";
        one.feeds = {"repair"};
        out.adjacencies.push_back(one);
        out.groups.push_back({.name = "paris"});
        return out;
    }
    void b_is(ReversePath is) { b.controller.on_reverse_paths({{"wg0", is}}); }
    bool strict() const { return a.controller.wanted("repair").at(0).far_end_strict; }
    std::vector<std::string> told() const {
        std::vector<std::string> out;
        for (const auto& record : a.records)
            if (record.event == "far-end-rp-filter") out.push_back(record.from + ">" + record.to);
        return out;
    }
};

}  // namespace

TEST_CASE("a strict far end is known ten seconds after it was heard, and a change back as soon as it is asked again") {
    Pair world;
    world.b_is(ReversePath::strict);
    world.run_for(1s);
    CHECK_FALSE(world.strict());
    world.run_for(10s);
    CHECK(world.strict());
    CHECK(world.a.row().far_end == ReversePath::strict);
    CHECK(world.b.row().far_end == ReversePath::unknown);  // a has not looked at its own
    const auto applied = world.a.feeds_applied;
    world.b_is(ReversePath::open);
    world.run_for(6s);
    CHECK_FALSE(world.strict());
    CHECK(world.a.feeds_applied == applied + 1);
    CHECK(world.told() == std::vector<std::string>{"unknown>strict", "strict>open"});
    world.b_is(ReversePath::strict);  // it is asked once a minute by now
    world.run_for(65s);
    CHECK(world.strict());
    CHECK(world.a.verdicts().size() == 1);
}

TEST_CASE("a path too small for the interface's packets learns it too, by the small ones") {
    Pair world;
    world.carries = 1216;
    world.b_is(ReversePath::strict);
    world.run_for(12s);
    CHECK(world.strict());
}

TEST_CASE("who measures nothing knows nothing; who stops forgets") {
    auto off = Pair::with_repair();
    off.adjacencies[0].quality.method = config::Method::off;
    Pair quiet{off};
    quiet.b_is(ReversePath::strict);
    quiet.run_for(3min);
    CHECK_FALSE(quiet.strict());
    Pair world;
    world.b_is(ReversePath::strict);
    world.run_for(12s);
    REQUIRE(world.strict());
    world.a.controller.on_config(world.now(), off);
    world.run_for(1s);
    CHECK_FALSE(world.strict());
    world.run_for(3min);
    CHECK_FALSE(world.strict());
}

TEST_CASE("five minutes without an answer, and what it said is forgotten; it holds over a short outage") {
    Pair world;
    world.b_is(ReversePath::strict);
    world.run_for(12s);
    REQUIRE(world.strict());
    world.cut_a_to_b = true;
    world.run_for(4min);
    CHECK(world.strict());
    world.run_for(2min);
    CHECK_FALSE(world.strict());
    world.cut_a_to_b = false;
    world.run_for(70s);
    CHECK(world.strict());
}

TEST_CASE("a far end that measures by nothing we know (ICMP) says nothing") {
    Pair world;
    world.b.measures = false;
    world.b_is(ReversePath::strict);
    world.run_for(3min);
    REQUIRE(world.a.row().passage.fit == quality::Fit::whole);
    CHECK(world.a.row().far_end == ReversePath::unknown);
}
