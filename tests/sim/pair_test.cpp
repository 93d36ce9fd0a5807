// The daemon's truth, end to end and in virtual time: what two of them believe of the tunnel between them.
#include <doctest/doctest.h>

#include "sim/world.hpp"

namespace {

using namespace std::chrono_literals;
using policy::Cause;
using policy::VerdictState;

config::Config with_link() {
    config::Config config;
    config.interfaces.push_back({.name = "wg0", .feeds = {"link"}, .unsolicited = {}, .unsolicited_max = 64});
    return config;
}

struct Pair : sim::World {
    explicit Pair(const config::Config& config = with_link()) : World{config, config} { tell_hosts(now().wall - 1s); }
    void tell_hosts(base::WallTime handshake) {
        auto peer_b = sim::peer(0xb, {sim::net("10.8.0.2/32")});
        auto peer_a = sim::peer(0xa, {sim::net("10.8.0.1/32")});
        peer_a.latest_handshake = peer_b.latest_handshake = handshake;
        a.controller.on_host(now(), sim::host("10.8.0.1", {peer_b}));
        b.controller.on_host(now(), sim::host("10.8.0.2", {peer_a}));
    }
    void cut() { cut_a_to_b = cut_b_to_a = true; }
    void mend() { cut_a_to_b = cut_b_to_a = false; }
};

TEST_CASE("two daemons find each other by allowed-ips and come up") {
    Pair pair;
    pair.run_for(5s);
    CHECK(pair.a.row().verdict.state == VerdictState::up);
    CHECK(pair.b.row().verdict.state == VerdictState::up);
    CHECK(pair.a.row().source == adjacency::AddressSource::allowed_ips);
    CHECK(pair.a.row().session->status.tx_interval == bfd::Microseconds{50'000});
    CHECK(pair.a.row().session->status.local_discriminator == pair.b.row().session->status.remote_discriminator);
}

TEST_CASE("a silent cut is a Down within the detection time, and a mended path comes back") {
    Pair pair;
    pair.run_for(5s);
    pair.cut();
    pair.run_for(99ms);
    CHECK(pair.a.row().verdict.state == VerdictState::up);  // the last packet is at most 50 ms old
    pair.run_for(52ms);
    CHECK(pair.a.row().verdict == policy::Verdict{VerdictState::down, Cause::detect_timeout, 10});
    CHECK(pair.a.refreshes == std::vector<std::string>{"wg0"});
    pair.mend();
    pair.run_for(5s);
    CHECK(pair.a.row().verdict.state == VerdictState::up);
    CHECK(pair.a.verdicts() == std::vector<std::string>{"unknown>up ", "up>down detect-timeout", "down>up "});
}

TEST_CASE("a path cut one way is Down at both ends, and the hearing end says one-way") {
    Pair pair;
    pair.run_for(5s);
    pair.cut_a_to_b = true;  // b turns deaf
    pair.run_for(400ms);
    CHECK(pair.b.row().verdict.cause == Cause::detect_timeout);
    CHECK(pair.a.row().verdict.cause == Cause::one_way);
    CHECK(pair.a.row().verdict.state == VerdictState::down);
}

TEST_CASE("an adjacency that has never been up changes nothing") {
    Pair pair;
    pair.cut();
    pair.run_for(120s);
    CHECK(pair.a.row().verdict.state == VerdictState::unknown);
    CHECK(pair.a.row().verdict.cause == Cause::never_up);
    const auto wanted = pair.a.controller.wanted("link");
    REQUIRE(wanted.size() == 1);
    CHECK_FALSE(wanted[0].counts_as_down);
    CHECK(pair.a.verdicts().empty());
}

TEST_CASE("with require_proof a peer never up counts as down for link") {
    auto config = with_link();
    config.probe.require_proof = true;
    Pair pair{config};
    pair.cut();
    pair.run_for(10s);
    const auto wanted = pair.a.controller.wanted("link");
    REQUIRE(wanted.size() == 1);
    CHECK(wanted[0].counts_as_down);
    CHECK_FALSE(wanted[0].live);
}

TEST_CASE("link is told again when a handshake age crosses 180 s, not before") {
    Pair pair;
    pair.cut();
    pair.run_for(170s);
    CHECK(pair.a.controller.wanted("link")[0].live);
    const auto before = pair.a.feeds_applied;
    pair.run_for(10s);  // the handshake was 1 s old at the start
    CHECK_FALSE(pair.a.controller.wanted("link")[0].live);
    CHECK(pair.a.feeds_applied > before);
}

TEST_CASE("a handshake that stays away refines the cause of a Down, without another verdict") {
    Pair pair;
    pair.run_for(5s);
    pair.cut();
    pair.run_for(200s);
    pair.a.controller.on_host(pair.now(), [&] {
        auto peer_b = sim::peer(0xb, {sim::net("10.8.0.2/32")});
        peer_b.latest_handshake = sim::at(-1s).wall;
        return sim::host("10.8.0.1", {peer_b});
    }());
    pair.run_for(1ms);
    CHECK(pair.a.row().verdict.cause == Cause::handshake_stale);
    CHECK(pair.a.verdicts().size() == 2);
}

TEST_CASE("bfdd's request for a discovered peer is served by its session, and its timers win while it asks") {
    Pair pair;
    pair.run_for(5s);
    control::BfddRequest request{.lid = 77, .ifindex = {}, .local = {}, .remote = sim::ip("10.8.0.2")};
    request.wish.desired_min_tx = request.wish.required_min_rx = bfd::Microseconds{300'000};
    pair.a.controller.on_request(pair.now(), request);
    pair.run_for(5s);
    CHECK(pair.a.row().session->asked_by == std::vector<std::string>{"bfdd"});
    CHECK(pair.a.row().session->status.tx_interval == bfd::Microseconds{300'000});
    CHECK(pair.b.row().session->status.rx_interval == bfd::Microseconds{300'000});
    CHECK(pair.a.row().further.empty());
    REQUIRE_FALSE(pair.a.bfdd.empty());
    CHECK(pair.a.bfdd.back().lid == 77);
    CHECK(pair.a.bfdd.back().status.state == bfd::State::up);
    REQUIRE(pair.a.controller.counters(77) != nullptr);
    CHECK(pair.a.controller.counters(77)->ups.value() == 1);
    pair.a.controller.on_withdraw(pair.now(), 77);
    pair.run_for(5s);
    CHECK(pair.a.row().session->status.tx_interval == bfd::Microseconds{50'000});
    CHECK(pair.a.row().session->status.state == bfd::State::up);
    CHECK(pair.a.verdicts().size() == 1);
}

TEST_CASE("EOF of bfdd's connection is not leaving: its wishes stand until its next ADDs are in") {
    Pair pair;
    control::BfddRequest request{.lid = 77, .ifindex = {}, .local = {}, .remote = sim::ip("10.8.0.2")};
    request.wish.desired_min_tx = request.wish.required_min_rx = bfd::Microseconds{300'000};
    pair.a.controller.on_request(pair.now(), request);
    pair.run_for(8s);
    pair.a.controller.on_bfdd_gone(pair.now());
    pair.run_for(9min);
    CHECK(pair.a.row().session->status.tx_interval == bfd::Microseconds{300'000});
    request.lid = 78;
    pair.a.controller.on_request(pair.now(), request);
    pair.run_for(10s);
    CHECK(pair.a.row().session->status.tx_interval == bfd::Microseconds{300'000});
    CHECK(pair.a.bfdd.back().lid == 78);
    CHECK(pair.a.controller.counters(77) == nullptr);
    CHECK(pair.a.verdicts().size() == 1);
    SUBCASE("and fall after ten minutes when none comes") {
        pair.a.controller.on_bfdd_gone(pair.now());
        pair.run_for(11min);
        CHECK(pair.a.row().session->status.tx_interval == bfd::Microseconds{50'000});
    }
}

TEST_CASE("a shutdown from bfdd is AdminDown at both ends, and no alarm") {
    Pair pair;
    pair.run_for(5s);
    control::BfddRequest request{.lid = 5, .ifindex = {}, .local = {}, .remote = sim::ip("10.8.0.2")};
    request.wish.shutdown = true;
    pair.a.controller.on_request(pair.now(), request);
    pair.run_for(2s);
    CHECK(pair.a.row().verdict.state == VerdictState::admin_down);
    CHECK(pair.b.row().verdict == policy::Verdict{VerdictState::admin_down, Cause::admin, 10});
    CHECK_FALSE(pair.b.controller.wanted("link")[0].counts_as_down);
    CHECK(pair.b.controller.wanted("link")[0].live);
    request.wish.shutdown = false;
    pair.a.controller.on_request(pair.now(), request);
    pair.run_for(5s);
    CHECK(pair.b.row().verdict.state == VerdictState::up);
}

TEST_CASE("stopping says AdminDown to the peer before it ends") {
    Pair pair;
    pair.run_for(5s);
    CHECK(pair.a.controller.on_stop(pair.now()) == pair.now().steady + 150ms);
    pair.run_for(150ms);
    CHECK(pair.b.row().verdict.state == VerdictState::admin_down);
}

TEST_CASE("an interface that comes back with another index is probed again, and was up before") {
    Pair pair;
    pair.run_for(5s);
    pair.a.controller.on_host(pair.now(), {});
    pair.run_for(1ms);
    CHECK(pair.a.row().verdict == policy::Verdict{VerdictState::down, Cause::interface_gone, 10});
    CHECK(pair.a.controller.wanted("link").empty());
    auto peer_b = sim::peer(0xb, {sim::net("10.8.0.2/32")});
    pair.a.controller.on_host(pair.now(), sim::host("10.8.0.1", {peer_b}, 8));
    pair.run_for(1ms);
    CHECK(pair.a.row().session->key.ifindex.value == 8);
    CHECK(pair.a.row().verdict.state == VerdictState::unknown);  // a fresh session has not failed yet
    pair.run_for(3s);                                            // b still speaks to the old one
    CHECK(pair.a.row().verdict.state == VerdictState::down);
}

TEST_CASE("what an operator ends is no failure: no Down where a session begins anew") {
    Pair pair;
    pair.run_for(5s);
    SUBCASE("the peer is shut down and comes back") {
        control::BfddRequest request{.lid = 5, .remote = sim::ip("10.8.0.2")};
        request.wish.shutdown = true;
        pair.a.controller.on_request(pair.now(), request);
        pair.run_for(2s);
        request.wish.shutdown = false;
        pair.a.controller.on_request(pair.now(), request);
        pair.run_for(5s);
    }
    SUBCASE("the peer leaves a session alone, and takes it up again") {
        auto config = with_link();
        config::Adjacency alone;
        alone.interface = "wg0";
        alone.peer = sim::key(0xb);
        alone.probe = false;
        config.adjacencies.push_back(alone);
        pair.a.controller.on_config(pair.now(), config);
        pair.run_for(2s);
        CHECK(pair.b.row().verdict.state == VerdictState::admin_down);
        pair.a.controller.on_config(pair.now(), with_link());
        pair.run_for(5s);
    }
    CHECK(pair.a.row().verdict.state == VerdictState::up);
    CHECK(pair.b.row().verdict.state == VerdictState::up);
    for (const auto* node : {&pair.a, &pair.b})
        for (const auto& verdict : node->verdicts()) CHECK(verdict.find(">down") == std::string::npos);
}

TEST_CASE("a peer that is probed at another address has not failed there: no Down until it was up there") {
    Pair pair;
    pair.run_for(5s);
    REQUIRE(pair.a.row().verdict.state == VerdictState::up);
    auto cause = Cause::never_up;
    SUBCASE("a reload gives it another address") {
        cause = Cause::wrong_allowed_ips;  // 10.8.0.2 alone
        auto config = with_link();
        config::Adjacency moved;
        moved.interface = "wg0";
        moved.peer = sim::key(0xb);
        moved.address = sim::ip("10.8.0.3");
        config.adjacencies.push_back(moved);
        pair.a.controller.on_config(pair.now(), config);
    }
    SUBCASE("the interface is renumbered before the peer's is, with a moment without any address") {
        auto host = sim::host("10.9.0.1", {sim::peer(0xb, {sim::net("10.9.0.2/32")})});
        auto bare = host;
        bare.links[0].addresses.clear();
        pair.a.controller.on_host(pair.now(), bare);
        pair.run_for(1ms);
        pair.a.controller.on_host(pair.now(), host);
    }
    pair.run_for(10s);
    CHECK(pair.a.row().verdict == policy::Verdict{VerdictState::unknown, cause, 10});
    CHECK(pair.a.controller.were_up().empty());
    for (const auto& verdict : pair.a.verdicts()) CHECK(verdict.find(">down") == std::string::npos);
}

TEST_CASE("with require_proof a healthy path is given time to prove itself") {
    auto config = with_link();
    config.probe.require_proof = true;
    Pair pair{config};
    pair.run_for(1ms);
    CHECK_FALSE(pair.a.controller.wanted("link")[0].counts_as_down);
    pair.run_for(5s);
    CHECK(pair.a.row().verdict.state == VerdictState::up);
}

TEST_CASE("another peer's coming does not end a session that is up") {
    Pair pair;
    pair.a.controller.on_host(pair.now(), [] {
        auto host = sim::host("10.8.0.1", {sim::peer(0xb, {sim::net("0.0.0.0/0")})});
        host.links[0].addresses[0].prefix_length = 30;
        return host;
    }());
    pair.run_for(5s);
    REQUIRE(pair.a.row().source == adjacency::AddressSource::subnet);
    REQUIRE(pair.a.row().verdict.state == VerdictState::up);
    pair.a.controller.on_host(pair.now(), [] {
        auto host = sim::host("10.8.0.1", {sim::peer(0xb, {sim::net("0.0.0.0/0")}), sim::peer(0xc, {})});
        host.links[0].addresses[0].prefix_length = 30;
        return host;
    }());
    pair.run_for(1s);
    CHECK(pair.a.row().verdict.state == VerdictState::up);
}

TEST_CASE("bfdd's request follows its interface to another index: bfdd does not ask anew") {
    Pair pair;
    control::BfddRequest request{
        .lid = 9, .ifindex = base::IfIndex{7}, .interface = "wg0", .remote = sim::ip("10.8.0.2")};
    pair.a.controller.on_request(pair.now(), request);
    pair.run_for(5s);
    REQUIRE(pair.a.row().session->asked_by == std::vector<std::string>{"bfdd"});
    pair.a.controller.on_host(pair.now(), {});
    pair.run_for(1ms);
    CHECK(pair.a.controller.rows().size() == 1);
    CHECK(pair.a.engine.size() == 0);
    CHECK(pair.a.bfdd.back().status.state == bfd::State::down);  // it must not go on believing Up
    auto without_address = sim::host("10.8.0.1", {}, 8);
    without_address.links[0].addresses.clear();
    pair.a.controller.on_host(pair.now(), without_address);  // as it is made: the index first, the address later
    pair.run_for(1ms);
    pair.a.controller.on_host(pair.now(), sim::host("10.8.0.1", {sim::peer(0xb, {sim::net("10.8.0.2/32")})}, 8));
    pair.run_for(1ms);
    CHECK(pair.a.controller.rows().size() == 1);
    CHECK(pair.a.row().session->key.ifindex.value == 8);
    CHECK(pair.a.row().session->asked_by == std::vector<std::string>{"bfdd"});
}

TEST_CASE("a configured session waits for the interface that has its address, and says so") {
    config::Config config;
    config::Session session;
    session.name = "route-server";
    session.local = sim::ip("10.8.0.1");
    session.remote = sim::ip("10.8.0.9");
    config.sessions.push_back(session);
    sim::World world{config, {}};
    world.run_for(1ms);
    CHECK(world.a.row().name == "route-server");
    CHECK(world.a.row().verdict == policy::Verdict{VerdictState::unknown, Cause::interface_gone, 10});
    CHECK_FALSE(world.a.row().session);
    world.a.controller.on_host(world.now(), sim::host("10.8.0.1", {}));
    world.run_for(1ms);
    REQUIRE(world.a.controller.rows().size() == 1);
    CHECK(world.a.row().session->key.ifindex.value == 7);
    CHECK(world.a.row().name == "route-server");
}

TEST_CASE("a peer that is taken away leaves no ghost; a configured one stays, with its cause") {
    auto config = with_link();
    SUBCASE("discovered") {
        Pair pair{config};
        pair.run_for(5s);
        pair.a.controller.on_host(pair.now(), sim::host("10.8.0.1", {}));
        pair.run_for(1ms);
        CHECK(pair.a.controller.rows().empty());
        CHECK(pair.a.engine.size() == 0);
    }
    SUBCASE("configured") {
        config::Adjacency wanted;
        wanted.name = "paris";
        wanted.interface = "wg0";
        wanted.peer = sim::key(0xb);
        config.adjacencies.push_back(wanted);
        Pair pair{config};
        pair.run_for(5s);
        pair.a.controller.on_host(pair.now(), sim::host("10.8.0.1", {}));
        pair.run_for(1ms);
        CHECK(pair.a.row().name == "paris");
        CHECK(pair.a.row().verdict == policy::Verdict{VerdictState::down, Cause::peer_removed, 10});
        CHECK(pair.a.engine.size() == 0);
    }
}

TEST_CASE("a peer without an endpoint, or with probe = false, is not probed") {
    auto config = with_link();
    SUBCASE("no endpoint") {
        sim::World world{config, config};
        auto silent = sim::peer(0xb, {sim::net("10.8.0.2/32")});
        silent.endpoint.reset();
        world.a.controller.on_host(world.now(), sim::host("10.8.0.1", {silent}));
        world.run_for(1s);
        CHECK(world.a.engine.size() == 0);
        CHECK(world.a.row().verdict.cause == Cause::no_endpoint);
    }
    SUBCASE("probe = false") {
        config::Adjacency wanted;
        wanted.interface = "wg0";
        wanted.peer = sim::key(0xb);
        wanted.probe = false;
        config.adjacencies.push_back(wanted);
        Pair pair{config};
        pair.run_for(1s);
        CHECK(pair.a.engine.size() == 0);
    }
}

TEST_CASE("after a restart what was up is judged anew when three seconds have passed, not before") {
    Pair pair;
    pair.a.controller.on_adopt(pair.now(), {sim::a_saw_b()});
    pair.cut();
    pair.run_for(2999ms);
    CHECK(pair.a.row().verdict.state == VerdictState::unknown);
    CHECK(pair.a.feeds_applied == 0);
    pair.run_for(2ms);
    CHECK(pair.a.row().verdict.state == VerdictState::down);
    CHECK(pair.a.feeds_applied == 1);
}

TEST_CASE("what was up before a restart is another peer, or at another address, by now: it has yet to be up") {
    auto config = with_link();
    config::Adjacency paris;
    paris.name = "paris";
    paris.interface = "wg0";
    paris.peer = sim::key(0xb);
    config.adjacencies.push_back(paris);
    auto was = sim::a_saw_b();
    auto expected = VerdictState::unknown;
    SUBCASE("the same one") { expected = VerdictState::down; }
    SUBCASE("another key") { was.peer = sim::key(0xc); }
    SUBCASE("another interface") { was.interface = "wg1"; }
    SUBCASE("another address of the peer's") { was.remote = sim::ip("10.8.0.3"); }
    SUBCASE("another address of ours") { was.local = sim::ip("10.8.0.9"); }
    for (const bool known_late : {false, true}) {
        CAPTURE(known_late);
        sim::World world{config, with_link()};
        world.a.controller.on_adopt(world.now(), {was});
        world.cut_a_to_b = world.cut_b_to_a = true;
        if (known_late) world.run_for(5s);
        world.a.controller.on_host(world.now(), sim::host("10.8.0.1", {sim::peer(0xb, {sim::net("10.8.0.2/32")})}));
        world.run_for(10s);
        REQUIRE(world.a.row().name == "paris");
        CHECK(world.a.row().verdict.state == expected);
        CHECK(world.a.controller.were_up().empty() == (expected == VerdictState::unknown));
    }
}

TEST_CASE("after a restart a host that stands still has judged nobody when it goes on") {
    Pair pair;
    pair.a.controller.on_adopt(pair.now(), {sim::a_saw_b()});
    pair.cut();  // nothing is heard before it stands still
    SUBCASE("at once") { pair.run_for(100ms); }
    SUBCASE("shortly before it judges") { pair.run_for(2'900ms); }
    pair.mend();
    pair.elapsed += 10s;
    pair.run_for(6s);
    CHECK(pair.a.row().verdict.state == VerdictState::up);
    for (const auto& verdict : pair.a.verdicts()) CHECK(verdict.find(">down") == std::string::npos);
}

TEST_CASE("after a restart the feeds wait for sessions that began a little later than the daemon") {
    sim::World world{with_link(), with_link()};
    world.a.controller.on_adopt(world.now(), {sim::a_saw_b()});
    world.run_for(20ms);  // until the host is known
    auto peer = sim::peer(0xb, {sim::net("10.8.0.2/32")});
    peer.latest_handshake = world.now().wall - 1s;
    world.a.controller.on_host(world.now(), sim::host("10.8.0.1", {peer}));
    world.run_for(2999ms);
    CHECK(world.a.row().verdict.state == VerdictState::unknown);
    CHECK(world.a.feeds_applied == 0);  // unknown with a fresh handshake counts as live: link would go UP and back
    world.run_for(2ms);
    CHECK(world.a.row().verdict.state == VerdictState::down);
    CHECK(world.a.feeds_applied == 1);
}

TEST_CASE("RFC 9468 §2: an unsolicited session is granted within its prefixes and its maximum, and ends after Down") {
    auto config_a = with_link();
    config_a.interfaces[0].unsolicited = {sim::net("10.9.0.0/24")};
    config_a.interfaces[0].unsolicited_max = 1;
    auto config_b = with_link();
    config::Session session;
    session.local = sim::ip("10.9.0.2");
    session.remote = sim::ip("10.8.0.1");
    session.interface = "wg0";
    config_b.sessions.push_back(session);
    sim::World world{config_a, config_b};
    auto silent = sim::peer(0xb, {sim::net("10.9.0.0/24")});  // no host in it: a resolves nothing
    auto host_a = sim::host("10.8.0.1", {silent});
    world.a.controller.on_host(world.now(), host_a);
    world.b.controller.on_host(world.now(), sim::host("10.9.0.2", {}));
    world.run_for(6s);
    CHECK(world.a.row().further.empty());  // RFC 9468 §2: 10.9.0.2 is in no subnet of a's interface
    host_a.links[0].addresses[0].prefix_length = 15;
    world.a.controller.on_host(world.now(), host_a);
    world.run_for(6s);
    REQUIRE(world.a.row().further.size() == 1);
    CHECK(world.a.row().further[0].status.state == bfd::State::up);
    CHECK(world.a.row().further[0].asked_by == std::vector<std::string>{"unsolicited"});
    CHECK(world.a.controller.wanted("link")[0].verdict.state == VerdictState::unknown);
    CHECK(world.a.row().verdict.state == VerdictState::unknown);
    world.cut_a_to_b = world.cut_b_to_a = true;
    world.run_for(59s);
    CHECK(world.a.engine.size() == 1);
    world.run_for(2s);
    CHECK(world.a.engine.size() == 0);
}

}  // namespace
