// tests/frr/vectors holds what FRR 8.4.4 printed: two routers with a WireGuard interface wg0 and an Ethernet net0, as
// seen by 10.8.0.1; BGP over each, and neighbours that are configured and do not answer.
#include "frr/neighbors_codec.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "vectors.hpp"

using adjacency::Neighbor;
using frr::lacks_interface;
using frr::NeighborSource;
using test::vector;

namespace {

base::IpAddress ip(std::string_view text) { return base::IpAddress::parse(text).value(); }

Neighbor found(const std::vector<Neighbor>& all, std::string_view remote) {
    const auto at = std::ranges::find(all, ip(remote), &Neighbor::remote);
    REQUIRE_MESSAGE(at != all.end(), remote);
    return *at;
}

std::vector<Neighbor> read(NeighborSource source, std::string text) {
    auto out = read_neighbors(source, std::move(text));
    REQUIRE(out.has_value());
    return *out;
}

}  // namespace

TEST_CASE("each daemon is asked for what tells addresses") {
    CHECK(daemon_of(NeighborSource::bgp) == "bgpd");
    CHECK(question_of(NeighborSource::ospf) == "show ip ospf neighbor json");
    CHECK(daemon_of(NeighborSource::ospf6) == "ospf6d");
}

TEST_CASE("BGP: a numbered neighbour, with the address it is spoken to from") {
    const auto all = read(NeighborSource::bgp, vector("bgp_neighbors.json"));
    CHECK(all.size() == 6);
    CHECK(found(all, "10.8.0.2") == Neighbor{"", ip("10.8.0.1"), ip("10.8.0.2"), true, true});
    CHECK(found(all, "10.99.0.9") == Neighbor{"", {}, ip("10.99.0.9"), true, false});  // Active: hostLocal "Unknown"
}

TEST_CASE("BGP: an unnumbered neighbour has the name of its interface, and the address it was heard from") {
    const auto all = read(NeighborSource::bgp, vector("bgp_unnumbered.json"));
    CHECK(found(all, "fe80::2") == Neighbor{"wg0", ip("fe80::1"), ip("fe80::2"), true, true});
    // One of a /30 is given its IPv4 address.
    const auto ethernet = read(NeighborSource::bgp, vector("bgp_neighbors.json"));
    CHECK(ethernet.front() == Neighbor{"net0", ip("192.0.2.1"), ip("192.0.2.2"), true, true});
}

TEST_CASE("BGP: an unnumbered neighbour that was not heard of yet is none") {
    CHECK(read(NeighborSource::bgp, R"({"wg0":{"bgpNeighborAddr":"none","bgpState":"Idle"}})").empty());
}

TEST_CASE("BGP: of a configured link-local neighbour the configuration tells the interface") {
    const auto all = read(NeighborSource::bgp, vector("bgp_unnumbered.json"));
    const auto silent = found(all, "fe80::99");
    CHECK(silent == Neighbor{"", {}, ip("fe80::99"), true, false});
    CHECK(lacks_interface(silent));
    CHECK_FALSE(lacks_interface(found(all, "fe80::2")));
    CHECK_FALSE(lacks_interface(found(all, "10.99.0.9")));
    const auto interfaces = frr::parse_neighbor_interfaces(vector("bgp_running_config.txt"));
    CHECK(interfaces == std::map<base::IpAddress, std::string>{{ip("fe80::2"), "wg0"}, {ip("fe80::99"), "wg0"}});
}

TEST_CASE("BGP: or its source does") {
    const auto all = read(NeighborSource::bgp, R"({"fe80::2":{"bgpState":"Active","updateSource":"wg1"},
        "fe80::3":{"bgpState":"Active","updateSource":"fe80::1"}})");
    CHECK(found(all, "fe80::2").interface == "wg1");
    CHECK(lacks_interface(found(all, "fe80::3")));
}

