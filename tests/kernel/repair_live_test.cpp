// The feed repair against the kernel: packets, an operator's own filters, undo and adoption, in a network namespace of
// the test's own.
#include <doctest/doctest.h>
#include <net/if.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>

#include "kernel/group_host.hpp"
#include "kernel/repair_feed.hpp"
#include "support/private_net.hpp"

using namespace kernel_test;
using support::sh;

namespace {

std::string output(const std::string& command) {
    sh("(" + command + ") > /run/output 2>&1");
    std::ifstream in{"/run/output"};
    return {std::istreambuf_iterator<char>{in}, {}};
}

// What is sent to 10.2.0.1 leaves by wg0, as does what is sent to the tunnel's own 10.8.0.1.
struct Live {
    Live() {
        // No link-local addresses: what the kernel sends from them by itself would be counted as a test's packet.
        sh("for i in 0 1; do ip link add wg$i type veth peer name far$i && for end in wg$i far$i; do ip link set $end "
           "arp off addrgenmode none && ip link set $end up; done && ip addr add 10.8.$i.0/31 dev wg$i; done && "
           "ip route add 10.2.0.0/16 dev wg0 && ip -6 addr add fd00::1/64 dev wg0 nodad && ip -6 route add fd02::/64 "
           "dev wg0");
        if (::system("tc qdisc add dev lo clsact && tc filter add dev lo egress prio 9 u32 match u32 0 0 action mirred "
                     "egress redirect dev lo 2> /dev/null && tc qdisc del dev lo clsact") != 0)
            missing = true;
        if (missing) return;
        host.add(0, 1, {"0.0.0.0/0", "::/0"});
        host.add(1, 2, {"0.0.0.0/0", "::/0"});
        host.own["wg0"].push_back({.local = address("fd00::1"), .peer = {}, .prefix_length = 64, .tentative = false});
        for (const auto* const name : {"wg0", "wg1"}) host.names[name].index = {::if_nametoindex(name)};
        start();
    }
    void start() {
        feed.reset();
        undo = std::make_unique<io::UndoLog>("/run/undo");
        feed = std::make_unique<kernel::RepairFeed>(
            context, *undo,
            kernel::RepairFeed::Host{[this] { return now; },
                                     [this](std::span<const policy::Wanted>) { return host.links(); },
                                     {},
                                     [this](const adjacency::Adjacency&) { return carries; },
                                     [this] { apply(); }});
    }
    void apply(VerdictState first, VerdictState second) {
        host.verdict(0).state = first;
        host.verdict(1).state = second;
        apply();
    }
    void apply() {
        const auto all = host.wanted();
        feed->apply(all);
    }
    static std::string state() {
        return output(
            "for i in wg0 wg1; do tc qdisc show dev $i; tc filter show dev $i egress; tc filter show dev $i "
            "ingress; done");
    }
    static unsigned long sent(const char* interface) {
        std::istringstream in{output(std::string{"ip -s link show "} + interface + " | tail -n 1")};
        unsigned long bytes = 0, packets = 0;
        in >> bytes >> packets;
        return packets;
    }
    // Where packets to there come out: many, for the kernel sends one by itself now and then (MLD).
    static std::string udp(const std::string& to, unsigned port) {
        constexpr unsigned long many = 20;
        const auto first = sent("wg0"), second = sent("wg1");
        sh("bash -c 'for i in {1.." + std::to_string(many) + "}; do echo x > /dev/udp/" + to + "/" +
           std::to_string(port) + " || exit; done' 2> /dev/null");
        return sent("wg0") >= first + many ? "wg0" : sent("wg1") >= second + many ? "wg1" : "nowhere";
    }

    support::PrivateNet net;
    GroupHost host;
    boost::asio::io_context context{1};
    base::Now now{base::TimePoint{1h}, base::WallTime{1h}};
    bool carries = true;
    bool missing = false;  // this kernel lacks u32 or mirred: the virtual machine has them
    std::unique_ptr<io::UndoLog> undo;
    std::unique_ptr<kernel::RepairFeed> feed;
};

}  // namespace

TEST_CASE("traffic leaves by the live one while the tunnel's own stays; stop leaves no trace" *
          doctest::skip(!support::is_root())) {
    Live live;
    if (live.missing) return;
    const auto before = Live::state();
    live.apply(VerdictState::up, VerdictState::up);
    REQUIRE(live.feed->status().problem.empty());
    CHECK(Live::udp("10.2.0.1", 9) == "wg0");
    live.apply(VerdictState::down, VerdictState::up);
    REQUIRE(live.feed->status().problem.empty());
    CHECK(live.feed->status().told.at(0).told == "redirected to wg1");
    CHECK(Live::udp("10.2.0.1", 9) == "wg1");
    CHECK(Live::udp("fd02::1", 9) == "wg1");
    CHECK(Live::udp("10.8.0.1", 9) == "wg0");  // STAMP, BGP, a ping: all that goes to the peer itself
    CHECK(Live::udp("fd00::2", 9) == "wg0");   // its other address
    CHECK(Live::udp("10.2.0.1", 3784) == "wg1");
    sh("echo 255 > /proc/sys/net/ipv4/ip_default_ttl && echo 255 > /proc/sys/net/ipv6/conf/wg0/hop_limit");
    CHECK(Live::udp("10.2.0.1", 9) == "wg1");
    CHECK(Live::udp("10.2.0.1", 3784) == "wg0");  // single-hop BFD, wherever to
    CHECK(Live::udp("fd02::1", 3784) == "wg0");
    CHECK(Live::udp("10.2.0.1", 4784) == "wg1");  // multihop goes as routing does
    live.apply(VerdictState::up, VerdictState::down);
    CHECK(Live::udp("10.2.0.1", 9) == "wg0");
    live.feed->withdraw_all();
    CHECK(Live::state() == before);
    CHECK(live.undo->records().empty());
}

