// Routes of a real kernel, in a network namespace of the test's own.
#include "kernel/route_events.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <map>
#include <optional>
#include <string>

#include "support/private_net.hpp"

using adjacency::RouteChange;
using support::sh;
using Kind = RouteChange::Kind;

namespace {

struct Fixture {
    Fixture() {
        sh("ip link add va type veth peer name vb && ip addr add 10.8.0.0/24 dev va && ip -6 addr add fd00::1/64 dev "
           "va "
           "nodad && ip link set vb up && ip link set va up");
    }
    void follow(int receive_buffer = kernel::RouteEvents::default_receive_buffer) {
        kernel::RouteEvents::Events to;
        to.on_begin = [this](bool was_lost) {
            ++begun;
            lost += was_lost ? 1 : 0;
        };
        to.on_change = [this](const RouteChange& c) { take(c); };
        to.on_settled = [this] { ++slices; };
        to.on_end = [this] { ++ended; };
        events.emplace(context, std::move(to), receive_buffer);
        REQUIRE(until([&] { return ended > 0; }));
    }
    void take(const RouteChange& c) {
        ++changes;
        const auto name = base::to_string(c.prefix) + " " + std::to_string(c.metric);
        if (c.kind == Kind::route) routes[name] = c;
        if (c.kind == Kind::route_gone) routes.erase(name);
        if (c.kind == Kind::nexthop) objects[c.nexthop] = c;
        if (c.kind == Kind::nexthop_gone) objects.erase(c.nexthop);
    }
    bool until(const std::function<bool()>& done) { return support::until(context, done); }
    const RouteChange* route(const std::string& name) const {
        const auto found = routes.find(name);
        return found == routes.end() ? nullptr : &found->second;
    }
    static void many(const char* what, int n) {
        std::ofstream batch{"/run/batch"};
        for (int i = 0; i < n; ++i)
            batch << "route " << what << " 10." << 20 + i / 65536 << "." << i / 256 % 256 << "." << i % 256
                  << "/32 via 10.8.0.1 dev va metric 20 proto bgp\n";
        batch.close();
        sh("ip -batch /run/batch");
    }

    support::PrivateNet net;
    boost::asio::io_context context{1};
    std::map<std::string, RouteChange> routes;
    std::map<std::uint32_t, RouteChange> objects;
    int begun = 0, ended = 0, lost = 0, slices = 0, changes = 0;
    std::optional<kernel::RouteEvents> events;
};

}  // namespace

TEST_CASE("what stands is told, both families and objects, and what changes from then on" *
          doctest::skip(!support::is_root())) {
    Fixture f;
    sh("ip nexthop add id 14 via 10.8.0.1 dev va && ip route add 10.20.0.0/24 nhid 14 metric 20 proto bgp && "
       "ip -6 route add fd20::/64 via fd00::2 dev va metric 20 proto bgp && "
       "ip route add 10.21.0.0/24 via 10.8.0.1 dev va proto 87");
    f.follow();
    CHECK(f.begun == 1);
    CHECK(f.ended == 1);
    CHECK(f.routes.size() == 2);  // not ours, not the connected ones
    REQUIRE(f.route("10.20.0.0/24 20") != nullptr);
    CHECK(f.route("10.20.0.0/24 20")->nexthop == 14);
    CHECK(f.route("fd20::/64 20") != nullptr);
    REQUIRE(f.objects.contains(14));
    CHECK(base::to_string(f.objects[14].hops.at(0).gateway) == "10.8.0.1");
    sh("ip nexthop replace id 14 via 10.8.0.2 dev va");
    CHECK(f.until([&] { return base::to_string(f.objects[14].hops.at(0).gateway) == "10.8.0.2"; }));
    sh("ip route replace 10.20.0.0/24 via 10.8.0.9 dev va metric 20 proto bgp; ip -6 route del fd20::/64");
    CHECK(f.until([&] { return f.routes.size() == 1 && f.route("10.20.0.0/24 20")->nexthop == 0; }));
    sh("ip nexthop del id 14");
    CHECK(f.until([&] { return f.objects.empty(); }));
}

TEST_CASE("IPv6 tells the whole route when a next hop joins, and the one that leaves" *
          doctest::skip(!support::is_root())) {
    Fixture f;
    f.follow();
    sh("ip -6 route add fd20::/64 metric 20 proto bgp nexthop via fd00::2 dev va nexthop via fd00::3 dev va");
    CHECK(f.until([&] { return f.route("fd20::/64 20") != nullptr && f.route("fd20::/64 20")->hops.size() == 2; }));
    sh("ip -6 route append fd20::/64 via fd00::4 dev va metric 20 proto bgp");
    CHECK(f.until([&] { return f.route("fd20::/64 20")->hops.size() == 3; }));
    RouteChange left;
    f.events.reset();
    kernel::RouteEvents::Events to;
    to.on_begin = [](bool) {};
    to.on_change = [&](const RouteChange& c) {
        if (c.kind == Kind::route_gone) left = c;
    };
    to.on_settled = to.on_end = [] {};
    f.events.emplace(f.context, std::move(to));
    sh("ip -6 route del fd20::/64 via fd00::3 dev va metric 20");
    REQUIRE(f.until([&] { return left.prefix.length == 64; }));
    REQUIRE(left.hops.size() == 1);
    CHECK(base::to_string(left.hops.front().gateway) == "fd00::3");
}