TEST_CASE("BGP: iBGP and multihop neighbours may be anywhere") {
    const auto all = read(NeighborSource::bgp, R"({"10.0.0.1":{"nbrInternalLink":true,"bgpState":"Established"},
        "10.0.0.2":{"nbrExternalLink":true,"externalBgpNbrMaxHopsAway":2,"bgpState":"Established"},
        "10.0.0.3":{"nbrExternalLink":true,"bgpState":"Established"}})");
    REQUIRE(all.size() == 3);
    for (const auto& one : all) CHECK_FALSE(one.direct);
}

TEST_CASE("OSPF: the interface and our address on it stand in one word") {
    CHECK(read(NeighborSource::ospf, vector("ospf_neighbor.json")) ==
          std::vector{Neighbor{"wg0", ip("10.8.0.1"), ip("10.8.0.2"), true, true}});
}

TEST_CASE("OSPF: a router may be a neighbour on several interfaces; names changed across versions") {
    const auto all = read(NeighborSource::ospf, R"({"neighbors":{"10.255.0.2":[
        {"nbrState":"2-Way/DROther","ifaceAddress":"10.8.0.2","ifaceName":"wg0:10.8.0.1"},
        {"state":"Full/DR","address":"10.9.0.2","ifaceName":"wg1:10.9.0.1"},
        {"nbrState":"Attempt/DROther","ifaceAddress":"10.7.0.2","ifaceName":"wg2:10.7.0.1"},
        {"nbrState":"Down/-","ifaceAddress":"10.6.0.2","ifaceName":"wg3"}, 7]}})");
    REQUIRE(all.size() == 4);
    CHECK(all[0].heard);
    CHECK(all[1] == Neighbor{"wg1", ip("10.9.0.1"), ip("10.9.0.2"), true, true});
    CHECK_FALSE(all[2].heard);
    CHECK(all[3] == Neighbor{"wg3", {}, ip("10.6.0.2"), true, false});
    CHECK(read(NeighborSource::ospf, R"({"10.255.0.2":[{"state":"Full/DR","address":"10.9.0.2","ifaceName":"wg1"}]})")
              .size() == 1);
}

TEST_CASE("OSPFv3: the link-local address and the interface") {
    CHECK(read(NeighborSource::ospf6, vector("ospf6_neighbor_detail.json")) ==
          std::vector{Neighbor{"wg0", {}, ip("fe80::2"), true, true}});
    CHECK(read(NeighborSource::ospf6, R"({"x":{"interface":"wg0","linkLocalAddress":"::","neighborState":"Down"}})")
              .empty());
}

TEST_CASE("a slice at a time gives what the whole gives") {
    const auto text = vector("bgp_neighbors.json");
    frr::NeighborReader reader{NeighborSource::bgp, text};
    int slices = 1;
    while (reader.read(1)) ++slices;
    CHECK(slices == 7);
    CHECK(reader.take() == read_neighbors(NeighborSource::bgp, text));
}

TEST_CASE("what is no JSON is an error that names the question, and what has no neighbours has none") {
    for (const auto source : {NeighborSource::bgp, NeighborSource::ospf, NeighborSource::ospf6}) {
        CHECK(read(source, "{}").empty());
        CHECK(read(source, R"({"a":1,"b":[{}],"c":{},"neighbors":{}})").empty());
        const auto bad = read_neighbors(source, "% no such thing {");
        REQUIRE_FALSE(bad.has_value());
        CHECK(bad.error().find(question_of(source)) != std::string::npos);
    }
    CHECK_FALSE(read_neighbors(NeighborSource::bgp, vector("bgp_neighbors.json").substr(0, 9000)).has_value());
}

TEST_CASE("`neighbor ADDRESS interface NAME` is read from lines of any indentation, and nothing else is") {
    const auto out = frr::parse_neighbor_interfaces(
        "router bgp 1\n  neighbor fe80::1 interface wg-a\r\n neighbor wg1 interface remote-as external\n"
        " neighbor fe80::3 interface\n neighbor fe80::4 remote-as 5\nneighbor fe80::5 interface wg2 x\n neighbor");
    CHECK(out == std::map<base::IpAddress, std::string>{{ip("fe80::1"), "wg-a"}, {ip("fe80::5"), "wg2"}});
}
