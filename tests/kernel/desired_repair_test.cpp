// Which filters stand at which interface, and why an adjacency is not repaired.
#include <doctest/doctest.h>

#include "kernel/allowed_ips.hpp"
#include "kernel/group_host.hpp"

using namespace kernel_test;
using adjacency::AdjacencyId;

namespace {

struct Desired : GroupHost {
    kernel::DesiredRepair now() const {
        std::set<AdjacencyId> needed;
        for (const auto& one : wanted())
            if (!moved.contains(one.id)) needed.insert(one.id);
        return desired_repair(wanted(), links(), needed);
    }
    std::vector<kernel::EgressFilter> redirects(const std::string& interface) const {
        auto filters = now().interfaces.at(interface).filters;
        std::erase_if(filters, [](const kernel::EgressFilter& filter) { return filter.number < 0x100; });
        return filters;
    }
    std::string told(std::uint32_t id) const { return now().told.at(AdjacencyId{id}); }
    std::string problem(const std::string& interface) const {
        const auto problems = now().interfaces.at(interface).problems;
        return problems.empty() ? "" : problems.front();
    }
    std::set<AdjacencyId> moved;
};

kernel::EgressFilter redirect(std::uint16_t number, const char* to, std::uint32_t index) {
    return {number, kernel::to_destination(prefix(to)), {index}};
}
kernel::EgressFilter pass(std::uint16_t number, const char* to) { return redirect(number, to, 0); }

}  // namespace

TEST_CASE("a dead tunnel's allowed-ips leave by the other one, and what asks about the tunnel itself stays") {
    Desired host;
    host.add(0, 1, {"0.0.0.0/0", "::/0"});
    host.add(1, 2, {"0.0.0.0/0", "::/0"});
    CHECK(host.told(1) == "ready");
    const auto ready = host.now().interfaces.at("wg0").filters;
    REQUIRE(ready.size() == 6);  // BFD twice, multicast twice, link-local, the tunnel's /31
    CHECK(ready[0] == kernel::EgressFilter{1, kernel::of_single_hop_bfd(base::Family::v4), {}});
    CHECK(ready[5] == pass(6, "10.8.0.0/31"));
    CHECK(host.redirects("wg0").empty());
    host.verdict(0).state = VerdictState::down;
    CHECK(host.told(1) == "redirected to wg1");
    CHECK(host.redirects("wg0") == std::vector{redirect(0x100, "0.0.0.0/0", 11), redirect(0x101, "::/0", 11)});
    CHECK(host.redirects("wg1").empty());
    const auto change = kernel::changes(ready, host.now().interfaces.at("wg0").filters);
    CHECK(change.remove.empty());
    CHECK(change.add.size() == 2);  // whatever the number of routes
}

TEST_CASE("no interface is redirected to one that is redirected; the way back is the same") {
    Desired host;
    host.add(0, 1, {"0.0.0.0/0"}, VerdictState::down);
    host.add(1, 2, {"0.0.0.0/0"}, VerdictState::down);
    CHECK(host.told(1) == "no live backup");
    CHECK(host.told(2) == "no live backup");
    CHECK(host.redirects("wg0").empty());
    CHECK(host.redirects("wg1").empty());
    host.verdict(0).state = VerdictState::up;
    CHECK(host.redirects("wg1") == std::vector{redirect(0x100, "0.0.0.0/0", 10)});
    CHECK(host.redirects("wg0").empty());
}

TEST_CASE("the best live one is the backup: its standing first, then priority, then cost") {
    Desired host;
    host.add(0, 1, {"0.0.0.0/0"}, VerdictState::down);
    host.add(1, 2, {"0.0.0.0/0"});
    host.add(2, 3, {"0.0.0.0/0"});
    host.verdict(1).cost = 20;
    CHECK(host.told(1) == "redirected to wg2");
    host.adjacencies[1].priority = 99;
    CHECK(host.told(1) == "redirected to wg1");
    host.verdict(1).state = VerdictState::degraded;
    CHECK(host.told(1) == "redirected to wg2");
    host.names["wg2"].up = false;
    CHECK(host.told(1) == "redirected to wg1");
    host.verdict(1) = {VerdictState::up, policy::Cause::drained};
    CHECK(host.told(1) == "no live backup");
    host.adjacencies[2].group = "rome";
    host.verdict(1) = {VerdictState::up, {}};
    CHECK(host.told(1) == "redirected to wg1");
}

