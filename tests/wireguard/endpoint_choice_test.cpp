// Where a peer is to be reached: what is tried, when, and what is left alone. In virtual time.
#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "wireguard/endpoint_choice.hpp"

using namespace std::chrono_literals;
using wireguard::EndpointAction;
using wireguard::EndpointChoice;
using wireguard::EndpointTimes;
using Kind = EndpointAction::Kind;

namespace {

base::Endpoint at(const char* address) { return {*base::IpAddress::parse(address), 51820}; }
const auto a = at("192.0.2.1"), b = at("192.0.2.2"), elsewhere = at("203.0.113.9");
const base::WallTime noon{std::chrono::hours{24 * 365 * 56}};

// A peer whose endpoint is what was last set; the test says whether it is heard.
struct World {
    explicit World(std::vector<base::Endpoint> all = {a, b}) {
        view.endpoint = a;
        view.up = view.ever_up = true;
        view.latest_handshake = noon - 30s;
        view.rtt = 20ms;
        choice.on_candidates(std::move(all), 1);
        see();
    }
    base::Now now() const { return {base::TimePoint{} + elapsed, noon + elapsed}; }
    void see() {
        view.read_at = now().steady;
        choice.on_view(now(), view, times);
    }
    void fail() {
        view.up = false;
        view.failed = true;
        see();
    }
    void hear() {
        view.rx_bytes += 100;
        see();
    }
    void handshake() {
        view.latest_handshake = now().wall;
        hear();
    }
    void come_up() {
        view.up = true;
        view.failed = false;
        see();
    }
    // What is done until then, each as "ms kind last-digit".
    std::vector<std::string> run(base::Duration time) {
        std::vector<std::string> out;
        for (const auto end = elapsed + time; elapsed < end; elapsed += 1ms) {
            if (elapsed % 50ms == 0ms) see();
            const auto action = choice.next(now().steady, times);
            if (!action) continue;
            const auto kind = action->kind == Kind::keep ? "keep" : action->kind == Kind::fresh ? "fresh" : "trial";
            out.push_back(std::to_string(elapsed / 1ms) + " " + kind + " " +
                          std::to_string(action->to.address.bytes[3]));
            if (action->kind != Kind::trial || trial_answers) view.endpoint = action->to;
            if (action->kind == Kind::fresh) {
                view.rx_bytes = 0;
                view.latest_handshake.reset();
            }
            choice.on_done(now().steady, action->kind != Kind::trial || trial_answers);
        }
        return out;
    }
    EndpointChoice choice;
    EndpointTimes times;
    wireguard::PeerView view;
    base::Duration elapsed{1s};
    bool trial_answers = true;
};
using Done = std::vector<std::string>;

}  // namespace

TEST_CASE("not heard: the other endpoint at once with the keys kept, then all of them in turn with fresh ones") {
    World world;
    CHECK(world.run(10s).empty());
    world.elapsed = 0s;
    world.fail();
    CHECK(world.run(3s) == Done{"0 keep 2", "1250 fresh 2", "1750 fresh 1", "2250 fresh 2", "2750 fresh 1"});
}

TEST_CASE("one endpoint alone: its keys have a second to come back by themselves") {
    World world{{a}};
    world.elapsed = 0s;
    world.fail();
    CHECK(world.run(2100ms) == Done{"1000 fresh 1", "1500 fresh 1", "2000 fresh 1"});
}

TEST_CASE("keys that have expired are not spared, and a long round trip has its time") {
    World old{{a}};
    old.elapsed = 200s;
    old.fail();
    CHECK(old.run(600ms) == Done{"200000 fresh 1", "200500 fresh 1"});
    World far{{a}};
    far.view.rtt = 600ms;
    far.elapsed = 0s;
    far.fail();
    CHECK(far.run(4s) == Done{"1000 fresh 1", "2400 fresh 1", "3800 fresh 1"});
}

TEST_CASE("of an unknown round trip every tenth turn is long; after ten minutes all are") {
    World world{{a}};
    world.view.rtt.reset();
    world.elapsed = 0s;
    world.fail();
    const auto done = world.run(9s);
    REQUIRE(done.size() == 11);
    CHECK(done[9] == "5500 fresh 1");
    CHECK(done[10] == "8500 fresh 1");
    world.run(600s);
    CHECK(world.run(50s).size() == 10);
}

