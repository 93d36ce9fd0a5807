#include "frr/desired_settings.hpp"

#include <doctest/doctest.h>

#include "wanted_peers.hpp"

using namespace frr;
using enum policy::VerdictState;
using enum Setting;
using test::Peers;
using Lines = std::map<Place, std::uint32_t>;

namespace {

DesiredSettings costs(const Peers& peers, const std::string& running, const Reckoned& reckoned) {
    const auto config = read_running_config(running);
    const auto own = [&](const Place& place) { return value_at(config, place); };
    return desired_costs(ospf_cost, peers.wishes(), config, own, reckoned);
}

DesiredSettings bgp(const Peers& peers, const std::string& running, bool graceful = false) {
    const auto config = read_running_config(running);
    const auto wishes = peers.wishes();
    return desired_bgp(
        PeerLookup{wishes, {}}, config, [&](const Place& place) { return value_at(config, place); }, graceful);
}

// The weights of IPv4, in the order a, b, c.
Lines weights(std::initializer_list<std::pair<const char*, std::uint32_t>> all) {
    Lines out;
    for (const auto& [neighbor, weight] : all) out[{ipv4_weight, neighbor}] = weight;
    return out;
}

// Three neighbours that weigh as told (0: no line), in IPv4 alone.
std::string three(int a, int b, int c, const std::string& more = "") {
    std::string out = "router bgp 65001\n", family = " address-family ipv4 unicast\n";
    int n = 0;
    for (const auto weight : {a, b, c}) {
        const auto name = "10.8.0." + std::to_string(++n);
        out += " neighbor " + name + " remote-as 65002\n";
        if (weight > 0) family += "  neighbor " + name + " weight " + std::to_string(weight) + "\n";
    }
    return out + more + family + " exit-address-family\n";
}

Peers first_is(policy::VerdictState state) { return Peers{}.add("wg0", "10.8.0.1", state).add("wg1", "10.8.0.2", up); }

}  // namespace

TEST_CASE("OSPF: down costs 65535, degraded so many times its own cost, up and never-up nothing") {
    const auto one = [](policy::VerdictState state, std::uint32_t cost, const std::string& running = "") {
        const auto lines = costs(Peers{}.add("wg0", "10.8.0.1", state, cost), running, {{"wg0", 10}}).lines;
        return lines.empty() ? 0U : lines.at({ospf_cost, "wg0"});
    };
    const std::string fifty = "interface wg0\n ip ospf cost 50\n";
    CHECK(one(down, 10) == 65535);
    CHECK(one(down, 10, fifty) == 65535);
    CHECK(one(degraded, 25) == 25);
    CHECK(one(degraded, 25, fifty) == 125);
    CHECK(one(degraded, 11, "interface wg0\n ip ospf cost 1\n") == 2);  // rounded up: worse is worse
    CHECK(one(degraded, 60, "interface wg0\n ip ospf cost 60000\n") == 65534);
    for (const auto state : {up, unknown, admin_down}) CHECK(one(state, 25) == 0);
    CHECK(one(degraded, 10) == 0);
    CHECK(one(down, 10, "interface wg0\n ip ospf cost 65535\n") == 0);
}

TEST_CASE("OSPF: an interface that it does not run on is left alone, and not reached") {
    const auto peers = Peers{}.add("wg0", "10.8.0.1", down).add("wg1", "10.8.1.1", up);
    const auto desired = costs(peers, "", {{"wg1", 10}});
    CHECK(desired.lines.empty());
    CHECK(desired.reached == std::set{peers.id(1)});
}

TEST_CASE("OSPF: a cost for one address, which counts first, is said to be in the way") {
    const auto desired =
        costs(Peers{}.add("wg0", "10.8.0.1", down), "interface wg0\n ip ospf cost 9 10.8.0.0\n", {{"wg0", 9}});
    CHECK(desired.lines.empty());
    REQUIRE(desired.problems.size() == 1);
    CHECK(desired.problems[0].find("wg0 has an OSPF cost for one of its addresses") == 0);
}

TEST_CASE("BGP: while one is down the others are raised above it, all by the same") {
    CHECK(bgp(first_is(down), three(0, 0, 0)).lines == weights({{"10.8.0.2", 1}, {"10.8.0.3", 1}}));
    CHECK(bgp(first_is(down), three(5, 0, 3)).lines == weights({{"10.8.0.2", 6}, {"10.8.0.3", 9}}));
    CHECK(bgp(first_is(down), three(5, 5, 5)).lines == weights({{"10.8.0.2", 6}, {"10.8.0.3", 6}}));
    const auto peers = first_is(down);
    CHECK(bgp(peers, three(0, 0, 0)).lowered == std::set{peers.id(0)});
}

TEST_CASE("BGP: where the others weigh more anyway nothing is touched; five is not enough, six is") {
    CHECK(bgp(first_is(down), three(5, 6, 6)).lines.empty());
    CHECK(bgp(first_is(down), three(5, 6, 6)).lowered.size() == 1);
    CHECK_FALSE(bgp(first_is(down), three(5, 5, 6)).lines.empty());
}

