// Sessions in VRFs: which one a session belongs to, by configuration and by what bfdd asks for.
#include <doctest/doctest.h>

#include "world.hpp"

using namespace std::chrono_literals;

namespace {

constexpr base::IfIndex red{17}, blue{18};

adjacency::Link vrf(base::IfIndex index, const char* name) {
    adjacency::Link out;
    out.index = index;
    out.name = name;
    out.kind = "vrf";
    out.up = true;
    return out;
}

// wg0 in red and wg1 in blue, with the same addresses and the same peer.
control::Host tenants() {
    auto out = sim::host("10.8.0.1", {sim::peer(0xb, {sim::net("10.8.0.2/32")})}, 7);
    const auto other = sim::host("10.8.0.1", {sim::peer(0xc, {sim::net("10.8.0.2/32")})}, 8);
    out.links.push_back(other.links.front());
    out.devices.push_back(other.devices.front());
    out.links[1].name = out.devices[1].interface = "wg1";
    out.links[0].master = red;
    out.links[1].master = blue;
    out.links.push_back(vrf(red, "red"));
    out.links.push_back(vrf(blue, "blue"));
    return out;
}

// Where the session is that bfdd asks for.
base::IfIndex asked(const control::Host& host) {
    const control::BfddRequest request{
        .lid = 7, .local = sim::ip("10.9.0.1"), .remote = sim::ip("10.9.0.2"), .multihop = true};
    sim::Node node{{}, 1, sim::at(0s)};
    node.controller.on_host(sim::at(0s), host);
    node.controller.on_request(sim::at(0s), request);
    static_cast<void>(node.controller.take(sim::at(0s)));
    const auto all = node.controller.session_keys();
    const auto found = std::ranges::find(all, true, &bfd::SessionKey::multihop);
    REQUIRE(found != all.end());
    return found->ifindex;
}

config::Session far(const char* vrf_name) {
    config::Session out;
    out.name = std::string{"far-"} + vrf_name;
    out.local = sim::ip("10.9.0.1");
    out.remote = sim::ip("10.9.0.2");
    out.multihop = true;
    out.vrf = vrf_name;
    return out;
}

}  // namespace

TEST_CASE("two tenants with the same addresses are two adjacencies with a session each, each in its VRF") {
    sim::Node node{{}, 1, sim::at(0s)};
    node.controller.on_host(sim::at(0s), tenants());
    static_cast<void>(node.controller.take(sim::at(0s)));
    const auto rows = node.controller.rows();
    REQUIRE(rows.size() == 2);
    CHECK(rows[0].session->key.ifindex == base::IfIndex{7});
    CHECK(rows[1].session->key.ifindex == base::IfIndex{8});
    CHECK(rows[0].adjacency->vrf == red);
    CHECK(rows[1].adjacency->vrf == blue);
}

TEST_CASE("a [[session]] of several hops is of the VRF it names, which its row shows, or waits for it") {
    config::Config config;
    config.sessions = {far("red"), far("blue"), far("green"), far("")};
    sim::Node node{config, 1, sim::at(0s)};
    node.controller.on_host(sim::at(0s), tenants());
    static_cast<void>(node.controller.take(sim::at(0s)));
    std::map<std::string, std::string> places;
    for (const auto& row : node.controller.rows())
        if (row.name.starts_with("far-")) places[row.name] = row.interface + (row.session ? "" : " waits");
    CHECK(places == std::map<std::string, std::string>{
                        {"far-red", "red"}, {"far-blue", "blue"}, {"far-green", "green waits"}, {"far-", ""}});
}

TEST_CASE("bfdd does not say the VRF: the one that has the address is meant; where more than one has it, none is") {
    const adjacency::LinkAddress loopback{sim::ip("10.9.0.1"), {}, 32, false};
    auto host = tenants();
    CHECK(asked(host) == base::IfIndex{});
    host.links[2].addresses.push_back(loopback);  // on the VRF's own interface
    CHECK(asked(host) == red);
    host.links[1].addresses.push_back(loopback);  // blue's too
    CHECK(asked(host) == base::IfIndex{});
    host.links[2].addresses.clear();
    CHECK(asked(host) == blue);
}
