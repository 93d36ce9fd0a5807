// A worker that goes on where another one left off: control and probe, by what stands in the records and nothing else.
#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "control/memory.hpp"
#include "probe/store.hpp"
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

// Two ends, of which `a` dies and has successors.
struct Mortal : sim::World {
    explicit Mortal(const config::Config& all = with_link()) : World{all, all}, config{all} {
        open();
        tell_host(a, "10.8.0.1", 0xb, "10.8.0.2/32");
        tell_host(b, "10.8.0.2", 0xa, "10.8.0.1/32");
    }

    control::Host host_of(const char* address, std::uint8_t key, const char* allowed) const {
        auto peer = sim::peer(key, {sim::net(allowed)});
        peer.latest_handshake = sim::at(0s).wall;
        return sim::host(address, {peer});
    }
    void tell_host(sim::Node& node, const char* address, std::uint8_t key, const char* allowed) {
        node.controller.on_host(now(), host_of(address, key, allowed));
    }
    void know_host() { tell_host(a, "10.8.0.1", 0xb, "10.8.0.2/32"); }
    void know_links() {
        auto host = host_of("10.8.0.1", 0xb, "10.8.0.2/32");
        host.devices.clear();
        a.controller.on_host(now(), host);
    }

    // kill -9, and the next one `after` so long.
    void kill(base::Duration after = 15ms) {
        const auto left = memory;
        std::destroy_at(&a);
        elapsed += after;
        std::construct_at(&a, config, ++seed, now());
        open();
        a.controller.recall(now(), control::read_memory(left));
    }
    void replace(base::Duration after = 15ms) {
        kill(after);
        run_for(5ms);
        know_links();
        run_for(5ms);
        know_host();
    }
    void keep_everything() {
        while (a.controller.keep_some()) continue;
    }
    std::size_t transitions(const sim::Node& node) const {
        return static_cast<std::size_t>(std::ranges::count(node.records, "session", &control::Record::event));
    }
    void open() {
        memory.assign(probe::Store::size(), std::byte{});
        store.emplace(memory);
        a.controller.keep_in(*store);
    }

    config::Config config;
    std::vector<std::byte> memory;
    std::optional<probe::Store> store;
    std::uint64_t seed = 10;
};

TEST_CASE("killed again and again, a worker is replaced and its peer notices nothing") {
    Mortal pair;
    pair.run_for(5s);
    REQUIRE(pair.b.row().verdict.state == VerdictState::up);
    const auto told = pair.transitions(pair.b);
    const auto since = pair.a.row().since;
    const auto mine = pair.a.row().session->status.local_discriminator;
    for (int i = 0; i < 50; ++i) {
        pair.replace(5ms + i * 1ms);
        pair.run_for(700ms + i * 7ms);
        REQUIRE(pair.a.row().verdict.state == VerdictState::up);
        CHECK(pair.a.verdicts().empty());
        CHECK(pair.transitions(pair.a) == 0);
    }
    CHECK(pair.transitions(pair.b) == told);
    CHECK(pair.a.row().since == since);
    CHECK(pair.a.row().session->status.local_discriminator == mine);
    CHECK(pair.a.row().session->counters->ups.value() == 1);
    CHECK(pair.b.row().session->counters->downs.value() == 0);
}

TEST_CASE("killed before its probe thread has taken a session up, a worker leaves all that it found") {
    Mortal pair;
    pair.run_for(5s);
    const auto told = pair.transitions(pair.b);
    const auto mine = pair.a.row().session->status.local_discriminator;
    for (int i = 0; i < 3; ++i) {
        pair.kill();
        REQUIRE(control::read_memory(pair.memory).sessions.size() == 1);
    }
    pair.replace();
    pair.run_for(2s);
    CHECK(pair.a.row().session->status.local_discriminator == mine);
    CHECK(pair.a.row().verdict.state == VerdictState::up);
    CHECK(pair.transitions(pair.b) == told);
}

