// What is printed for hosts of every kind. That wgbfd, FRR and BIRD take it: tests/lab/test_init.py.
#include "view/snippets.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "config/parse.hpp"

namespace {

base::IpAddress ip(std::string_view text) { return base::IpAddress::parse(text).value(); }

view::FoundPeer peer(std::uint8_t n, const std::string& interface, const char* local = nullptr,
                     const char* remote = nullptr) {
    view::FoundPeer out;
    out.name = interface + "/" + std::to_string(n);
    out.interface = interface;
    out.key.bytes.fill(n);
    out.has_endpoint = true;
    if (remote != nullptr)
        out.addresses = adjacency::Addresses{ip(local), ip(remote), adjacency::AddressSource::subnet};
    return out;
}

view::FoundFrr frr(std::optional<std::string> dplane = "unix:/run/frr/x.sock") {
    view::FoundFrr out;
    out.directory = "/run/frr";
    out.version = "8.4.4";
    out.bfdd = dplane.has_value();
    out.dplane = std::move(dplane);
    return out;
}

bool has(const std::string& text, std::string_view part) {
    CAPTURE(text);
    return text.find(part) != std::string::npos;
}

config::Config parsed(const std::string& text) {
    CAPTURE(text);
    const auto out = config::parse(text);
    REQUIRE(out.has_value());
    return *out;
}

view::Found two_interfaces() {
    view::Found out;
    out.peers = {peer(1, "wg0", "10.8.0.0", "10.8.0.1"), peer(2, "hub", "10.9.0.254", "10.9.0.1"), peer(3, "hub")};
    out.frr = frr();
    return out;
}

}  // namespace

TEST_CASE("init: the configuration says what it says, and is valid") {
    const auto config = parsed(init_config(two_interfaces()));
    CHECK(config.frr.bfd_dataplane == "unix:/run/frr/x.sock");
    CHECK(config.frr.vty == "/run/frr");
    REQUIRE(config.interfaces.size() == 2);
    for (const auto& interface : config.interfaces)
        CHECK(interface.feeds ==
              (interface.name == "wg0" ? std::vector<std::string>{"link"} : std::vector<std::string>{}));
    REQUIRE(config.adjacencies.size() == 3);
    CHECK(config.adjacencies[0].name == "wg0/1");
    CHECK_FALSE(config.adjacencies[0].address.has_value());  // found anew at each start
}

TEST_CASE("init: every comment that is offered as a line is a good one") {
    auto text = init_config(two_interfaces());
    for (const auto* line : {"#address = \"10.8.0.1\"", "#address = \"10.9.0.1\""}) {
        const auto at = text.find(line);
        REQUIRE(at != std::string::npos);
        text.erase(at, 1);
    }
    CHECK(parsed(text).adjacencies[1].address == ip("10.9.0.1"));
}

TEST_CASE("init: bfdd without a data plane, or none at all, is told what to write") {
    auto found = two_interfaces();
    found.frr = frr(std::nullopt);
    CHECK_FALSE(parsed(init_config(found)).frr.bfd_dataplane.has_value());
    CHECK(has(init_config(found), "bfdd does not run here"));
    found.frr->bfdd = true;
    CHECK(parsed(init_config(found)).frr.bfd_dataplane == view::proposed_dataplane);
    CHECK(has(init_config(found), "--dplaneaddr unix:/run/frr/bfddp.sock"));
}

TEST_CASE("init: without a routing daemon nothing is fed; nothing at all is a configuration too") {
    auto found = two_interfaces();
    found.frr.reset();
    const auto config = parsed(init_config(found));
    CHECK(config.frr == config::Frr{});
    for (const auto& interface : config.interfaces) CHECK(interface.feeds.empty());
    CHECK(parsed(view::init_config({})).adjacencies.empty());
}

TEST_CASE("init: BIRD gets a table of next hops, but for peers that have link-local addresses alone") {
    auto found = two_interfaces();
    found.bird = true;
    found.peers.push_back(peer(4, "wg9", "fe80::1", "fe80::2"));
    const auto config = parsed(init_config(found));
    CHECK(config.bird.nexthop_table == view::proposed_table);
    for (const auto& interface : config.interfaces) {
        const auto& feeds = interface.feeds;
        CHECK((std::ranges::find(feeds, "bird-nexthop") != feeds.end()) == (interface.name != "wg9"));
    }
    CHECK(has(init_config(found), "feeds = [\"link\", \"bird-nexthop\"]"));
    CHECK(has(init_config(found), "#bird_protocol = \"NAME\""));
    auto text = init_config(found);
    for (const auto* line : {"#include = \"/etc/bird/wgbfd.conf\"", "#feeds = [\"bird-include\"]"}) {
        const auto at = text.find(line);
        REQUIRE(at != std::string::npos);
        text.erase(at, 1);
    }
    CHECK(parsed(text).adjacencies[3].feeds == std::vector<std::string>{"bird-include"});
}

