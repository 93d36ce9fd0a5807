#include "frr/running_config.hpp"

#include <doctest/doctest.h>

#include "vectors.hpp"

using namespace frr;
using enum Setting;

TEST_CASE("ospfd's and ospf6d's configuration, as 8.4.4 prints them") {
    const auto ospf = read_running_config(test::vector("ospf_running_config.txt"));
    CHECK(ospf.interfaces.size() == 3);
    CHECK(ospf.interfaces.at("wg0") == RunningInterface{"interface wg0", {}, {}, false});
    CHECK(ospf.interfaces.at("wg1") == RunningInterface{"interface wg1", 50, {}, true});
    CHECK_FALSE(ospf.bgp.has_value());
    const auto ospf6 = read_running_config(test::vector("ospf6_running_config.txt"));
    CHECK(value_at(ospf6, {ospf6_cost, "wg1"}) == 50U);
    CHECK_FALSE(value_at(ospf6, {ospf6_cost, "wg0"}));
    CHECK_FALSE(value_at(ospf6, {ospf_cost, "wg1"}));
    CHECK_FALSE(value_at(ospf6, {ospf6_cost, "wg7"}));
}

TEST_CASE("bgpd's default instance, as 8.4.4 prints it: groups, unnumbered, both families") {
    const auto config = read_running_config(test::vector("bgp_running_weights.txt"));
    REQUIRE(config.bgp.has_value());
    const auto& bgp = *config.bgp;
    CHECK(bgp.block == "router bgp 65001");
    CHECK_FALSE(bgp.listens);
    CHECK(bgp.neighbors.size() == 7);
    const auto& paris = bgp.neighbors.at("10.8.0.1");
    CHECK(paris.group == "tunnels");
    CHECK(paris.weight[0] == 12U);  // of this instance, not of the VRF's
    CHECK(bgp.is_active(paris, 0));
    CHECK(bgp.is_active(paris, 1));
    CHECK(bgp.keeps_routes(paris, 0));
    CHECK_FALSE(bgp.keeps_routes(paris, 1));
    const auto& berlin = bgp.neighbors.at("10.8.0.3");
    CHECK(bgp.weight_of(berlin, 0, berlin.weight[0]) == 7);
    CHECK(bgp.weight_of(berlin, 1, berlin.weight[1]) == 0);
    const auto& link_local = bgp.neighbors.at("fe80::99");
    CHECK(link_local.interface == "wg0");
    CHECK_FALSE(bgp.is_active(link_local, 0));
    CHECK(link_local.weight[1] == 4U);
    CHECK(bgp.neighbors.at("tunnels").is_group);
    CHECK(bgp.neighbors.at("wg2").unnumbered);
    CHECK(bgp.neighbors.at("wg3").unnumbered);
    CHECK(bgp.neighbors.at("wg3").group == "tunnels");
    CHECK_FALSE(bgp.is_active(bgp.neighbors.at("192.0.2.2"), 1));
    CHECK(value_at(config, {ipv4_weight, "10.8.0.1"}) == 12U);
    CHECK(value_at(config, {ipv6_weight, "fe80::99"}) == 4U);
    CHECK_FALSE(value_at(config, {ipv4_weight, "10.8.0.9"}));
}

TEST_CASE("what a later version prints (written by hand after its documentation, not captured)") {
    const auto config = read_running_config(
        "Building configuration...\n\nCurrent configuration:\n!\nfrr version 10.4.1\nfrr defaults traditional\n!\n"
        "interface wg0 vrf red\n ip ospf cost 30\nexit\n!\nrouter bgp 65001\n no bgp default ipv4-unicast\n"
        " bgp default ipv6-unicast\n bgp listen range 10.8.0.0/24 peer-group tunnels\n neighbor tunnels peer-group\n"
        " neighbor 10.8.0.1 remote-as 65002\n neighbor 10.8.0.1 graceful-shutdown\n !\n address-family ipv4 unicast\n"
        "  neighbor 10.8.0.1 activate\n exit-address-family\nexit\n!\nend\n");
    CHECK(config.interfaces.at("wg0") == RunningInterface{"interface wg0 vrf red", 30, {}, false});
    REQUIRE(config.bgp.has_value());
    CHECK(config.bgp->by_default == std::array{false, true});
    CHECK(config.bgp->listens);
    CHECK(config.bgp->is_active(config.bgp->neighbors.at("10.8.0.1"), 0));
    CHECK(value_at(config, {graceful_shutdown, "10.8.0.1"}) == 1U);
}

TEST_CASE("a change is entered where its block stands, or would; a neighbour that is gone has none") {
    const auto config =
        read_running_config("interface wg0 vrf red\n ip ospf cost 3\nrouter bgp 1\n neighbor a peer-group\n");
    CHECK(block_of(config, {ospf_cost, "wg0"}) == "interface wg0 vrf red");
    CHECK(block_of(config, {ospf6_cost, "wg1"}) == "interface wg1");
    CHECK(block_of(config, {ipv4_weight, "a"}) == "router bgp 1");
    CHECK_FALSE(block_of(config, {ipv4_weight, "b"}));
    CHECK_FALSE(block_of({}, {ipv4_weight, "a"}));
}

TEST_CASE("slices of any size say what the whole says; a carriage return and a missing last newline do no harm") {
    for (const auto* file : {"ospf_running_config.txt", "ospf6_running_config.txt", "bgp_running_weights.txt"}) {
        const auto text = test::vector(file);
        const auto whole = read_running_config(text);
        for (const std::size_t size : {std::size_t{1}, std::size_t{7}, std::size_t{200}}) {
            RunningReader reader{text};
            while (reader.read(size)) continue;
            CHECK(reader.take() == whole);
        }
    }
    CHECK(value_at(read_running_config("interface wg0\r\n ip ospf cost 3\r"), {ospf_cost, "wg0"}) == 3U);
}
