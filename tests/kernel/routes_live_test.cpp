// The feed routes against the kernel: tables, replaced in place, undone, adopted, in a network namespace of the test's
// own.
#include <doctest/doctest.h>
#include <net/if.h>

#include <fstream>
#include <iterator>
#include <memory>

#include "kernel/group_host.hpp"
#include "kernel/links.hpp"
#include "kernel/routes_feed.hpp"
#include "kernel/routes_undo.hpp"
#include "support/private_net.hpp"

using namespace kernel_test;
using support::sh;

namespace {

std::string output(const std::string& command) {
    sh("(" + command + ") > /run/output 2>&1");
    std::ifstream in{"/run/output"};
    return {std::istreambuf_iterator<char>{in}, {}};
}

struct Live {
    Live() {
        sh("ip link set lo up; for i in 0 1; do ip link add wg$i type veth peer name far$i && ip link set wg$i "
           "addrgenmode none && ip link set far$i addrgenmode none && ip link set far$i up && ip link set wg$i up "
           "&& ip addr add 10.8.$i.0/31 dev wg$i && ip -6 addr add fd00:$i::/127 dev wg$i nodad; done && ip addr add "
           "10.1.0.1/32 dev lo");
        // The kernel makes the routes of IPv6 addresses once it has seen that the link is up.
        REQUIRE(support::until(context, [] {
            const auto routes = output("ip -6 route show table all");
            return routes.find("linkdown") == std::string::npos &&
                   routes.find("local fd00:: dev wg0") != std::string::npos &&
                   routes.find("local fd00:1:: dev wg1") != std::string::npos;
        }));
        host.add(0, 1, {"0.0.0.0/0", "::/0"}).weight = 2;
        host.add(1, 2, {"0.0.0.0/0", "::/0"});
        for (std::size_t i = 0; i < 2; ++i) {
            auto& a = host.adjacencies[i];
            a.ifindex = {::if_nametoindex(a.interface.c_str())};
            host.names[a.interface].index = a.ifindex;
        }
        start();
    }
    void start() {
        feed.reset();
        undo = std::make_unique<io::UndoLog>("/run/undo");
        feed = std::make_unique<kernel::RoutesFeed>(
            context, *undo, [this] { return now; }, [this] { apply(); });
        feed->configure({group});
        feed->on_links(host.all_links());
    }
    void apply() { feed->apply(host.wanted()); }
    void apply(VerdictState first, VerdictState second) {
        host.verdict(0).state = first;
        host.verdict(1).state = second;
        apply();
    }
    void later(base::Duration by) {
        now.steady += by;
        apply();
    }
    static std::string tables() {
        return output("(ip route show table all; ip -6 route show table all; ip rule; ip -6 rule) | sort");
    }
    static std::string route(const std::string& prefix, const std::string& more = "") {
        return output("ip route show " + prefix + " " + more);
    }
    std::string problem() const { return feed->status().problem; }

    support::PrivateNet net;
    GroupHost host;
    kernel::RouteGroup group{.name = "paris", .prefixes = {prefix("10.2.0.0/16"), prefix("fd02::/64")}, .rules = {}};
    boost::asio::io_context context{1};
    base::Now now{base::TimePoint{1h}, base::WallTime{1h}};
    std::unique_ptr<io::UndoLog> undo;
    std::unique_ptr<kernel::RoutesFeed> feed;
};

}  // namespace