TEST_CASE("init: names that TOML or a terminal would take for something else stay names") {
    view::Found found;
    found.peers = {peer(1, "wg.0"), peer(2, "w\"g\\#")};
    found.problems = {"wg1: no\n[answer]\x1b[2J"};
    const auto config = parsed(init_config(found));
    REQUIRE(config.interfaces.size() == 2);
    CHECK(config.adjacencies[0].interface == "wg.0");
    CHECK(config.adjacencies[1].interface == "w\"g\\#");
}

TEST_CASE("snippets frr: a new neighbour, one that bgpd has, and one without an address") {
    auto found = two_interfaces();
    found.peers[1].bgp = true;
    const auto text = frr_snippet(found);
    CHECK(has(text, "--dplaneaddr unix:/run/frr/x.sock"));
    CHECK(has(text, "router bgp 65001\n"));
    CHECK(has(text, "write your own AS number"));
    CHECK(has(text, " neighbor 10.8.0.1 remote-as external\n"));
    CHECK(has(text, " neighbor 10.8.0.1 bfd profile wgbfd\n"));
    CHECK_FALSE(has(text, " neighbor 10.9.0.1 remote-as"));
    CHECK(has(text, " neighbor 10.9.0.1 bfd\n"));
    CHECK(has(text, " ! hub/3: no address found in the tunnel"));
    CHECK(has(text, "interface wg0\n ip ospf area 0\n ip ospf network point-to-point\n"));
    CHECK(has(text, "interface hub\n ip ospf area 0\n ip ospf network non-broadcast\n"));
    CHECK(has(text, "router ospf\n neighbor 10.9.0.1\nexit\n"));
    found.frr->local_as = 64512;
    CHECK(has(frr_snippet(found), "router bgp 64512\n"));
    CHECK_FALSE(has(frr_snippet(found), "write your own AS"));
}

TEST_CASE("snippets frr: link-local peers are unnumbered neighbours, IPv6 ones are activated") {
    view::Found found;
    found.peers = {peer(1, "wg0", "fe80::1", "fe80::2"), peer(2, "wg1", "2001:db8::1", "2001:db8::2"),
                   peer(3, "hub", "fe80::1", "fe80::3"), peer(4, "hub", "fe80::1", "fe80::4")};
    const auto text = frr_snippet(found);
    CHECK(has(text, " neighbor wg0 interface remote-as external\n"));
    CHECK(has(text, " neighbor wg0 bfd\n"));
    CHECK(has(text, "  neighbor wg0 activate\n  neighbor 2001:db8::2 activate\n"));
    CHECK(has(text, " ! hub/3: several peers on hub"));
    CHECK_FALSE(has(text, "neighbor hub"));
}

TEST_CASE("snippets bird: next hops in our table, the zone of a link-local neighbour, which has no table, and no BFD") {
    view::Found found;
    found.peers = {peer(1, "wg-0", "fe80::1", "fe80::2"), peer(2, "wg1", "10.8.0.0", "10.8.0.1"), peer(3, "wg2")};
    found.route_protocol = 87;
    const auto text = bird_snippet(found);
    CHECK(has(text, "protocol bgp to_wg_0_1_1 from tunnel {"));
    CHECK(has(text,
              "neighbor fe80::2 % 'wg-0' external;\n    source address fe80::1;\n    ipv6 {\n        import none;"));
    CHECK(has(text,
              "neighbor 10.8.0.1 external;\n    source address 10.8.0.0;\n    ipv4 {\n        igp table nexthops4;"));
    CHECK(has(text, "interface \"wg-0\", \"wg1\", \"wg2\";"));
    CHECK(has(text, "if krt_source != 87 then reject;"));
    CHECK(has(text, "# wg2/3: no address found"));
    CHECK_FALSE(has(text, "protocol bfd {"));
}

TEST_CASE(
    "snippets bird: a peer that has constants is preferred by them, with its communities, and passes nothing yet") {
    view::Found found;
    found.peers = {peer(1, "wg-0", "fe80::1", "fe80::2"), peer(2, "wg1", "10.8.0.0", "10.8.0.1")};
    found.peers[0].has_constants = true;
    CHECK_FALSE(has(bird_snippet(found), "include \""));
    found.include = "/etc/bird/wgbfd.conf";
    const auto text = bird_snippet(found);
    CHECK(has(text, "#   wgbfd snippets bird-include > /etc/bird/wgbfd.conf\ninclude \"/etc/bird/wgbfd.conf\";\n"));
    CHECK(has(text, "if bgp_community ~ [(64511, 9)] then bgp_community.delete([(64511, 1..8)]);\n}"));
    CHECK(has(text, "if bgp_community ~ [(64511, 94)] then bgp_community.delete([(64511, 91..93)]);\n}"));
    CHECK(has(text, "filter from_to_wg_0_1_1 {\n    reject;"));
    CHECK(has(text,
              "tell_latency(wgbfd_wg_0_1_latency);\n    tell_loss(wgbfd_wg_0_1_loss);\n    bgp_local_pref = "
              "wgbfd_wg_0_1_local_pref;\n    accept;"));
    CHECK(has(text,
              "    ipv4 {\n        extended next hop on;\n        import table on;\n        import filter "
              "from_to_wg_0_1_1;"));
    CHECK(has(text, "gateway recursive;\n        import none;"));
}