TEST_CASE("an operator's clsact and filters stay; what stands under our preference is not taken for ours" *
          doctest::skip(!support::is_root())) {
    Live live;
    if (live.missing) return;
    sh("tc qdisc add dev wg0 clsact && tc filter add dev wg0 egress prio 5 protocol ip u32 match ip protocol 99 0xff "
       "flowid 1:1");
    const auto before = Live::state();
    live.apply(VerdictState::down, VerdictState::up);
    CHECK(Live::udp("10.2.0.1", 9) == "wg1");
    live.feed->withdraw_all();
    CHECK(Live::state() == before);
    live.apply(VerdictState::up, VerdictState::up);
    sh("tc filter add dev wg1 ingress prio 5 protocol ip u32 match ip protocol 99 0xff flowid 1:1");
    live.feed->withdraw_all();
    CHECK(output("tc qdisc show dev wg1").find("clsact") != std::string::npos);  // somebody uses what we made
    CHECK(output("tc filter show dev wg1 egress").empty());
    sh("tc filter add dev wg0 egress prio 87 protocol ip u32 match ip protocol 99 0xff flowid 1:1");
    const auto theirs = Live::state();
    live.apply(VerdictState::down, VerdictState::up);
    CHECK(live.feed->status().problem.find("somebody else has filters with preference 87") != std::string::npos);
    CHECK(live.feed->status().told.at(0).told == "failed");
    CHECK(Live::udp("10.2.0.1", 9) == "wg0");
    live.feed->withdraw_all();
    CHECK(Live::state() == theirs);
}

TEST_CASE("what a killed daemon left is adopted, or put back by undo" * doctest::skip(!support::is_root())) {
    Live live;
    if (live.missing) return;
    const auto before = Live::state();
    live.apply(VerdictState::down, VerdictState::up);
    const auto during = Live::state();
    live.start();  // another process
    CHECK(Live::state() == during);
    live.apply();
    CHECK(Live::state() == during);
    live.now.steady += 3s;  // routing has gone elsewhere meanwhile
    live.carries = false;
    live.apply();
    CHECK(live.feed->status().told.at(0).told == "moved");
    CHECK(Live::udp("10.2.0.1", 9) == "wg0");
    live.carries = true;  // and is back
    live.apply();
    CHECK(Live::udp("10.2.0.1", 9) == "wg1");
    for (const auto& record : live.undo->records()) CHECK(kernel::revert_repair(record).value());
    CHECK(Live::state() == before);
    for (const auto& record : live.undo->records()) CHECK_FALSE(kernel::revert_repair(record).value());
}

TEST_CASE("filters that somebody took away come back, those that pass first" * doctest::skip(!support::is_root())) {
    Live live;
    if (live.missing) return;
    live.apply(VerdictState::up, VerdictState::up);
    sh("tc filter del dev wg0 egress");
    live.apply(VerdictState::down, VerdictState::up);
    CHECK(Live::udp("10.2.0.1", 9) == "wg1");
    CHECK(Live::udp("10.8.0.1", 9) == "wg0");
    sh("tc qdisc del dev wg0 clsact");
    CHECK(support::until(live.context, [] { return Live::udp("10.2.0.1", 9) == "wg1"; }));
    sh("ip link del wg0");
    live.host.names["wg0"].index = {4711};
    live.apply();
    live.feed->withdraw_all();
    CHECK(live.undo->records().empty());
}

TEST_CASE("one interface that is redirected is let go before another is redirected to it" *
          doctest::skip(!support::is_root())) {
    Live live;
    if (live.missing) return;
    live.apply(VerdictState::down, VerdictState::up);
    live.apply(VerdictState::up, VerdictState::down);
    CHECK(Live::udp("10.2.0.1", 9) == "wg0");
    sh("ip route replace 10.2.0.0/16 dev wg1");
    CHECK(Live::udp("10.2.0.1", 9) == "wg0");
    live.apply(VerdictState::down, VerdictState::down);
    CHECK(Live::udp("10.2.0.1", 9) == "wg1");
    CHECK(live.feed->status().told.at(1).told == "no live backup");
}
