#include "frr/wishes.hpp"

#include <doctest/doctest.h>

#include "policy/cost.hpp"
#include "wanted_peers.hpp"

using namespace frr;
using enum policy::VerdictState;
using test::Peers;

namespace {

InterfaceWish wish(const Peers& peers) { return peers.wishes().interfaces.at("wg0"); }

RunningNeighbor standing_on(const char* interface) {
    RunningNeighbor out;
    out.interface = interface;
    return out;
}
RunningNeighbor unnumbered() {
    RunningNeighbor out;
    out.unnumbered = true;
    return out;
}

}  // namespace

TEST_CASE("an interface stands as the best of its peers") {
    CHECK(wish(Peers{}.add("wg0", "10.8.0.1", up)) == InterfaceWish{});
    CHECK(wish(Peers{}.add("wg0", "10.8.0.1", down)).standing == Standing::down);
    CHECK(wish(Peers{}.add("wg0", "10.8.0.1", down).add("wg0", "10.8.0.2", up)) == InterfaceWish{});
    CHECK(wish(Peers{}.add("wg0", "10.8.0.1", down).add("wg0", "10.8.0.2", degraded, 25)) ==
          InterfaceWish{Standing::degraded, 25});
    CHECK(wish(Peers{}.add("wg0", "10.8.0.1", admin_down, policy::cost_when_drained)) ==
          InterfaceWish{Standing::degraded, 60'000});  // drained: shut on purpose, and not to be chosen again
    auto dear = Peers{}.add("wg0", "10.8.0.1", degraded, 120);
    dear.peers[0].verdict.base_cost = 40;
    CHECK(wish(dear) == InterfaceWish{Standing::degraded, 30});  // three times what it costs at its best
    CHECK(wish(Peers{}.add("wg0", "10.8.0.1", degraded, 40).add("wg0", "10.8.0.2", degraded, 25)) ==
          InterfaceWish{Standing::degraded, 25});
    CHECK(wish(Peers{}.add("wg0", "10.8.0.1", degraded, 40).add("wg0", "10.8.0.2", up)) == InterfaceWish{});
}

TEST_CASE("a peer that does not name the feed counts for its interface all the same, and is not told") {
    const auto peers = Peers{}.add("wg0", "10.8.0.1", down).add("wg0", "10.8.0.2", up, 10, false);
    CHECK(wish(peers) == InterfaceWish{});
    REQUIRE(peers.wishes().peers.size() == 1);
    CHECK_FALSE(peers.wishes().peers[0].alone);
    CHECK(Peers{}.add("wg0", "10.8.0.1", down, 10, false).wishes() == Wishes{});
}

TEST_CASE("a peer in a VRF raises its interface's cost, and is no neighbour of bgpd's default instance") {
    auto peers = Peers{}.add("wg0", "10.8.0.1", down);
    peers.peers[0].adjacency.vrf = {9};
    const auto wishes = peers.wishes();
    CHECK(wishes.interfaces.at("wg0").standing == Standing::down);
    CHECK(PeerLookup{wishes, {}}.find("10.8.0.1", {}) == nullptr);
    CHECK(PeerLookup{wishes, {}}.find("wg0", unnumbered()) == nullptr);
}

TEST_CASE("what was never up, or is down on purpose, changes nothing") {
    for (const auto state : {unknown, admin_down})
        CHECK(wish(Peers{}.add("wg0", "10.8.0.1", state)) == InterfaceWish{});
}

TEST_CASE("a live peer of unknown state keeps its interface; one that is not live does not") {
    auto peers = Peers{}.add("wg0", "10.8.0.1", down).add("wg0", "10.8.0.2", unknown);
    CHECK(wish(peers).standing == Standing::down);
    peers.peers[1].live = true;
    CHECK(wish(peers).standing == Standing::fine);
}

TEST_CASE("a neighbour of bgpd's is the peer with its tunnel address") {
    const auto wishes =
        Peers{}.add("wg0", "10.8.0.1", up).add("wg0", "10.8.0.2", up).add("wg1", "fe80::2", up).wishes();
    const std::vector links{test::link(3, "wg0", "10.8.0.254", 24), test::link(4, "wg1", "fe80::1", 64)};
    const PeerLookup peers{wishes, links};
    CHECK(peers.find("10.8.0.2", {}) == &wishes.peers[1]);
    CHECK(peers.find("10.8.0.3", {}) == nullptr);  // two peers on wg0: nobody knows whose
    CHECK(peers.find("fe80::2", standing_on("wg1")) == &wishes.peers[2]);
    CHECK(peers.find("fe80::2", standing_on("wg2")) == nullptr);
    CHECK(peers.find("wg0", unnumbered()) == nullptr);
    CHECK(peers.find("wg1", unnumbered()) == &wishes.peers[2]);
    CHECK(peers.find("wg1", {}) == nullptr);
}

TEST_CASE("of an interface with one peer, a neighbour in its prefixes or on it is that peer too") {
    const auto wishes = Peers{}.add("wg0", "10.8.0.1", up).add("wg1", "10.8.1.1", up).wishes();
    std::vector links{test::link(3, "wg0", "fd00::1", 64), test::link(4, "wg1", "10.8.1.0", 31),
                      test::link(2, "eth0", "192.0.2.1", 24)};
    CHECK(PeerLookup{wishes, links}.find("fd00::2", {}) == &wishes.peers[0]);
    CHECK(PeerLookup{wishes, links}.find("fe80::7", standing_on("wg1")) == &wishes.peers[1]);
    CHECK(PeerLookup{wishes, links}.find("192.0.2.2", {}) == nullptr);
    CHECK(PeerLookup{wishes, links}.find("fd00:1::2", {}) == nullptr);
    SUBCASE("a longer prefix elsewhere is somebody else's") {
        links[2] = test::link(2, "eth0", "fd00::5", 120);
        CHECK(PeerLookup{wishes, links}.find("fd00::2", {}) == nullptr);
    }
    SUBCASE("two interfaces with the same prefix tell nothing") {
        links[1] = test::link(4, "wg1", "fd00::3", 64);
        CHECK(PeerLookup{wishes, links}.find("fd00::2", {}) == nullptr);
    }
}
