// The feed bird-nexthop against the kernel: a table in a network namespace of the test's own.
#include <doctest/doctest.h>
#include <net/if.h>

#include <fstream>
#include <iterator>

#include "kernel/links.hpp"
#include "kernel/nexthop_host.hpp"
#include "support/private_net.hpp"

using namespace kernel_test;
using policy::VerdictState;
using support::sh;

namespace {

base::Now clock_now() { return {std::chrono::steady_clock::now(), std::chrono::system_clock::now()}; }

struct Live {
    Live() {
        sh("ip link add va type veth peer name vb && ip link set vb up && ip link set va up && ip addr add 10.8.0.0/31 "
           "dev va && ip -6 addr add fd00::/127 dev va nodad");
        index.value = ::if_nametoindex("va");
    }
    static std::string output(const std::string& command) {
        sh("(" + command + ") > /run/output");
        std::ifstream in{"/run/output"};
        return {std::istreambuf_iterator<char>{in}, {}};
    }
    void apply(const char* address, VerdictState state, std::uint32_t cost = 10) {
        Peers peers;
        peers.add(address, state, cost);
        peers.adjacencies[0].ifindex = index;
        feed.apply(peers.all);
    }

    support::PrivateNet net;
    base::IfIndex index;
    boost::asio::io_context context{1};
    io::UndoLog undo{"/run/undo"};
    kernel::NexthopTable feed{context, undo, clock_now, 4242};
};

}  // namespace

TEST_CASE("verdicts are routes of the kernel's, IPv4 and IPv6, and stop takes ours alone away" *
          doctest::skip(!support::is_root())) {
    Live live;
    for (const auto* const address : {"10.8.0.1", "fd00::1"}) {
        const std::string show = "(ip route show table 4242; ip -6 route show table 4242 || true) 2> /dev/null";
        const auto shown = [&] { return Live::output(show); };
        CAPTURE(address);
        live.apply(address, VerdictState::up, 30);
        CHECK(shown().find("dev va") != std::string::npos);
        CHECK(shown().find("metric 30") != std::string::npos);
        live.apply(address, VerdictState::up, 20);
        CHECK(shown().find("metric 30") == std::string::npos);
        CHECK(shown().find("metric 20") != std::string::npos);
        live.apply(address, VerdictState::down);
        CHECK(shown().find("unreachable") == 0);
        CHECK(shown().find("metric 20") == std::string::npos);
        live.apply(address, VerdictState::unknown);
        CHECK(shown().empty());
        CHECK(live.feed.status().healthy);
    }
    sh("ip route add 10.8.0.77/32 dev va table 4242 && ip route add 10.9.0.0/24 dev va table 4242 proto 87 && ip route "
       "add unreachable 10.8.0.9/32 table 4243 proto 87");
    live.apply("10.8.0.1", VerdictState::down);
    live.feed.withdraw_all();
    CHECK(live.undo.records().empty());
    CHECK(Live::output("ip route show table 4242 | wc -l") == "2\n");
    CHECK(Live::output("ip route show table 4243 | wc -l") == "1\n");
}

TEST_CASE("routes that went with their interface come back with it; undo removes them without the feed" *
          doctest::skip(!support::is_root())) {
    Live live;
    const auto shown = [&] { return Live::output("ip route show table 4242"); };
    kernel::Links links{live.context, [&](const std::vector<adjacency::Link>& all) { live.feed.on_links(all); }};
    live.apply("10.8.0.1", VerdictState::up);
    sh("ip link set va down");
    CHECK(shown().empty());
    sh("ip link set va up");
    CHECK(support::until(live.context, [&] { return shown().find("metric 10") != std::string::npos; }));
    const auto record = live.undo.records().at(0);
    CHECK(kernel::revert_nexthops(record).value());
    CHECK(shown().empty());
    CHECK_FALSE(kernel::revert_nexthops(record).value());
}

TEST_CASE("a dump of the table leaves out what stands in others, and a table that is not there is empty" *
          doctest::skip(!support::is_root())) {
    Live live;
    sh("for i in $(seq 200); do echo route add 10.20.$i.1/32 dev va; done | ip -batch - && ip route add 10.8.0.1/32 "
       "dev "
       "va table 4242 proto 87 metric 10");
    const auto access = kernel::kernel_routes();
    CHECK(access.read(4243).value().empty());
    CHECK(access.read(4242).value() == std::vector{kernel::HostRoute{ip("10.8.0.1"), false, 10, live.index}});
    CHECK(access.add(4242, {ip("10.8.0.1"), false, 10, live.index}) == std::errc::file_exists);
    CHECK(access.remove(4242, {ip("10.8.0.1"), false, 11, live.index}) == std::errc::no_such_process);
    sh("ip link set va down");
    CHECK(access.add(4242, {ip("10.8.0.1"), false, 10, live.index}) == std::errc::network_down);
}
