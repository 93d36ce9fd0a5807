#include "frr/vty_show.hpp"

#include <doctest/doctest.h>

#include "vectors.hpp"

using namespace frr;

TEST_CASE("FRR's version is read from `show version` as Debian's 8.4.4 prints it") {
    const auto version = parse_version(
        "FRRouting 8.4.4 (router) on Linux(6.1.0-18-amd64).\n"
        "Copyright 1996-2005 Kunihiro Ishiguro, et al.\nconfigured with:\n    '--build=x86_64-linux-gnu'\n");
    REQUIRE(version.has_value());
    CHECK(*version == Version{8, 4, 4});
    CHECK(to_string(*version) == "8.4.4");
}

TEST_CASE("versions with less or more than three numbers are read as far as they go") {
    CHECK(parse_version("FRRouting 10.5-dev (x)") == Version{10, 5, 0});
    CHECK(parse_version("FRRouting 10.4.1-0~deb12u1 (x)") == Version{10, 4, 1});
    CHECK(parse_version("FRRouting 10.2.1.3 (x)") == Version{10, 2, 1});
    CHECK(parse_version("FRRouting 10 (x)") == Version{10, 0, 0});
    CHECK_FALSE(parse_version("FRRouting x (x)").has_value());
    CHECK_FALSE(parse_version("Quagga 1.2.4").has_value());
    CHECK_FALSE(parse_version("").has_value());
    CHECK_FALSE(parse_version("FRRouting 99999999999.1").has_value());
}

TEST_CASE("the 30-second window is 10.4.0 to 10.4.4 and 10.5.0 to 10.5.2") {
    for (const auto& version : {Version{10, 4, 0}, Version{10, 4, 4}, Version{10, 5, 0}, Version{10, 5, 2}})
        CHECK(delays_bfd_down(version));
    for (const auto& version :
         {Version{8, 4, 4}, Version{10, 3, 99}, Version{10, 4, 5}, Version{10, 5, 3}, Version{10, 6, 0}})
        CHECK_FALSE(delays_bfd_down(version));
}

TEST_CASE("graceful-shutdown of one neighbour comes with 8.5, mgmtd with 9.0") {
    CHECK_FALSE(knows_neighbor_graceful_shutdown({8, 4, 99}));
    CHECK(knows_neighbor_graceful_shutdown({8, 5, 0}));
    CHECK_FALSE(has_mgmtd({8, 5, 7}));
    CHECK(has_mgmtd({9, 0, 0}));
}

TEST_CASE("the cost of an interface is read as 8.4.4 prints it; where OSPF does not run there is none") {
    CHECK(parse_ospf_cost(test::vector("ospf_interface.json"), "wg1") == 60U);
    CHECK(parse_ospf_cost(test::vector("ospf6_interface.json"), "wg1") == 50U);
    CHECK_FALSE(parse_ospf_cost(test::vector("ospf_interface.json"), "wg0"));
    for (const auto* text : {R"({"interfaces":{"wg0":{"ospfEnabled":false,"cost":10}}})", R"({"wg0":{"status":"up"}})",
                             R"({"noSuchIface":true})", R"({"wg0":{"cost":"10"}})", R"({"wg0":{"cost":65536}})",
                             R"({"wg0":7})", R"({"interfaces":7})", "[]", "", "% OSPF is not enabled"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_ospf_cost(text, "wg0"));
    }
}

TEST_CASE("a later version tells the cost for each address (written by hand, not captured)") {
    CHECK(parse_ospf_cost(R"({"interfaces":{"wg0":{"ospfEnabled":true,"interfaceIp":{"10.8.0.0":{"cost":40}}}}})",
                          "wg0") == 40U);
}

TEST_CASE("link-detect of each interface is read from `show interface json` as 8.4.4 prints it") {
    const auto shown = parse_interfaces(R"({
  "lo":{
    "administrativeStatus":"up",
    "operationalStatus":"up",
    "linkDetection":true,
    "index":1,
    "flags":"<UP,LOOPBACK,RUNNING>",
    "ipAddresses":[
    ],
    "evpnMh":{
    },
    "protodown":"off"
  },
  "wg0":{
    "administrativeStatus":"up",
    "operationalStatus":"down",
    "linkDetection":false,
    "index":3,
    "ipAddresses":[
      {
        "address":"10.9.0.1/24",
        "secondary":false,
        "unnumbered":false
      }
    ]
  }
}
)");
    REQUIRE(shown.has_value());
    REQUIRE(shown->size() == 2);
    CHECK(shown->at(0) == InterfaceShown{"lo", base::IfIndex{1}, true, true});
    CHECK(shown->at(1) == InterfaceShown{"wg0", base::IfIndex{3}, false, false});
}

TEST_CASE("what is no object of interfaces is an error, what is missing or of another type has no effect") {
    for (const auto* text : {"", "[", "[]", "% Unknown command", "1"}) CHECK_FALSE(parse_interfaces(text).has_value());
    const auto shown =
        parse_interfaces(R"({"a":{},"b":1,"c":{"index":-1,"linkDetection":"no","operationalStatus":1}})");
    REQUIRE(shown.has_value());
    CHECK(*shown == std::vector{InterfaceShown{"a", {}, true, false}, InterfaceShown{"c", {}, true, false}});
}

TEST_CASE("our AS number is read from `show bgp summary json` as 8.4.4 prints it") {
    CHECK(parse_local_as(R"({"ipv4Unicast":{"routerId":"10.255.0.1","as":65001,"vrfId":0,"peers":{}}})") == 65001U);
    CHECK(parse_local_as(R"({"ipv4Unicast":{"as":4294967295}})") == 4294967295U);
    CHECK_FALSE(parse_local_as("{}").has_value());
    CHECK_FALSE(parse_local_as(R"({"warning":"Default BGP instance not found"})").has_value());
    CHECK_FALSE(parse_local_as(R"({"ipv4Unicast":{"as":"65001"}})").has_value());
    CHECK_FALSE(parse_local_as("no").has_value());
}
