// What packets come through, from the probe thread's question to the verdict, between two daemons in virtual time.
#include <doctest/doctest.h>

#include "sim/world.hpp"

namespace {

using namespace std::chrono_literals;
using policy::Cause;
using policy::VerdictState;
using quality::Fit;

struct Pair : sim::World {
    explicit Pair(const config::Config& config = {}, bool peer_speaks_stamp = true) : World{config, {}} {
        a.measures = true;
        b.measures = peer_speaks_stamp;
        tell(1420);
        b.controller.on_host(now(), sim::host("10.8.0.2", {sim::peer(0xa, {sim::net("10.8.0.1/32")})}));
        run_for(20s);
    }
    void tell(std::uint32_t mtu) {  // of a's interface
        auto host = sim::host("10.8.0.1", {sim::peer(0xb, {sim::net("10.8.0.2/32")})});
        host.links.front().mtu = mtu;
        a.controller.on_host(now(), host);
    }
    policy::Verdict verdict() { return a.row().verdict; }
    std::vector<std::string> sizes() const {
        std::vector<std::string> out;
        for (const auto& record : a.records)
            if (record.event == "path-mtu") out.push_back(record.from + ">" + record.to);
        return out;
    }
};

}  // namespace

TEST_CASE(
    "an underlay that drops large packets: degraded by mtu within two minutes, by STAMP and by ICMP; BFD stays Up") {
    for (const bool stamp : {true, false}) {
        CAPTURE(stamp);
        Pair world{{}, stamp};
        REQUIRE(world.a.row().passage == quality::Passage{Fit::whole, 1420, 0});
        const auto before = world.verdict().cost;
        world.carries = 1216;
        world.run_for(118s);
        CHECK(world.verdict().state == VerdictState::degraded);
        CHECK(world.verdict().cause == Cause::mtu);
        CHECK(world.verdict().cost == before + 100);
        CHECK(world.a.row().passage == quality::Passage{Fit::limited, 1420, 1216});
        CHECK(world.a.row().session->status.state == bfd::State::up);
        CHECK(world.a.verdicts() == std::vector<std::string>{"unknown>up ", "up>degraded mtu"});
        CHECK(world.sizes() == std::vector<std::string>{"1420>limited", "limited>1216"});
        world.carries = UINT16_MAX;
        world.run_for(70s);
        CHECK(world.verdict().state == VerdictState::up);
        CHECK(world.sizes().back() == "1216>1420");
    }
}

TEST_CASE("the interface is set to what passes: well again at once, and it stays so") {
    Pair world;
    world.carries = 1216;
    world.run_for(2min);
    REQUIRE(world.verdict().cause == Cause::mtu);
    world.tell(1216);
    world.run_for(15s);
    CHECK(world.verdict().state == VerdictState::up);
    CHECK(world.a.row().passage == quality::Passage{Fit::whole, 1216, 0});
    world.run_for(10min);
    CHECK(world.a.verdicts().size() == 3);
}

TEST_CASE("an outage in between says nothing of sizes, and what was known stands after it") {
    Pair world;
    world.cut_a_to_b = world.cut_b_to_a = true;
    world.run_for(10min);
    world.cut_a_to_b = world.cut_b_to_a = false;
    world.run_for(2min);
    CHECK(world.verdict().state == VerdictState::up);
    world.carries = 1216;
    world.run_for(2min);
    world.cut_a_to_b = true;
    world.run_for(10min);
    CHECK(world.verdict().state == VerdictState::down);
    CHECK(world.verdict().cause != Cause::mtu);
    world.cut_a_to_b = false;
    world.run_for(5s);
    CHECK(world.verdict().state == VerdictState::degraded);
    CHECK(world.verdict().cause == Cause::mtu);
}

TEST_CASE("who measures nothing is not asked; nor is one that was measured, from then on") {
    config::Config off;
    off.quality.method = config::Method::off;
    Pair quiet{off};
    quiet.carries = 1216;
    quiet.run_for(5min);
    CHECK(quiet.verdict().state == VerdictState::up);
    CHECK(quiet.a.row().passage.asked == 0);
    Pair world;
    world.carries = 1216;
    world.run_for(2min);
    REQUIRE(world.verdict().cause == Cause::mtu);
    world.a.controller.on_config(world.now(), off);
    world.run_for(1s);
    CHECK(world.verdict().state == VerdictState::up);
}

TEST_CASE("a padded session that the path no longer carries is down, and its cause is known within two minutes") {
    config::Config config;
    config.probe.padding = 1420;
    Pair world{config};
    REQUIRE(world.verdict().state == VerdictState::up);
    world.carries = 1216;
    world.run_for(1s);
    CHECK(world.verdict().state == VerdictState::down);
    world.run_for(118s);
    CHECK(world.verdict() == policy::Verdict{VerdictState::down, Cause::mtu, 10, 10});
}