TEST_CASE("maintenance, what was never up, and what routing has left are not redirected") {
    Desired host;
    host.add(0, 1, {"0.0.0.0/0"});
    host.add(1, 2, {"0.0.0.0/0"});
    for (const auto state : {VerdictState::unknown, VerdictState::admin_down, VerdictState::degraded}) {
        host.verdict(0).state = state;
        CHECK(host.told(1) == "ready");
        CHECK(host.redirects("wg0").empty());
    }
    host.verdict(0).state = VerdictState::down;
    host.moved.insert(AdjacencyId{1});
    CHECK(host.told(1) == "moved");
    CHECK(host.redirects("wg0").empty());
}

TEST_CASE("of several peers the dead one's allowed-ips alone are redirected, in WireGuard's order") {
    Desired host;
    host.add(0, 1, {"10.2.0.0/16", "10.8.0.1/32"}, VerdictState::down);
    host.add(0, 2, {"10.2.5.0/24", "10.3.0.0/16"}, VerdictState::up, "rome");
    host.add(1, 3, {"10.2.0.0/16"});
    CHECK(host.told(1) == "redirected to wg1");
    // 0x100 is 10.8.0.1/32, the tunnel's own.
    const auto filters = host.redirects("wg0");
    REQUIRE(filters.size() == 2);
    CHECK(filters[0] == pass(0x101, "10.2.5.0/24"));
    CHECK(filters[1].matches == kernel::to_destination(prefix("10.2.0.0/16")));
    CHECK(filters[1].to == base::IfIndex{11});
}

TEST_CASE("a backup that would not carry the traffic is refused, and why") {
    Desired host;
    host.add(0, 1, {"10.2.0.0/16", "10.8.0.1/32"});
    host.add(1, 2, {"10.2.0.0/17", "10.8.1.1/32"});
    CHECK(host.told(1) == "refused");
    CHECK(host.problem("wg0") ==
          "wg0-1 is not repaired: 10.2.0.0/16 is not in the allowed-ips of wg1-2 alone: add it there, at both ends");
    CHECK(host.told(2) == "ready");  // the wider one carries the narrower one's
    CHECK(host.now().interfaces.at("wg0").filters.empty());
    host.peers["wg1"][0].allowed_ips.push_back(prefix("10.2.128.0/17"));
    CHECK(host.told(1) == "ready");  // two halves
    host.add(1, 3, {"10.2.7.0/24"}, VerdictState::up, "rome");
    CHECK(host.told(1) == "refused");  // a part of it goes to another peer there
}

TEST_CASE("strict rp_filter, the same interface and a group of one are refused, and how to mend it") {
    Desired host;
    host.add(0, 1, {"0.0.0.0/0"});
    CHECK(host.problem("wg0") == "wg0-1 is not repaired: its group has no other adjacency here");
    host.add(0, 2, {"10.2.0.0/16"});
    CHECK(host.problem("wg0").find("on the same interface") != std::string::npos);
    host.add(1, 3, {"0.0.0.0/0"});
    CHECK(host.told(1) == "ready");
    host.strict.insert("wg1");
    CHECK(host.told(1) == "refused");
    CHECK(host.now().interfaces.at("wg0").problems[1].find("sysctl -w net.ipv4.conf.wg1.rp_filter=2") !=
          std::string::npos);
    host.peers["wg0"][0].allowed_ips = {prefix("::/0")};
    host.peers["wg1"][0].allowed_ips = {prefix("::/0")};
    CHECK(host.told(1) == "ready");  // IPv6 has none
}