TEST_CASE("a worker killed while it polls goes on, and both ends agree on the new intervals") {
    for (int moment = 0; moment < 60; ++moment) {
        Mortal pair;
        pair.run_for(5s);
        pair.config.probe.interval = bfd::Microseconds{200'000};
        pair.a.controller.on_config(pair.now(), pair.config);
        pair.run_for(moment * 5ms);
        pair.replace();
        pair.run_for(3s);
        CHECK(pair.a.row().session->status.tx_interval == bfd::Microseconds{200'000});
        CHECK(pair.b.row().session->status.rx_interval == bfd::Microseconds{200'000});
        CHECK(pair.a.row().session->status.state == bfd::State::up);
        CHECK(pair.b.row().session->counters->downs.value() == 0);
    }
}

TEST_CASE("killed at any moment of the way up, the session comes up all the same") {
    for (int moment = 0; moment < 40; ++moment) {
        Mortal pair;
        pair.run_for(moment * 60ms + 1ms);
        pair.replace();
        pair.run_for(5s);
        CHECK(pair.a.row().verdict.state == VerdictState::up);
        CHECK(pair.b.row().session->counters->downs.value() == 0);
        CHECK(pair.a.row().session->counters->downs.value() == 0);
    }
}

TEST_CASE("a peer that dies with the worker is found one detection time after the next one began") {
    Mortal pair;
    pair.run_for(5s);
    pair.cut_a_to_b = pair.cut_b_to_a = true;
    pair.replace();
    pair.run_for(138ms);  // 10 ms have passed since it began
    CHECK(pair.a.row().verdict.state == VerdictState::up);
    pair.run_for(4ms);
    CHECK(pair.a.row().verdict.state == VerdictState::down);
    CHECK(pair.a.row().session->counters->downs.value() == 1);
    CHECK(pair.a.feeds_applied > 0);  // nobody waits for three seconds
}

TEST_CASE("what is down stays down, with its cause and since when") {
    Mortal pair;
    pair.run_for(5s);
    pair.cut_a_to_b = pair.cut_b_to_a = true;
    pair.run_for(10s);
    const auto before = pair.a.row();
    REQUIRE(before.verdict.state == VerdictState::down);
    pair.replace();
    pair.run_for(2s);
    CHECK(pair.a.row().verdict == before.verdict);
    CHECK(pair.a.row().since == before.since);
    CHECK(pair.a.verdicts().empty());
    pair.cut_a_to_b = pair.cut_b_to_a = false;
    pair.run_for(5s);
    CHECK(pair.a.row().verdict.state == VerdictState::up);
}

TEST_CASE("a tunnel whose device has yet to be read is not gone: nothing is told before it is") {
    Mortal pair;
    pair.run_for(5s);
    pair.kill();
    pair.know_links();
    pair.run_for(500ms);
    CHECK(pair.a.row().verdict.state == VerdictState::up);
    CHECK(pair.a.verdicts().empty());
    CHECK(pair.a.feeds_applied == 0);
    SUBCASE("it is read") {
        pair.know_host();
        pair.run_for(10ms);
        CHECK(pair.a.verdicts().empty());
        CHECK(pair.a.feeds_applied == 1);
        CHECK(pair.a.controller.wanted("link").size() == 1);
    }
    SUBCASE("it never is") {
        pair.run_for(1600ms);
        CHECK(pair.a.verdicts() == std::vector<std::string>{"up>down interface-gone"});
    }
}

TEST_CASE("a session that nobody asks for again ends some seconds later, and its peer hears AdminDown") {
    Mortal pair;
    pair.run_for(5s);
    pair.kill();
    pair.a.controller.on_host(pair.now(), sim::host("10.8.0.1", {}));  // the operator took the peer away meanwhile
    pair.run_for(4s);
    CHECK(pair.b.row().verdict.state == VerdictState::up);
    pair.run_for(1500ms);
    CHECK(pair.b.row().verdict.state == VerdictState::admin_down);
    CHECK(pair.a.controller.session_keys().empty());
}

TEST_CASE("what bfdd asked for stands, and is told to nobody but the conversation") {
    Mortal pair;
    pair.run_for(5s);
    const control::BfddRequest request{
        .lid = 4711,
        .ifindex = base::IfIndex{7},
        .interface = "wg0",
        .local = {},
        .remote = sim::ip("10.8.0.2"),
        .multihop = false,
        .wish = {.desired_min_tx = bfd::Microseconds{30'000}, .required_min_rx = bfd::Microseconds{30'000}}};
    pair.a.controller.on_request(pair.now(), request);
    pair.run_for(3s);
    REQUIRE(pair.a.row().session->asked_by == std::vector<std::string>{"bfdd"});
    const auto interval = pair.a.row().session->status.tx_interval;
    pair.replace();
    pair.run_for(10s);  // nobody asks again
    CHECK(pair.a.row().session->asked_by == std::vector<std::string>{"bfdd"});
    CHECK(pair.a.row().session->status.tx_interval == interval);
    CHECK(pair.b.row().session->counters->downs.value() == 0);
    REQUIRE(pair.a.bfdd.size() == 1);  // what frr::DataplaneSessions compares with what it has told
    CHECK(pair.a.bfdd[0].status.state == bfd::State::up);
    SUBCASE("a wish that came just before the kill is there") {
        auto other = request;
        other.lid = 4712;
        pair.a.controller.on_request(pair.now(), other);
        pair.replace();
        pair.run_for(1s);
        CHECK(pair.a.controller.counters(4712) != nullptr);
    }
    SUBCASE("one that was withdrawn is not") {
        pair.a.controller.on_withdraw(pair.now(), request.lid);
        pair.replace();
        pair.run_for(1s);
        CHECK(pair.a.controller.counters(4711) == nullptr);
        CHECK(pair.a.row().session->asked_by.empty());
    }
}

TEST_CASE("what a path has behind it is not forgotten: damping goes on over a restart") {
    auto config = with_link();
    config.damping.half_life = 60s;
    Mortal pair{config};
    pair.run_for(5s);
    for (int i = 0; i < 4; ++i) {
        pair.cut_a_to_b = pair.cut_b_to_a = true;
        pair.run_for(1s);
        pair.cut_a_to_b = pair.cut_b_to_a = false;
        pair.run_for(4s);
    }
    REQUIRE(pair.a.row().verdict.cause == Cause::damped);
    const auto points = pair.a.row().path->damping.points(pair.now().steady);
    const auto verdict = pair.a.row().verdict;
    pair.keep_everything();
    pair.replace();
    pair.run_for(1s);
    CHECK(pair.a.row().verdict == verdict);
    CHECK(pair.a.verdicts().empty());
    CHECK(pair.a.row().path->damping.points(pair.now().steady) == doctest::Approx(points).epsilon(0.05));
    pair.run_for(61s);
    CHECK(pair.a.row().verdict.state == VerdictState::up);  // released when it would have been
}

TEST_CASE("a drain is begun once: its five seconds go on over a restart") {
    Mortal pair;
    pair.run_for(5s);
    std::string warning;
    REQUIRE(pair.a.controller.drain(pair.now(), pair.a.row().name, warning));
    pair.run_for(1s);
    pair.keep_everything();
    const auto drained = pair.a.controller.drained();
    pair.kill();
    pair.a.controller.on_drained(drained);
    pair.know_host();
    pair.run_for(2s);
    CHECK(pair.b.row().verdict.state == VerdictState::up);
    pair.run_for(3s);
    CHECK(pair.b.row().verdict.state == VerdictState::admin_down);
}

TEST_CASE("records of which only some bytes came to be written make no false session") {
    Mortal pair;
    pair.run_for(5s);
    const auto whole = pair.memory;
    for (std::size_t i = 0; i < 200; ++i) {
        auto torn = whole;
        for (std::size_t at = 4096 + i; at < 4096 + 448; at += 200) torn[at] ^= std::byte{0x5a};
        for (const auto& session : control::read_memory(torn).sessions)
            CHECK(session.snapshot.status.state <= bfd::State::up);
    }
}

}  // namespace
