// Addresses from the routing daemon's neighbours, in virtual time: found late, kept through restarts, moved on
// evidence.
#include <doctest/doctest.h>

#include "sim/world.hpp"

namespace {

using namespace std::chrono_literals;
using policy::Cause;
using policy::VerdictState;

adjacency::Neighbor neighbor(std::string_view remote, bool heard = true) {
    return {.interface = "wg0", .local = {}, .remote = sim::ip(remote), .direct = true, .heard = heard};
}

// a's WireGuard does not tell where b is; b's tells all.
struct Dn42 : sim::World {
    Dn42() : World{{}, {}} {
        auto peer_b = sim::peer(0xb, {sim::net("0.0.0.0/0")});
        auto peer_a = sim::peer(0xa, {sim::net("10.8.0.1/32")});
        a.controller.on_host(now(), sim::host("10.8.0.1", {peer_b}));
        b.controller.on_host(now(), sim::host("10.8.0.2", {peer_a}));
    }
    void tell(std::vector<adjacency::Neighbor> all) { a.controller.on_neighbors(now(), std::move(all)); }
};

}  // namespace

TEST_CASE("a peer whose address only the routing daemon knows is probed once it says so") {
    Dn42 world;
    world.run_for(5s);
    CHECK(world.a.row().unresolved == adjacency::ResolveStep::no_candidate);
    CHECK(world.a.controller.wants_neighbors());
    CHECK_FALSE(world.b.controller.wants_neighbors());
    world.tell({neighbor("10.8.0.2")});
    world.run_for(5s);
    CHECK(world.a.row().verdict.state == VerdictState::up);
    CHECK(world.a.row().source == adjacency::AddressSource::routing);
    CHECK(world.a.row().remote == sim::ip("10.8.0.2"));
    CHECK(world.a.controller.wants_neighbors());  // it relies on them
}

TEST_CASE("a routing daemon that restarts takes no session down") {
    Dn42 world;
    world.tell({neighbor("10.8.0.2")});
    world.run_for(5s);
    const auto before = world.a.row().session->status.local_discriminator;
    world.tell({});
    world.run_for(5s);
    world.tell({neighbor("10.8.0.9", false)});
    world.run_for(5s);
    CHECK(world.a.row().verdict.state == VerdictState::up);
    CHECK(world.a.row().session->status.local_discriminator == before);
    CHECK(world.a.verdicts().size() == 1);
    world.tell({neighbor("10.8.0.2")});
    world.run_for(5s);
    CHECK(world.a.verdicts().size() == 1);
    CHECK(world.a.row().session->status.local_discriminator == before);
}

TEST_CASE("an address that never proved itself gives way to a neighbour that is heard") {
    Dn42 world;
    world.tell({neighbor("10.8.0.9", false)});
    world.run_for(5s);
    CHECK(world.a.row().remote == sim::ip("10.8.0.9"));
    CHECK(world.a.row().verdict.cause == Cause::never_up);
    world.tell({});
    CHECK(world.a.row().remote == sim::ip("10.8.0.9"));  // nothing better is known
    world.tell({neighbor("10.8.0.2"), neighbor("10.8.0.9", false)});
    world.run_for(5s);
    CHECK(world.a.row().remote == sim::ip("10.8.0.2"));
    CHECK(world.a.row().verdict.state == VerdictState::up);
}

TEST_CASE("one that did moves when another neighbour is heard in its place, and not before") {
    Dn42 world;
    world.tell({neighbor("10.8.0.2")});
    world.run_for(5s);
    world.tell({neighbor("10.8.0.9"), neighbor("10.8.0.2", false)});
    world.run_for(1s);
    CHECK(world.a.row().remote == sim::ip("10.8.0.2"));
    world.tell({neighbor("10.8.0.9")});
    world.run_for(1s);
    CHECK(world.a.row().remote == sim::ip("10.8.0.9"));
}

TEST_CASE("nobody wants neighbours for a peer that has an address, or is left alone") {
    config::Config config;
    auto& entry = config.adjacencies.emplace_back();
    entry.interface = "wg0";
    entry.peer = sim::key(0xb);
    entry.address = sim::ip("10.8.0.7");
    sim::World world{config, {}};
    world.a.controller.on_host(world.now(), sim::host("10.8.0.1", {sim::peer(0xb, {sim::net("0.0.0.0/0")})}));
    CHECK_FALSE(world.a.controller.wants_neighbors());
    config.adjacencies[0].address.reset();
    world.a.controller.on_config(world.now(), config);
    CHECK(world.a.controller.wants_neighbors());
    config.adjacencies[0].probe = false;
    world.a.controller.on_config(world.now(), config);
    CHECK_FALSE(world.a.controller.wants_neighbors());
}