TEST_CASE("a far end that says its rp_filter is strict is refused as a backup, with what to do there; IPv6 has none") {
    Desired host;
    host.add(0, 1, {"10.2.0.0/16"});
    host.add(1, 2, {"10.2.0.0/16"});
    host.strict_far_ends = {"wg1-2"};
    CHECK(host.told(1) == "refused");
    CHECK(host.problem("wg0") ==
          "wg0-1 is not repaired: rp_filter at the far end of wg1-2 is strict, which would drop what is redirected "
          "there: sysctl -w net.ipv4.conf.INTERFACE.rp_filter=2 of its tunnel interface, at that end");
    CHECK(host.told(2) == "ready");  // the failed one's far end drops nothing that the backup's gets
    host.add(2, 3, {"10.2.0.0/16"});
    CHECK(host.told(1) == "ready");  // by the other one
    host.verdict(0).state = VerdictState::down;
    CHECK(host.told(1) == "redirected to wg2");
    host.strict_far_ends = {"wg1-2", "wg2-3"};
    CHECK(host.told(1) == "refused");
    CHECK(host.redirects("wg0").empty());
    for (const auto* name : {"wg0", "wg1", "wg2"}) host.peers[name][0].allowed_ips = {prefix("fd00:2::/32")};
    CHECK(host.told(1) == "redirected to wg1");
}

TEST_CASE("a backup in another VRF is refused: what is sent in one is nobody's business in the other") {
    Desired host;
    host.add(0, 1, {"0.0.0.0/0"}, VerdictState::down).vrf = {98};
    host.add(1, 2, {"0.0.0.0/0"}).vrf = {99};
    CHECK(host.told(1) == "refused");
    CHECK(
        host.problem("wg0") ==
        "wg0-1 is not repaired: wg1-2's interface is in another VRF, where the same addresses may be others: put both "
        "into one, or each into a group of its own");
    CHECK(host.now().interfaces.at("wg0").filters.empty());
    host.adjacencies[0].vrf = {};
    CHECK(host.told(1) == "refused");
    host.adjacencies[0].vrf = {99};
    CHECK(host.told(1) == "redirected to wg1");
}

TEST_CASE("a backup's own transport that is routed through the dead tunnel is not redirected into the backup") {
    Desired host;
    host.add(0, 1, {"0.0.0.0/0", "::/0"}, VerdictState::down);
    host.add(1, 2, {"0.0.0.0/0", "::/0"});
    host.add(2, 3, {"0.0.0.0/0", "::/0"});
    host.peers["wg1"][0].endpoint = {address("192.0.2.1"), 51820};
    host.peers["wg2"][0].endpoint = {address("2001:db8::1"), 51820};
    const auto filters = [&] { return host.now().interfaces.at("wg0").filters; };
    REQUIRE(filters().size() == 9);
    CHECK(filters()[6] == pass(7, "192.0.2.1/32"));  // before what redirects
    CHECK(host.redirects("wg0") == std::vector{redirect(0x100, "0.0.0.0/0", 11), redirect(0x101, "::/0", 11)});
    host.verdict(1).state = VerdictState::down;
    CHECK(filters()[6] == pass(7, "2001:db8::1/128"));
    CHECK(host.redirects("wg0").front().to == base::IfIndex{12});
    host.peers["wg0"][0].allowed_ips = {prefix("10.2.0.0/16")};
    CHECK(filters().size() == 7);  // it would not be redirected
}

TEST_CASE("allowed-ips: the longest prefix decides, and halves make a whole") {
    adjacency::Peer a, b;
    a.key = key(1);
    b.key = key(2);
    a.allowed_ips = {prefix("0.0.0.0/1"), prefix("128.0.0.0/1"), prefix("fd00::/16")};
    b.allowed_ips = {prefix("10.0.0.0/8")};
    const std::vector peers{a, b};
    const kernel::AllowedIps all{peers};
    CHECK_FALSE(all.carries(prefix("0.0.0.0/0"), a.key));  // but for 10.0.0.0/8
    CHECK(all.carries(prefix("128.0.0.0/1"), a.key));
    CHECK(all.carries(prefix("11.0.0.0/8"), a.key));
    CHECK_FALSE(all.carries(prefix("10.2.0.0/16"), a.key));
    CHECK(all.carries(prefix("10.2.0.0/16"), b.key));
    CHECK(all.carries(prefix("fd00:1::/32"), a.key));
    CHECK_FALSE(all.carries(prefix("fd00::/15"), a.key));
    CHECK_FALSE(all.carries(prefix("::/0"), a.key));
    const std::vector halves{a};
    CHECK(kernel::AllowedIps{halves}.carries(prefix("0.0.0.0/0"), a.key));
    CHECK(all.inside(prefix("0.0.0.0/1")).size() == 2);
    CHECK(all.inside(prefix("255.255.255.255/32")).empty());
}