TEST_CASE("BGP: nothing is touched while all are well, or all the same") {
    for (const auto state : {up, unknown, admin_down}) CHECK(bgp(first_is(state), three(0, 0, 0)).lines.empty());
    const auto all_down =
        Peers{}.add("wg0", "10.8.0.1", down).add("wg1", "10.8.0.2", down).add("wg2", "10.8.0.3", down);
    CHECK(bgp(all_down, three(9, 0, 0)).lines.empty());
    CHECK(bgp(first_is(down), "router bgp 65001\n neighbor 10.8.0.1 remote-as 65002\n").lines.empty());
    CHECK(bgp(first_is(down), "").lines.empty());
}

TEST_CASE("BGP before 8.5: degraded comes after the good ones and before what is down") {
    const auto peers = Peers{}.add("wg0", "10.8.0.1", down).add("wg1", "10.8.0.2", degraded, 25);
    CHECK(bgp(peers, three(0, 0, 0)).lines == weights({{"10.8.0.2", 1}, {"10.8.0.3", 2}}));
    CHECK(bgp(peers, three(7, 9, 9)).lines == weights({{"10.8.0.3", 10}}));
    CHECK(bgp(peers, three(0, 0, 0)).lowered.size() == 2);
    CHECK(bgp(first_is(degraded), three(0, 0, 0)).lines == weights({{"10.8.0.2", 1}, {"10.8.0.3", 1}}));
}

TEST_CASE("BGP from 8.5 on: a degraded neighbour alone is touched, for one that is down the others are raised") {
    const Place first{graceful_shutdown, "10.8.0.1"};
    CHECK(bgp(first_is(degraded), three(0, 0, 0), true).lines == Lines{{first, 1}});
    CHECK(bgp(first_is(degraded), three(0, 0, 0), true).lowered.size() == 1);
    CHECK(bgp(first_is(down), three(0, 0, 0), true).lines == weights({{"10.8.0.2", 1}, {"10.8.0.3", 1}}));
    auto lines = weights({{"10.8.0.2", 1}, {"10.8.0.3", 1}});
    lines[{graceful_shutdown, "10.8.0.2"}] = 1;
    const auto both = Peers{}.add("wg0", "10.8.0.1", down).add("wg1", "10.8.0.2", degraded, 25);
    CHECK(bgp(both, three(0, 0, 0), true).lines == lines);
    CHECK(bgp(first_is(degraded), three(0, 0, 0, " neighbor 10.8.0.1 graceful-shutdown\n"), true).lines.empty());
    CHECK(bgp(first_is(up), three(0, 0, 0), true).lines.empty());
}

TEST_CASE("BGP: learned routes stay below local ones, which weigh 32768: 32767 fits, one more does not") {
    CHECK(bgp(first_is(down), three(32766, 0, 0)).lines == weights({{"10.8.0.2", 32767}, {"10.8.0.3", 32767}}));
    const auto full = bgp(first_is(down), three(32767, 0, 0));
    CHECK(full.lines.empty());
    CHECK(full.lowered.empty());
    REQUIRE(full.problems.size() == 1);
    CHECK(full.problems[0].find("leave no room") != std::string::npos);
    CHECK(bgp(first_is(down), three(40000, 40000, 40000)).lines == weights({{"10.8.0.2", 40001}, {"10.8.0.3", 40001}}));
    CHECK_FALSE(bgp(first_is(down), three(65535, 65535, 65535)).problems.empty());
}

TEST_CASE("BGP: each family by itself; one where the neighbour is not active is not touched") {
    const std::string text =
        "router bgp 65001\n no bgp default ipv4-unicast\n neighbor 10.8.0.1 remote-as 65002\n"
        " neighbor 10.8.0.2 remote-as 65002\n neighbor 10.8.0.3 remote-as 65002\n"
        " address-family ipv4 unicast\n  neighbor 10.8.0.2 activate\n  neighbor 10.8.0.3 activate\n"
        " exit-address-family\n address-family ipv6 unicast\n  neighbor 10.8.0.1 activate\n"
        "  neighbor 10.8.0.3 activate\n exit-address-family\n";
    CHECK(bgp(first_is(down), text).lines == Lines{{{ipv6_weight, "10.8.0.3"}, 1}});
}

TEST_CASE("BGP: a group's weight counts for its members, and the group itself is never touched") {
    const std::string text =
        "router bgp 65001\n neighbor g peer-group\n neighbor 10.8.0.1 peer-group g\n neighbor 10.8.0.2 peer-group g\n"
        " neighbor 10.8.0.3 remote-as 65002\n address-family ipv4 unicast\n  neighbor g weight 7\n "
        "exit-address-family\n";
    CHECK(bgp(first_is(down), text).lines == weights({{"10.8.0.2", 15}, {"10.8.0.3", 8}}));
}

TEST_CASE("BGP: neighbours that no line names cannot be raised, so nobody is") {
    const auto desired = bgp(first_is(down), three(0, 0, 0, " bgp listen range 10.9.0.0/16 peer-group g\n"));
    CHECK(desired.lines.empty());
    REQUIRE(desired.problems.size() == 1);
    CHECK(desired.problems[0].find("bgp listen range") != std::string::npos);
    CHECK(bgp(first_is(up), three(0, 0, 0, " bgp listen range 10.9.0.0/16 peer-group g\n")).problems.empty());
}
