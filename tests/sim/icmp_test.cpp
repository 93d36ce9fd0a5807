// protocol = "icmp": a peer that answers pings alone, from echoes to verdict, in virtual time.
#include <doctest/doctest.h>

#include <cerrno>

#include "sim/world.hpp"

namespace {

using namespace std::chrono_literals;
using policy::Cause;
using policy::VerdictState;

config::Config pinging() {
    config::Config config;
    config.probe.protocol = config::Protocol::icmp;
    config.interfaces.push_back({.name = "wg0", .feeds = {"link"}, .unsolicited = {}, .unsolicited_max = 64});
    return config;
}

// b is a kernel: it has no daemon.
struct Pair : sim::World {
    explicit Pair(const config::Config& config = pinging()) : World{config, {}} {
        a.measures = true;
        auto peer = sim::peer(0xb, {sim::net("10.8.0.2/32")});
        peer.latest_handshake = now().wall - 1s;
        a.controller.on_host(now(), sim::host("10.8.0.1", {peer}));
    }
    void cut() { cut_a_to_b = cut_b_to_a = true; }
    void mend() { cut_a_to_b = cut_b_to_a = false; }
    policy::Verdict verdict() { return a.row().verdict; }
    control::BfddRequest wish() const {
        return {.lid = 7,
                .ifindex = base::IfIndex{7},
                .interface = "wg0",
                .local = sim::ip("10.8.0.1"),
                .remote = sim::ip("10.8.0.2"),
                .multihop = false,
                .wish = {}};
    }
};

}  // namespace

TEST_CASE("a peer that answers is up, without any BFD; it goes down with its cause, and comes back") {
    Pair world;
    world.run_for(2s);
    CHECK(world.verdict().state == VerdictState::up);
    CHECK_FALSE(world.a.row().session);
    REQUIRE(world.a.row().liveness);
    CHECK(world.a.row().liveness->status.state == quality::EchoState::up);
    CHECK(world.a.engine.size() == 0);
    world.cut();
    world.run_for(95ms);
    CHECK(world.verdict().state == VerdictState::up);
    world.run_for(110ms);
    CHECK(world.verdict().state == VerdictState::down);
    CHECK(world.verdict().cause == Cause::detect_timeout);
    CHECK(!world.a.refreshes.empty());
    world.mend();
    world.run_for(2s);
    CHECK(world.verdict().state == VerdictState::up);
    CHECK(world.a.verdicts() == std::vector<std::string>{"unknown>up ", "up>down detect-timeout", "down>up "});
}

TEST_CASE("a peer that never answered changes nothing: never-up, and it is not measured") {
    Pair world;
    world.b_answers_pings = false;
    world.run_for(10min);
    CHECK(world.verdict().state == VerdictState::unknown);
    CHECK(world.verdict().cause == Cause::never_up);
    CHECK(world.a.row().measuring->probes_sent.value() == 0);
    CHECK(world.a.row().measuring->echoes_sent.value() < 240);
    CHECK(world.a.verdicts().empty());
}

TEST_CASE("one that was up before a restart of ours has three seconds to answer before it counts as down") {
    Pair world;
    world.a.controller.on_adopt(world.now(), {sim::a_saw_b()});
    world.b_answers_pings = false;
    world.run_for(2900ms);
    CHECK(world.a.feeds_applied == 0);
    CHECK(world.verdict().state == VerdictState::unknown);
    world.run_for(6s);
    CHECK(world.verdict().state == VerdictState::down);
    CHECK(world.a.feeds_applied > 0);
}

TEST_CASE("what bfdd asks for is a BFD session beside it, told to bfdd alone") {
    Pair world;
    world.run_for(2s);
    world.a.controller.on_request(world.now(), world.wish());
    world.run_for(10s);
    CHECK(world.a.engine.size() == 1);
    CHECK(world.verdict().state == VerdictState::up);
    CHECK_FALSE(world.a.row().session);
    REQUIRE(world.a.row().further.size() == 1);
    CHECK(world.a.row().further[0].status.state == bfd::State::down);
    CHECK(world.a.row().further[0].asked_by == std::vector<std::string>{"bfdd"});
    REQUIRE(!world.a.bfdd.empty());
    CHECK(world.a.bfdd.back().status.state == bfd::State::down);
    CHECK(world.a.controller.rows().size() == 1);
    world.a.controller.on_withdraw(world.now(), 7);
    world.run_for(1s);
    CHECK(world.a.engine.size() == 0);
    CHECK(world.verdict().state == VerdictState::up);
}

