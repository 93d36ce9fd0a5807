// From the verdict to the report, in virtual time: routes that ride on a tunnel which is cut.
#include <doctest/doctest.h>

#include <string>

#include "sim/world.hpp"

namespace {

using namespace std::chrono_literals;
using policy::VerdictState;

// Two peers on a's wg0: b, and one that never answers.
struct Routed : sim::World {
    Routed() : World{config_a(), {}} {
        auto peer_b = sim::peer(0xb, {sim::net("10.8.0.2/32")});
        auto mute = sim::peer(0xc, {sim::net("10.8.0.3/32"), sim::net("fd00:3::/48")});
        auto peer_a = sim::peer(0xa, {sim::net("10.8.0.1/32")});
        a.controller.on_host(now(), sim::host("10.8.0.1", {peer_b, mute}));
        b.controller.on_host(now(), sim::host("10.8.0.2", {peer_a}));
        run_for(5s);
        REQUIRE(row("to-b").verdict.state == VerdictState::up);
    }
    static config::Config config_a() {
        config::Config out;
        for (const auto& [n, name] : {std::pair{std::uint8_t{0xb}, "to-b"}, {std::uint8_t{0xc}, "to-c"}}) {
            config::Adjacency one;
            one.interface = "wg0";
            one.peer = sim::key(n);
            one.name = name;
            out.adjacencies.push_back(one);
        }
        return out;
    }
    void begin() {
        a.controller.convergence().begin(control::RouteSource::fpm, false);
        a.controller.convergence().end();
        while (a.controller.convergence().wants_sweep()) a.controller.convergence().sweep(now().steady);
    }
    void route(int n, const char* gateway, std::uint32_t out = 7) {
        adjacency::RouteChange change;
        change.prefix = sim::net("10.20." + std::to_string(n) + ".0/24");
        change.table = 254;
        change.hops = {{sim::ip(gateway), {out}}};
        a.controller.convergence().change(now().steady, change);
        a.controller.convergence().settle(now().steady);
    }
    control::Row row(const std::string& name) {
        for (auto& each : a.controller.rows())
            if (each.name == name) return each;
        return {};
    }
    std::vector<control::Record> failovers() const {
        std::vector<control::Record> out;
        for (const auto& record : a.records)
            if (record.event == "failover") out.push_back(record);
        return out;
    }
};

}  // namespace

TEST_CASE("a cut: the report has the verdict, the figures and the names, as a record and in the row") {
    Routed world;
    CHECK(!world.row("to-b").prefixes);  // nobody tells
    world.begin();
    CHECK(world.row("to-b").prefixes == 0U);
    for (int n = 0; n < 10; ++n) world.route(n, "10.8.0.2");
    world.route(10, "10.8.0.3");
    world.route(11, "fd00:3::1");  // its allowed-ips hold it
    world.route(12, "192.0.2.9", 2);
    CHECK(world.row("to-b").prefixes == 10U);
    CHECK(world.row("to-c").prefixes == 2U);
    CHECK(world.row("to-b").failover == nullptr);
    world.cut_b_to_a = true;
    world.run_for(200ms);
    REQUIRE(world.row("to-b").verdict.state == VerdictState::down);
    const auto down = world.a.records.back().at;
    CHECK(world.failovers().empty());
    for (int n = 0; n < 10; ++n) {
        if (n < 9)
            world.route(n, "10.8.0.3");
        else
            world.route(n, "192.0.2.9", 2);
    }
    world.run_for(1ms);
    REQUIRE(world.failovers().size() == 1);
    const auto record = world.failovers().front();
    CHECK(record.adjacency == "to-b");
    CHECK(record.from == "up");
    CHECK(record.to == "down");
    CHECK(record.cause == "detect-timeout");
    REQUIRE(record.failover);
    CHECK(record.failover->prefixes == 10);
    CHECK(record.failover->moved == 10);
    CHECK(record.failover->to == std::map<std::string, std::uint64_t>{{"to-c", 9}});
    CHECK(record.failover->elsewhere == 1);
    CHECK(record.failover->source == control::RouteSource::fpm);
    CHECK(record.failover->at == down);
    CHECK(record.failover->at + *record.failover->last <= world.now().wall);
    REQUIRE(world.row("to-b").failover != nullptr);
    CHECK(*world.row("to-b").failover == *record.failover);
    CHECK(world.row("to-c").failover == nullptr);
}

TEST_CASE("nothing moves: the report comes by itself after the quiet time; a return before it ends it at once") {
    Routed world;
    world.begin();
    world.route(1, "10.8.0.2");
    world.cut_b_to_a = true;
    world.run_for(4900ms);
    CHECK(world.failovers().empty());
    world.run_for(500ms);
    REQUIRE(world.failovers().size() == 1);
    CHECK(world.failovers().front().failover->left == 1);
    world.cut_b_to_a = false;
    world.run_for(5s);
    REQUIRE(world.row("to-b").verdict.state == VerdictState::up);
    world.cut_b_to_a = true;
    world.run_for(500ms);
    CHECK(world.failovers().size() == 1);
    world.cut_b_to_a = false;
    world.run_for(4s);
    REQUIRE(world.row("to-b").verdict.state == VerdictState::up);
    CHECK(world.failovers().size() == 2);
}

TEST_CASE("an interface that goes: what rode on its peer is still told of") {
    Routed world;
    world.begin();
    world.route(1, "10.8.0.2");
    world.a.controller.on_host(world.now(), {});
    world.run_for(1ms);
    REQUIRE(world.row("to-b").verdict.state == VerdictState::down);
    world.route(1, "192.0.2.9", 2);
    world.run_for(1ms);
    REQUIRE(world.failovers().size() == 1);
    CHECK(world.failovers().front().cause == "interface-gone");
    CHECK(world.failovers().front().failover->elsewhere == 1);
}

TEST_CASE("of an interface's only peer it is enough that a route leaves by it") {
    sim::World world{{}, {}};
    world.a.controller.on_host(world.now(), sim::host("10.8.0.1", {sim::peer(0xb, {sim::net("10.8.0.2/32")})}));
    world.run_for(1s);
    auto& convergence = world.a.controller.convergence();
    CHECK(world.a.controller.wants_routes());
    convergence.begin(control::RouteSource::kernel, false);
    convergence.end();
    adjacency::RouteChange change;
    change.prefix = sim::net("fd20::/64");
    change.hops = {{sim::ip("fe80::9"), {7}}};
    convergence.change(world.now().steady, change);
    change.prefix = sim::net("10.20.0.0/24");
    change.hops = {{{}, {7}}};
    convergence.change(world.now().steady, change);
    CHECK(world.a.row().prefixes == 2U);
    // Another peer on it: now the gateway has to say whose they are, and does not.
    world.a.controller.on_host(world.now(), sim::host("10.8.0.1", {sim::peer(0xb, {sim::net("10.8.0.2/32")}),
                                                                   sim::peer(0xc, {sim::net("10.8.0.3/32")})}));
    world.run_for(1s);
    CHECK(world.a.row(0).prefixes == 0U);
    CHECK(world.a.row(1).prefixes == 0U);
}