TEST_CASE("a group's routes follow its verdicts and are never gone in between; stop takes them away" *
          doctest::skip(!support::is_root())) {
    Live live;
    const auto before = Live::tables();
    live.apply(VerdictState::up, VerdictState::up);
    REQUIRE(live.problem().empty());
    CHECK(Live::route("10.2.0.0/16") == "10.2.0.0/16 dev wg0 proto 87 scope link metric 100 \n");
    CHECK(output("ip -6 route show fd02::/64") == "fd02::/64 dev wg0 proto 87 metric 100 pref medium\n");
    const support::Process watch{
        [] { ::execl("/bin/sh", "sh", "-c", "exec ip monitor route > /run/monitor", nullptr); }};
    REQUIRE(support::until(
        live.context,
        [] {
            sh("ip route add 10.99.0.0/16 dev lo && ip route del 10.99.0.0/16");
            return !output("test ! -e /run/monitor || cat /run/monitor").empty();
        },
        60s));
    live.apply(VerdictState::down, VerdictState::up);
    CHECK(Live::route("10.2.0.0/16") == "10.2.0.0/16 dev wg1 proto 87 scope link metric 100 \n");
    live.apply(VerdictState::up, VerdictState::up);
    live.later(10s);
    CHECK(Live::route("10.2.0.0/16").find("dev wg0") != std::string::npos);
    CHECK(output("ip -6 route show fd02::/64").find("dev wg0") != std::string::npos);
    sh("ip route add 10.98.0.0/16 dev lo");
    REQUIRE(support::until(live.context, [] { return output("cat /run/monitor").find("10.98") != std::string::npos; }));
    sh("ip route del 10.98.0.0/16");
    const auto seen = output("cat /run/monitor");
    CHECK(seen.find("Deleted 10.2") == std::string::npos);
    CHECK(seen.find("Deleted fd02") == std::string::npos);
    live.feed->withdraw_all();
    CHECK(live.undo->records().empty());
    CHECK(Live::tables() == before);
}

TEST_CASE("weighted multipath, IPv4 and IPv6, shrinks and grows in place" * doctest::skip(!support::is_root())) {
    Live live;
    const auto before = Live::tables();
    live.group.rules.mode = kernel::GroupMode::active_active;
    live.group.source = address("10.1.0.1");
    live.start();
    live.apply(VerdictState::up, VerdictState::up);
    REQUIRE(live.problem().empty());
    const auto both = Live::tables();
    CHECK(Live::route("10.2.0.0/16").find("src 10.1.0.1") != std::string::npos);
    CHECK(Live::route("10.2.0.0/16").find("nexthop dev wg0 weight 2") != std::string::npos);
    CHECK(output("ip -6 route show fd02::/64").find("dev wg1 weight 1") != std::string::npos);
    live.apply(VerdictState::up, VerdictState::down);
    CHECK(Live::route("10.2.0.0/16").find("nexthop") == std::string::npos);
    CHECK(output("ip -6 route show fd02::/64") == "fd02::/64 dev wg0 proto 87 metric 100 pref medium\n");
    live.apply(VerdictState::up, VerdictState::up);
    live.later(10s);
    CHECK(Live::tables() == both);
    live.start();  // another process finds them as they should be
    live.apply();
    REQUIRE(live.problem().empty());
    CHECK(Live::tables() == both);
    live.feed->withdraw_all();
    CHECK(Live::tables() == before);
}

TEST_CASE("a restart keeps who carries; undo removes what is recorded and nothing else" *
          doctest::skip(!support::is_root())) {
    Live live;
    live.host.adjacencies[0].source_table = 101;
    sh("ip route add 10.3.0.0/16 dev wg0 proto 87 metric 100");  // an operator's
    const auto before = Live::tables();
    live.apply(VerdictState::down, VerdictState::up);
    live.apply(VerdictState::up, VerdictState::up);
    CHECK(output("ip rule").find("8700:\tfrom 10.8.0.0 lookup 101 proto 87") != std::string::npos);
    CHECK(Live::route("10.2.0.0/16", "table 101").find("dev wg0") != std::string::npos);
    const auto during = Live::tables();
    live.start();
    live.apply();
    CHECK(Live::tables() == during);  // it waits for its grace period, as before
    CHECK(Live::route("10.2.0.0/16").find("dev wg1") != std::string::npos);
    for (const auto& record : live.undo->records()) CHECK(kernel::revert_route(record).value());
    CHECK(Live::tables() == before);
    for (const auto& record : live.undo->records()) CHECK_FALSE(kernel::revert_route(record).value());
}