TEST_CASE("IPv6 routes without a gateway stand beside each other, each told on its own, unless one replaces" *
          doctest::skip(!support::is_root())) {
    Fixture f;
    sh("ip -6 route add fd20::/64 dev va metric 20 proto bgp && ip -6 route append fd20::/64 dev vb metric 20 proto "
       "bgp");
    std::vector<RouteChange> told;
    bool all_told = false;
    kernel::RouteEvents::Events to;
    to.on_begin = [](bool) {};
    to.on_change = [&](const RouteChange& c) { told.push_back(c); };
    to.on_settled = [] {};
    to.on_end = [&] { all_told = true; };
    f.events.emplace(f.context, std::move(to));
    REQUIRE(f.until([&] { return all_told; }));
    REQUIRE(told.size() == 2);
    CHECK(told[0].beside);
    CHECK(told[1].beside);
    CHECK(told[0].prefix == told[1].prefix);
    CHECK(told[0].metric == told[1].metric);
    CHECK(told[0].hops != told[1].hops);
    const auto twins = told;
    sh("ip -6 route del fd20::/64 dev vb metric 20");
    REQUIRE(f.until([&] { return told.size() == 3; }));
    CHECK(told[2].kind == Kind::route_gone);
    CHECK(told[2].hops == twins[1].hops);
    sh("ip -6 route append fd20::/64 dev vb metric 20 proto bgp");
    REQUIRE(f.until([&] { return told.size() == 4; }));
    CHECK(told[3] == twins[1]);
    sh("ip -6 route del fd20::/64 dev vb metric 20 && ip -6 route replace fd20::/64 dev vb metric 20 proto bgp");
    REQUIRE(f.until([&] { return told.size() == 6; }));
    CHECK(!told[5].beside);
    CHECK(told[5].hops == twins[1].hops);
    sh("ip route add 10.20.0.0/24 dev va metric 20 proto bgp");
    REQUIRE(f.until([&] { return told.size() == 7; }));
    CHECK(!told[6].beside);
}

TEST_CASE("a large table is read a slice at a time" * doctest::skip(!support::is_root())) {
    Fixture f;
    Fixture::many("add", 20'000);
    f.follow();
    CHECK(f.routes.size() == 20'000);
    CHECK(f.slices > 20'000 / 700);
    // A slice ends with the datagram that reaches 16 KiB; the kernel's are at most 32 KiB.
    CHECK(f.events->most_bytes_a_turn() < 16 * 1024 + 32 * 1024);
}

TEST_CASE("changes that the kernel had to drop are made up for by reading everything again" *
          doctest::skip(!support::is_root())) {
    Fixture f;
    f.follow(4096);
    Fixture::many("add", 2'000);  // nobody reads meanwhile
    CHECK(f.until([&] { return f.ended >= 2 && f.routes.size() == 2'000; }));
    CHECK(f.events->resyncs() > 0);
    CHECK(f.lost >= 1);  // more where the reading itself meets a change
}

TEST_CASE("everything is told again on request: the kernel says nothing of IPv4 routes that go with an interface" *
          doctest::skip(!support::is_root())) {
    Fixture f;
    Fixture::many("add", 10);
    f.follow();
    CHECK(f.changes == 10);
    sh("ip link set va down");
    f.events->read_again();
    f.events->read_again();  // with the first, which waits for the link's routes to go
    CHECK(f.until([&] { return f.ended == 2; }));
    f.events->read_again();
    CHECK(f.until([&] { return f.ended == 3; }));
    CHECK(f.changes == 10);
    CHECK(f.lost == 0);
}

TEST_CASE("tables that no rule looks up carry nothing; a rule that comes, or goes, changes what is told" *
          doctest::skip(!support::is_root())) {
    Fixture f;
    sh("ip route add 10.20.0.0/24 via 10.8.0.1 dev va metric 20 proto bgp table 4242");
    f.follow();
    sh("ip route add 10.21.0.0/24 via 10.8.0.1 dev va metric 20 proto bgp table 4242; "
       "ip route add 10.22.0.0/24 via 10.8.0.1 dev va metric 20 proto bgp");
    REQUIRE(f.until([&] { return f.routes.size() == 1; }));
    CHECK(f.route("10.22.0.0/24 20") != nullptr);
    sh("ip rule add to 10.0.0.0/8 lookup 4242");
    CHECK(f.until([&] { return f.ended == 2 && f.routes.size() == 3; }));
    f.routes.clear();
    sh("ip rule del to 10.0.0.0/8 lookup 4242");
    CHECK(f.until([&] { return f.ended == 3; }));
    CHECK(f.routes.size() == 1);
    CHECK(f.lost == 0);
}