TEST_CASE("what is heard is left alone: by its bytes, or by a handshake; for 15 s at a time") {
    World world;
    world.elapsed = 0s;
    world.fail();
    CHECK(world.run(400ms) == Done{"0 keep 2"});
    world.hear();
    CHECK(world.run(14s).empty());
    world.hear();
    CHECK(world.run(14'900ms).empty());
    CHECK(!world.run(2s).empty());
    World kicked{{a}};
    kicked.elapsed = 0s;
    kicked.fail();
    CHECK(kicked.run(1200ms).size() == 1);
    kicked.handshake();
    CHECK(kicked.run(14s).empty());
    kicked.come_up();
    CHECK(kicked.run(100s).empty());
}

TEST_CASE("bytes and a handshake from before it failed are no sign of life") {
    World world{{a}};
    world.elapsed = 0s;
    world.fail();
    world.elapsed = 20ms;
    world.view.rx_bytes += 5'000;
    world.view.latest_handshake = noon - 1s;  // read only now
    world.see();
    CHECK(world.run(1100ms) == Done{"1000 fresh 1"});
}

TEST_CASE("a peer that does not hear us is heard in vain: only a handshake counts") {
    World world;
    world.elapsed = 0s;
    world.view.one_way = true;
    world.fail();
    CHECK(world.run(400ms) == Done{"0 keep 2"});
    world.hear();
    CHECK(world.run(1s) == Done{"1250 fresh 2"});
    world.handshake();
    CHECK(world.run(10s).empty());
}

TEST_CASE("never Up: five seconds first, and never while WireGuard has a handshake: it may speak no BFD") {
    World world;
    world.view.up = world.view.ever_up = false;
    world.view.latest_handshake.reset();
    world.elapsed = 0s;
    world.fail();
    CHECK(world.run(5600ms) == Done{"5000 fresh 1", "5500 fresh 2"});
    World mute;
    mute.view.ever_up = false;
    mute.elapsed = 0s;
    mute.fail();
    CHECK(mute.run(149s).empty());
    CHECK(mute.run(1600ms) == Done{"150000 fresh 1", "150500 fresh 2"});
}

TEST_CASE("without an endpoint there is one to set, at once") {
    World world;
    world.view = {};
    world.elapsed = 0s;
    world.fail();
    CHECK(world.run(100ms) == Done{"0 fresh 1"});
    World none{{}};
    none.fail();
    CHECK(none.run(10s).empty());
    none.choice.on_candidates({a}, 1);  // its name is resolved
    CHECK(none.run(2s) == Done{"11000 keep 1", "12250 fresh 1", "12750 fresh 1"});
}

TEST_CASE("without kicks the endpoints alone go round") {
    World world;
    world.times.kick = false;
    world.elapsed = 0s;
    world.fail();
    CHECK(world.run(3s) == Done{"0 keep 2", "1250 keep 1", "2500 keep 2"});
    World one{{a}};
    one.times.kick = false;
    one.fail();
    CHECK(one.run(100s).empty());
}

TEST_CASE("a peer that moved by itself stays there; when it fails, there is tried too") {
    World world;
    world.view.endpoint = elsewhere;
    world.see();
    CHECK(world.run(2'000s).empty());
    world.elapsed = 0s;
    world.view.latest_handshake = noon - 1s;
    world.fail();
    CHECK(world.run(4s) == Done{"0 keep 1", "1250 keep 2", "2500 fresh 2", "3000 fresh 9", "3500 fresh 1"});
}

TEST_CASE("Up elsewhere for fail_back: the preferred one is tried; in vain, again after twice the time") {
    World world;
    world.times.fail_back = 60s;
    world.trial_answers = false;
    world.elapsed = 0s;
    world.fail();
    world.run(300ms);
    world.elapsed = 1s;
    world.come_up();
    CHECK(world.run(425s) == Done{"61000 trial 1", "181000 trial 1", "421000 trial 1"});
    world.trial_answers = true;
    CHECK(world.run(1'000s).size() == 1);
    CHECK(world.view.endpoint == a);
    CHECK(world.run(10'000s).empty());
}

TEST_CASE("fail_back = 0: never") {
    World world;
    world.times.fail_back = 0s;
    world.view.endpoint = b;
    world.see();
    CHECK(world.run(10'000s).empty());
}

TEST_CASE("what WireGuard was asked before the peer failed says nothing of it, however late the answer comes") {
    World world{{a}};
    world.fail();
    world.elapsed += 400ms;
    world.view.read_at = world.now().steady - 450ms;
    world.view.rx_bytes += 100;  // heard before it died
    world.choice.on_view(world.now(), world.view, world.times);
    world.elapsed += 100ms;
    world.see();
    const auto tried = world.run(1s);  // a second after it failed
    REQUIRE(!tried.empty());
    CHECK(tried.front() == "2000 fresh 1");
}