TEST_CASE("keep_on_exit: stop and undo leave the routes, and the next start takes them over" *
          doctest::skip(!support::is_root())) {
    Live live;
    const auto before = Live::tables();
    live.group.keep_on_exit = true;
    live.start();
    live.apply(VerdictState::up, VerdictState::up);
    const auto during = Live::tables();
    for (const auto& record : live.undo->records()) CHECK_FALSE(kernel::revert_route(record).value());
    live.feed->withdraw_all();
    CHECK(Live::tables() == during);
    CHECK(live.undo->records().empty());
    live.group.keep_on_exit = false;
    live.start();
    live.apply();
    REQUIRE(live.problem().empty());
    CHECK(Live::tables() == during);
    live.feed->withdraw_all();
    CHECK(Live::tables() == before);
}

TEST_CASE("keep_on_exit: a stop before anything was judged goes by what the process before said" *
          doctest::skip(!support::is_root())) {
    Live live;
    live.host.adjacencies[0].source_table = 101;
    const auto before = Live::tables();
    live.group.keep_on_exit = true;
    SUBCASE("to keep") {}
    SUBCASE("not to keep") { live.group.keep_on_exit = false; }
    live.start();
    live.apply(VerdictState::up, VerdictState::up);
    const auto during = Live::tables();
    REQUIRE(during != before);
    live.start();  // after kill -9
    live.feed->withdraw_all();
    CHECK(Live::tables() == (live.group.keep_on_exit ? during : before));
    CHECK(live.undo->records().empty());
}

TEST_CASE("keep_on_exit: a reload that changes it changes what undo leaves" * doctest::skip(!support::is_root())) {
    Live live;
    live.host.adjacencies[0].source_table = 101;
    const auto before = Live::tables();
    bool keeps = true;
    SUBCASE("to keep") {}
    SUBCASE("not to keep") { keeps = false; }
    live.group.keep_on_exit = !keeps;
    live.start();
    live.apply(VerdictState::up, VerdictState::up);
    live.group.keep_on_exit = keeps;
    live.feed->configure({live.group});
    live.apply();
    REQUIRE(live.problem().empty());
    const auto during = Live::tables();
    for (const auto& record : live.undo->records()) CHECK(kernel::revert_route(record).value() != keeps);
    CHECK(Live::tables() == (keeps ? during : before));
}

TEST_CASE("somebody else's route is left alone, and what the kernel drops comes back" *
          doctest::skip(!support::is_root())) {
    Live live;
    sh("ip route add 10.2.0.0/16 dev lo metric 100");
    live.apply(VerdictState::up, VerdictState::up);
    CHECK(live.problem() ==
          "somebody else has a route to 10.2.0.0/16 table 254 metric 100: remove it, or give the group another metric");
    CHECK(Live::route("10.2.0.0/16").find("dev lo") != std::string::npos);
    sh("ip route del 10.2.0.0/16");
    CHECK(support::until(live.context, [] { return Live::route("10.2.0.0/16").find("dev wg0") != std::string::npos; }));
    CHECK(live.problem().empty());
    kernel::Links links{live.context, [&](const std::vector<adjacency::Link>& all) {
                            for (const auto& link : all) live.host.names[link.name] = link;
                            live.feed->on_links(all);
                        }};
    REQUIRE(support::until(live.context, [&] { return live.host.names.contains("lo"); }));
    sh("ip link set wg0 down");
    CHECK(support::until(live.context, [] { return Live::route("10.2.0.0/16").find("dev wg1") != std::string::npos; }));
    sh("ip link set wg1 down");
    CHECK(Live::route("10.2.0.0/16").empty());
    sh("ip link set wg1 up");
    CHECK(support::until(live.context, [] { return Live::route("10.2.0.0/16").find("dev wg1") != std::string::npos; }));
    live.group.source = address("10.77.0.1");
    live.feed->configure({live.group});
    live.apply();
    CHECK(live.problem().find("is its source 10.77.0.1 an address of this host?") != std::string::npos);
    CHECK(Live::route("10.2.0.0/16").find("dev wg1") != std::string::npos);
}
