// A group of two tunnels in virtual time: what quality, flapping and draining do to each, and that one of them always
// carries.
#include <doctest/doctest.h>

#include <map>
#include <string>

#include "policy/measured.hpp"
#include "sim/world.hpp"

namespace {

using namespace std::chrono_literals;
using measured::figures;
using measured::full;
using policy::Cause;
using policy::VerdictState;

// Two peers on a's wg0, both of them answered by a session of b's: one tunnel each.
struct Group : sim::World {
    explicit Group(config::Config config = grouped()) : World{config, {}} {
        auto one = sim::peer(0xb, {sim::net("10.8.0.2/32")});
        auto two = sim::peer(0xc, {sim::net("10.8.0.3/32")});
        for (auto* peer : {&one, &two}) peer->latest_handshake = now().wall - 1s;
        a.controller.on_host(now(), sim::host("10.8.0.1", {one, two}));
        auto far = sim::host("10.8.0.2", {sim::peer(0xa, {sim::net("10.8.0.1/32")})});
        b.controller.on_host(now(), far);
        run_for(5s);
        REQUIRE(row("one").verdict.state == VerdictState::up);
    }
    static config::Config grouped() {
        config::Config out;
        out.groups.push_back({"paris"});
        for (const auto& [n, name] : {std::pair{std::uint8_t{0xb}, "one"}, {std::uint8_t{0xc}, "two"}}) {
            config::Adjacency adjacency;
            adjacency.interface = "wg0";
            adjacency.peer = sim::key(n);
            adjacency.name = name;
            adjacency.group = "paris";
            adjacency.feeds = {"bird-nexthop"};
            out.adjacencies.push_back(adjacency);
        }
        return out;
    }
    control::Row row(const std::string& name) {
        for (auto& each : a.controller.rows())
            if (each.name == name) return each;
        return {};
    }
    void measure(const std::string& name, const quality::Quality& quality) {
        a.controller.on_quality(now(), row(name).session->key, quality);
        run_for(1ms);
    }
    void flap(int times) {
        for (int i = 0; i < times; ++i) {
            cut_b_to_a = cut_a_to_b = true;
            run_for(200ms);
            cut_b_to_a = cut_a_to_b = false;
            run_for(2500ms);
        }
    }
    policy::Wanted wanted(const std::string& name) {
        for (const auto& each : a.controller.wanted("bird-nexthop"))
            if (each.adjacency.name == name) return each;
        FAIL("not wanted");
        return a.controller.wanted("bird-nexthop").front();
    }
};

const auto lossy = full(figures(100, 40), figures(3'000, 40));
const auto fine = full(figures(100, 0), figures(3'000, 0));

}  // namespace

TEST_CASE("a brownout makes a path degraded and dear at once, and the feeds hear of it; it comes back once") {
    Group world;
    world.run_for(10s);
    const auto before = world.a.feeds_applied;
    world.measure("one", fine);
    CHECK(world.a.feeds_applied == before + 1);  // its round trip of 20 ms is known now
    CHECK(world.row("one").verdict.cost == 12);
    world.measure("one", lossy);
    CHECK(world.row("one").verdict == policy::Verdict{VerdictState::degraded, Cause::quality_loss, 512});
    CHECK(world.wanted("one").verdict.cost == 512);
    CHECK(world.wanted("one").live);
    CHECK(!world.wanted("one").counts_as_down);
    CHECK(world.a.feeds_applied == before + 2);
    for (int second = 0; second < 400; ++second) {
        world.run_for(1s);
        world.measure("one", fine);
    }
    CHECK(world.row("one").verdict == policy::Verdict{VerdictState::up, {}, 12});
    CHECK(world.a.verdicts() == std::vector<std::string>{"unknown>up ", "up>degraded quality-loss", "degraded>up "});
}

TEST_CASE("the same figures again are no work: nothing is judged, no feed is applied") {
    Group world;
    world.run_for(10s);
    world.measure("one", fine);
    const auto before = world.a.feeds_applied;
    for (int i = 0; i < 100; ++i) world.measure("one", fine);
    CHECK(world.a.feeds_applied == before);
}

TEST_CASE("figures that nobody renews are forgotten by a deadline of the controller's") {
    Group world;
    world.run_for(10s);
    world.measure("one", lossy);
    REQUIRE(world.row("one").verdict.state == VerdictState::degraded);
    world.run_for(299s);
    CHECK(world.row("one").verdict.state == VerdictState::degraded);
    world.run_for(2s);
    CHECK(world.row("one").verdict == policy::Verdict{VerdictState::up, {}, 10});
}

TEST_CASE(
    "a flapping tunnel, the last of its group, is spared: degraded, never down but by Down itself; then released") {
    Group world;
    world.flap(4);
    CHECK(world.row("one").verdict == policy::Verdict{VerdictState::degraded, Cause::damped, 110});
    CHECK(world.wanted("one").live);
    world.run_for(60s);
    CHECK(world.row("one").verdict == policy::Verdict{VerdictState::up, {}, 10});
    CHECK(world.row("two").verdict.cause == Cause::never_up);
}

TEST_CASE("bfdd hears of the session, and of nothing else") {
    auto config = Group::grouped();
    config.probe.up_delay = 20s;
    for (auto& adjacency : config.adjacencies) adjacency.timers.up_delay = 20s;
    Group world{config};
    bfd::SessionRequest wish;
    world.a.controller.on_request(world.now(), {.lid = 7,
                                                .ifindex = base::IfIndex{7},
                                                .interface = "wg0",
                                                .local = sim::ip("10.8.0.1"),
                                                .remote = sim::ip("10.8.0.2"),
                                                .multihop = false,
                                                .wish = wish});
    world.run_for(1s);
    world.flap(1);
    REQUIRE(!world.a.bfdd.empty());
    CHECK(world.a.bfdd.back().status.state == bfd::State::up);
    world.measure("one", lossy);
    CHECK(world.a.bfdd.back().status.state == bfd::State::up);
}

TEST_CASE("up_delay: down until the session has been Up for so long; a first Up is not kept waiting") {
    config::Config config;
    config.probe.up_delay = 20s;
    sim::World world{config, {}};
    world.a.controller.on_host(world.now(), sim::host("10.8.0.1", {sim::peer(0xb, {sim::net("10.8.0.2/32")})}));
    world.b.controller.on_host(world.now(), sim::host("10.8.0.2", {sim::peer(0xa, {sim::net("10.8.0.1/32")})}));
    world.run_for(5s);
    REQUIRE(world.a.row().verdict.state == VerdictState::up);
    world.cut_b_to_a = true;
    world.run_for(300ms);
    world.cut_b_to_a = false;
    world.run_for(5s);
    REQUIRE(world.a.row().session->status.state == bfd::State::up);
    CHECK(world.a.row().verdict.state == VerdictState::down);
    CHECK(world.a.row().verdict.cause == Cause::detect_timeout);
    world.run_for(20s);
    CHECK(world.a.row().verdict.state == VerdictState::up);
    CHECK(world.b.row().verdict.state == VerdictState::up);
}

TEST_CASE("drain: dear at once, AdminDown after 5 s, dear all the while; undrain: dear until it is Up again") {
    Group world;
    std::string warning;
    CHECK(!world.a.controller.drain(world.now(), "three", warning));
    REQUIRE(world.a.controller.drain(world.now(), "one", warning));
    CHECK(warning.find("last usable path of the group paris") != std::string::npos);
    world.run_for(1ms);
    CHECK(world.row("one").verdict == policy::Verdict{VerdictState::degraded, Cause::drained, 60'000});
    world.run_for(4900ms);
    CHECK(world.row("one").session->status.state == bfd::State::up);
    world.run_for(200ms);
    CHECK(world.row("one").session->status.state == bfd::State::admin_down);
    CHECK(world.row("one").verdict == policy::Verdict{VerdictState::admin_down, Cause::drained, 60'000});
    CHECK(world.wanted("one").live);
    CHECK(world.b.row().verdict == policy::Verdict{VerdictState::admin_down, Cause::admin, 10});
    CHECK(world.a.controller.drained() == std::set<std::string>{"one"});
    world.run_for(60s);
    CHECK(world.row("one").verdict.state == VerdictState::admin_down);
    REQUIRE(world.a.controller.undrain(world.now(), "one"));
    bool cheap_before_up = false;
    for (int i = 0; i < 5'000; ++i) {
        world.run_for(1ms);
        cheap_before_up |= world.row("one").verdict.state != VerdictState::up && world.row("one").verdict.cost < 60'000;
    }
    CHECK(!cheap_before_up);
    CHECK(world.row("one").verdict == policy::Verdict{VerdictState::up, {}, 10});
    CHECK(world.a.controller.drained().empty());
    CHECK(world.a.verdicts() == std::vector<std::string>{"unknown>up ", "up>degraded drained",
                                                         "degraded>admin-down drained", "admin-down>up "});
}

TEST_CASE("a drain taken back within its 5 s leaves the session alone") {
    Group world;
    std::string warning;
    world.a.controller.drain(world.now(), "one", warning);
    world.run_for(4s);
    world.a.controller.undrain(world.now(), "one");
    world.run_for(10s);
    CHECK(world.row("one").verdict == policy::Verdict{VerdictState::up, {}, 10});
    CHECK(world.b.verdicts() == std::vector<std::string>{"unknown>up "});
}

TEST_CASE("a drain outlives a reload, and a restart: then its session is AdminDown from the first packet") {
    Group world;
    std::string warning;
    world.a.controller.drain(world.now(), "one", warning);
    world.run_for(6s);
    world.a.controller.on_config(world.now(), Group::grouped());
    world.run_for(6s);
    CHECK(world.row("one").verdict.cause == Cause::drained);

    sim::World next{Group::grouped(), {}};
    next.a.controller.on_drained({"one", "gone"});
    next.a.controller.on_host(next.now(), sim::host("10.8.0.1", {sim::peer(0xb, {sim::net("10.8.0.2/32")})}));
    next.b.controller.on_host(next.now(), sim::host("10.8.0.2", {sim::peer(0xa, {sim::net("10.8.0.1/32")})}));
    next.run_for(20s);
    CHECK(next.a.verdicts() == std::vector<std::string>{"unknown>admin-down drained"});
    CHECK(next.b.verdicts() == std::vector<std::string>{"unknown>admin-down admin"});
    CHECK(next.a.controller.drained() == std::set<std::string>{"gone", "one"});
    CHECK(next.a.controller.undrain(next.now(), "gone"));
    CHECK(!next.a.controller.undrain(next.now(), "gone"));
    CHECK(next.a.controller.drained() == std::set<std::string>{"one"});
}

TEST_CASE("costs and limits of the configuration count, also after a reload") {
    auto config = Group::grouped();
    config.adjacencies[0].cost = 40;
    Group world{config};
    CHECK(world.row("one").verdict.cost == 40);
    CHECK(world.row("one").verdict.base_cost == 40);
    config.adjacencies[0].cost = 50;
    config.adjacencies[0].quality.degraded.rtt = 5ms;
    world.a.controller.on_config(world.now(), config);
    world.run_for(10s);
    CHECK(world.row("one").verdict.cost == 50);
    world.measure("one", fine);  // 20 ms, four times its limit
    CHECK(world.row("one").verdict.cause == Cause::quality_rtt);
    CHECK(world.row("one").verdict.cost == 152);
    config.adjacencies[0].quality.method = config::Method::off;
    world.a.controller.on_config(world.now(), config);
    world.run_for(1ms);
    CHECK(world.row("one").verdict.state == VerdictState::up);
}

TEST_CASE("allowed-ips that lose the tunnel address explain the Down") {
    Group world;
    world.cut_b_to_a = true;
    auto peer = sim::peer(0xb, {sim::net("10.9.0.0/24")});
    auto config = Group::grouped();
    config.adjacencies[0].address = sim::ip("10.8.0.2");
    world.a.controller.on_config(world.now(), config);
    world.a.controller.on_host(world.now(), sim::host("10.8.0.1", {peer}));
    world.run_for(1s);
    CHECK(world.row("one").verdict.cause == Cause::wrong_allowed_ips);
}

TEST_CASE("evidence from outside: down takes the path from the feeds until its time is up, and the log tells it once") {
    auto alone = Group::grouped();
    for (auto& adjacency : alone.adjacencies) adjacency.group.clear();
    Group world{alone};
    CHECK(!world.a.controller.tell_outside(world.now(), "three", VerdictState::down, 10s, ""));
    const auto applied = world.a.feeds_applied;
    REQUIRE(world.a.controller.tell_outside(world.now(), "one", VerdictState::down, 10s, "HTTP 503"));
    world.run_for(1ms);
    CHECK(world.row("one").verdict.state == VerdictState::down);
    CHECK(world.row("one").verdict.cause == Cause::external);
    CHECK(world.row("one").session->status.state == bfd::State::up);
    CHECK(world.wanted("one").counts_as_down);
    CHECK(world.a.feeds_applied == applied + 1);
    world.run_for(5s);
    REQUIRE(world.a.controller.tell_outside(world.now(), "one", VerdictState::down, 10s, "HTTP 503"));
    world.run_for(9s);
    CHECK(world.row("one").verdict.state == VerdictState::down);
    world.run_for(1100ms);
    CHECK(world.row("one").verdict.state == VerdictState::up);
    CHECK(world.a.verdicts() == std::vector<std::string>{"unknown>up ", "up>down external", "down>up "});
}