TEST_CASE("that BFD session may go Up and Down: the verdict is ICMP's") {
    Pair world;
    world.a.controller.on_request(world.now(), world.wish());
    world.b.controller.on_host(world.now(), sim::host("10.8.0.2", {sim::peer(0xa, {sim::net("10.8.0.1/32")})}));
    world.run_for(5s);
    REQUIRE(world.a.bfdd.back().status.state == bfd::State::up);
    world.b.controller.on_host(world.now(), sim::host("10.8.0.2", {}));
    world.run_for(5s);
    REQUIRE(world.a.bfdd.back().status.state == bfd::State::down);
    CHECK(world.a.verdicts() == std::vector<std::string>{"unknown>up "});
}

TEST_CASE("a reload from BFD to ICMP and back takes no path down") {
    config::Config bfd;
    Pair world{bfd};
    world.b.controller.on_host(world.now(), sim::host("10.8.0.2", {sim::peer(0xa, {sim::net("10.8.0.1/32")})}));
    world.run_for(5s);
    REQUIRE(world.verdict().state == VerdictState::up);
    for (const auto& config : {pinging(), bfd, pinging()}) {
        world.a.controller.on_config(world.now(), config);
        world.run_for(10s);
        CHECK(world.verdict().state == VerdictState::up);
    }
    for (const auto& verdict : world.a.verdicts()) CHECK(verdict.find(">down") == std::string::npos);
}

TEST_CASE("drain and undrain: no echo is sent meanwhile, and it never counts as down") {
    Pair world;
    world.run_for(2s);
    const auto name = world.a.row().name;
    std::string warning;
    REQUIRE(world.a.controller.drain(world.now(), name, warning));
    world.run_for(6s);
    CHECK(world.verdict().state == VerdictState::admin_down);
    CHECK(world.verdict().cause == Cause::drained);
    const auto sent = world.a.row().measuring->echoes_sent.value();
    world.run_for(60s);
    CHECK(world.a.row().measuring->echoes_sent.value() == sent);
    REQUIRE(world.a.controller.undrain(world.now(), name));
    world.run_for(2s);
    CHECK(world.verdict().state == VerdictState::up);
    for (const auto& verdict : world.a.verdicts()) CHECK(verdict.find(">down") == std::string::npos);
}

TEST_CASE("it is measured, and its sizes are, as with BFD") {
    Pair world;
    world.run_for(60s);
    REQUIRE(world.a.row().quality);
    CHECK(world.a.row().quality->method == quality::Method::icmp);
    CHECK(world.a.row().passage.fit == quality::Fit::whole);
    world.carries = 1216;
    world.run_for(2min);
    CHECK(world.verdict().cause == Cause::mtu);
    CHECK(world.a.row().passage.largest == 1216);
}

TEST_CASE("the feed `endpoint` is told of it as of a BFD session: up, failed, drained") {
    Pair world;
    const auto told = [&] { return world.a.controller.wanted("link").at(0).session; };
    world.run_for(10s);
    CHECK(told().probed);
    CHECK(told().up);
    CHECK(told().ever_up);
    CHECK_FALSE(told().resting);
    CHECK(told().patience == 150ms);
    CHECK(told().rtt.has_value());
    world.cut();
    world.run_for(1s);
    CHECK(told().probed);
    CHECK_FALSE(told().up);
    CHECK_FALSE(told().resting);
    CHECK(told().ever_up);
    std::string warning;
    REQUIRE(world.a.controller.drain(world.now(), world.a.row().name, warning));
    world.run_for(6s);
    CHECK(told().resting);
}

TEST_CASE("ENOKEY and EDESTADDRREQ of an echo name the cause with the Down itself, until one is sent again") {
    Pair world;
    world.run_for(2s);
    REQUIRE(world.verdict().state == VerdictState::up);
    auto error = ENOKEY;
    auto cause = Cause::wrong_allowed_ips;
    SUBCASE("no peer's allowed-ips hold the address") {}
    SUBCASE("no endpoint") {
        error = EDESTADDRREQ;
        cause = Cause::no_endpoint;
    }
    SUBCASE("another error says nothing of WireGuard") {
        error = ENETUNREACH;
        cause = Cause::detect_timeout;
    }
    world.a.send_error = error;
    world.run_for(95ms);
    CHECK(world.verdict().state == VerdictState::up);
    world.run_for(110ms);
    CHECK(world.verdict().state == VerdictState::down);
    CHECK(world.verdict().cause == cause);
    world.run_for(60s);  // each says so anew
    CHECK(world.verdict().cause == cause);
    world.cut();
    world.a.send_error = 0;
    world.run_for(5s);
    CHECK(world.verdict().state == VerdictState::down);
    CHECK(world.verdict().cause == Cause::detect_timeout);
    world.mend();
    world.run_for(5s);
    CHECK(world.verdict().state == VerdictState::up);
}
