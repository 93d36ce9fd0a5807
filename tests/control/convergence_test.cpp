// Route changes and verdicts by hand, in made-up time. Interfaces 7, 8 and 9 are adjacencies 1, 2 and 3; 1 is none.
#include "control/convergence.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>
#include <set>
#include <string>

#include "support/cpu_time.hpp"

using namespace std::chrono_literals;
using adjacency::AdjacencyId;
using adjacency::Hop;
using adjacency::RouteChange;
using control::Convergence;
using control::RouteSource;
using policy::VerdictState;
using support::cpu_now;
using Kind = RouteChange::Kind;

namespace {

constexpr AdjacencyId paris{1}, berlin{2}, rome{3};
constexpr base::IfIndex wg0{7}, wg1{8}, wg2{9}, eth0{1};

std::optional<AdjacencyId> locate(const Hop& hop) {
    if (hop.out == wg0) return paris;
    if (hop.out == wg1) return berlin;
    if (hop.out == wg2) return rome;
    return std::nullopt;
}

struct Net {
    Convergence all{7, locate};
    base::Now now{base::TimePoint{1h}, base::WallTime{std::chrono::sys_days{std::chrono::year{2026} / 1 / 1}}};

    Net() {
        all.begin(RouteSource::kernel, false);
        all.end();
        sweep();
    }
    void sweep() {
        while (all.wants_sweep()) all.sweep(now.steady);
    }
    void after(base::Duration d) {
        now.steady += d;
        now.wall += d;
    }
    static RouteChange change(int n, Kind kind, std::vector<Hop> hops = {}, std::uint32_t metric = 20) {
        RouteChange out;
        out.kind = kind;
        out.prefix =
            base::Prefix::parse("10." + std::to_string(n / 256) + "." + std::to_string(n % 256) + ".0/24").value();
        out.table = 254;
        out.metric = metric;
        out.hops = std::move(hops);
        return out;
    }
    void tell(const RouteChange& c) { all.change(now.steady, c); }
    void settle() { all.settle(now.steady); }
    void route(int n, std::vector<Hop> hops, std::uint32_t metric = 20) {
        tell(change(n, Kind::route, std::move(hops), metric));
    }
    void gone(int n, std::uint32_t metric = 20) { tell(change(n, Kind::route_gone, {}, metric)); }
    void by_object(int n, std::uint32_t id) {
        auto c = change(n, Kind::route);
        c.nexthop = id;
        tell(c);
    }
    void object(std::uint32_t id, std::vector<Hop> hops, std::vector<std::uint32_t> members = {}) {
        RouteChange c;
        c.kind = Kind::nexthop;
        c.nexthop = id;
        c.hops = std::move(hops);
        c.members = std::move(members);
        tell(c);
    }
    void object_gone(std::uint32_t id) {
        RouteChange c;
        c.kind = Kind::nexthop_gone;
        c.nexthop = id;
        tell(c);
    }
    void verdict(AdjacencyId id, VerdictState from, VerdictState to) {
        all.on_verdict(now, id, {from, {}, 10}, {to, policy::Cause::detect_timeout, 10});
    }
    void down(AdjacencyId id) { verdict(id, VerdictState::up, VerdictState::down); }
    std::size_t count(AdjacencyId id) const {
        const auto counts = all.counts();
        const auto found = counts.find(id);
        return found == counts.end() ? 0 : found->second;
    }
    Convergence::Closed closed() {
        settle();
        auto reports = all.close(now.steady);
        REQUIRE(reports.size() == 1);
        sweep();
        return std::move(reports.front());
    }
};

Hop via(base::IfIndex out) { return {base::IpAddress::parse("10.8.0.1").value(), out}; }

}  // namespace

TEST_CASE("each prefix counts where its next hop lies; on several, for each of them; elsewhere, for nobody") {
    Net net;
    net.route(1, {via(wg0)});
    net.route(2, {via(wg0), via(wg1)});
    net.route(3, {via(eth0)});
    net.route(4, {Hop{{}, wg1}});
    CHECK(net.count(paris) == 2);
    CHECK(net.count(berlin) == 2);
    CHECK(net.all.routes() == 4);
    net.route(2, {via(wg1)});
    CHECK(net.count(paris) == 1);
    net.gone(1);
    net.settle();
    CHECK(net.count(paris) == 0);
    CHECK(net.all.routes() == 3);
    CHECK(net.all.uses(wg1));
    CHECK(!net.all.uses(wg0));
}

TEST_CASE("of the routes of one prefix the one of the lowest metric carries") {
    Net net;
    net.route(1, {via(wg1)}, 100);
    net.route(1, {via(wg0)}, 20);
    CHECK(net.count(paris) == 1);
    CHECK(net.count(berlin) == 0);
    net.down(paris);
    net.after(10ms);
    net.gone(1, 20);
    const auto report = net.closed();
    CHECK(report.failover.moved == 1);
    CHECK(report.to.at(berlin) == 1);
    CHECK(net.count(berlin) == 1);
}

TEST_CASE("a failover: how many, when the first and the last, and where to; over when all have moved") {
    Net net;
    for (int n = 0; n < 100; ++n) net.route(n, {via(wg0)});
    net.down(paris);
    CHECK(net.all.deadline() == net.now.steady + Convergence::quiet);
    for (int n = 0; n < 100; ++n) {
        net.after(n == 0 ? 80ms : 1ms);
        CHECK(net.all.close(net.now.steady).empty());
        net.route(n, {via(n < 60 ? wg1 : wg2)});
    }
    CHECK(net.all.deadline() <= net.now.steady);
    const auto [id, failover, to] = net.closed();
    CHECK(id == paris);
    CHECK(failover.prefixes == 100);
    CHECK(failover.moved == 100);
    CHECK(failover.withdrawn == 0);
    CHECK(failover.left == 0);
    CHECK(failover.first == 80ms);
    CHECK(failover.last == 179ms);
    CHECK(failover.verdict == VerdictState::down);
    CHECK(failover.cause == policy::Cause::detect_timeout);
    CHECK(failover.source == RouteSource::kernel);
    CHECK(failover.exact);
    CHECK(to == std::map<AdjacencyId, std::uint64_t>{{berlin, 60}, {rome, 40}});
    CHECK(net.all.deadline() == base::never);
}

TEST_CASE("who loses one of several next hops has moved to the others") {
    Net net;
    net.route(1, {via(wg0), via(wg1)});
    net.down(paris);
    net.after(5ms);
    net.route(1, {via(wg1)});
    const auto report = net.closed();
    CHECK(report.failover.prefixes == 1);
    CHECK(report.failover.moved == 1);
    CHECK(report.to == std::map<AdjacencyId, std::uint64_t>{{berlin, 1}});
}

TEST_CASE("zebra's removal with the new route behind it is one move, with other routes' in between it is not") {
    Net net;
    net.route(1, {via(wg0)});
    net.route(2, {via(wg0)});
    net.down(paris);
    net.after(2ms);
    net.gone(2);
    net.route(2, {via(wg0)});  // told again, as an update of something else
    net.after(3ms);
    net.gone(1);
    net.route(1, {via(wg1)});
    net.settle();
    CHECK(net.count(paris) == 1);
    net.after(6s);
    const auto report = net.closed();
    CHECK(report.failover.moved == 1);
    CHECK(report.failover.left == 1);
    CHECK(report.failover.withdrawn == 0);
    CHECK(report.failover.first == 5ms);
    CHECK(report.failover.last == 5ms);
}

TEST_CASE("a replacement may change the metric") {
    Net net;
    net.route(1, {via(wg0)}, 20);
    net.down(paris);
    net.after(5ms);
    net.gone(1, 20);
    net.route(1, {via(wg1)}, 30);
    CHECK(net.all.routes() == 1);
    const auto report = net.closed();
    CHECK(report.failover.moved == 1);
    CHECK(report.failover.withdrawn == 0);
}

TEST_CASE("what was withdrawn and comes back another way has moved then; until then the report stays open") {
    Net net;
    net.route(1, {via(wg0)});
    net.route(2, {via(wg0)});
    net.down(paris);
    net.after(5ms);
    net.gone(1);
    net.gone(2);
    net.settle();
    CHECK(net.all.routes() == 0);
    CHECK(net.all.close(net.now.steady).empty());
    net.after(2s);
    net.route(1, {via(wg1)});
    CHECK(net.all.close(net.now.steady).empty());
    net.after(5s);
    const auto report = net.closed();
    CHECK(report.failover.moved == 1);
    CHECK(report.failover.withdrawn == 1);
    CHECK(report.failover.first == 5ms);
    CHECK(report.failover.last == 2005ms);
    CHECK(net.all.routes() == 1);
    net.route(2, {via(wg1)});  // too late for the report
    CHECK(net.count(berlin) == 2);
}

TEST_CASE("an unreachable route is no way: withdrawn, until there is one") {
    Net net;
    net.route(1, {via(wg0)});
    net.down(paris);
    net.after(5ms);
    net.route(1, {});
    net.after(5ms);
    CHECK(net.all.close(net.now.steady).empty());
    net.route(1, {via(eth0)});
    const auto report = net.closed();
    CHECK(report.failover.moved == 1);
    CHECK(report.failover.withdrawn == 0);
    CHECK(report.failover.elsewhere == 1);
    CHECK(report.to.empty());
}

TEST_CASE("what moves back to the adjacency that is down has not moved") {
    Net net;
    net.route(1, {via(wg0)});
    net.route(2, {via(wg0)});
    net.down(paris);
    net.after(5ms);
    net.route(1, {via(wg1)});
    net.after(5ms);
    net.route(1, {via(wg0)});
    net.after(5s);
    const auto report = net.closed();
    CHECK(report.failover.moved == 0);
    CHECK(report.failover.left == 2);
    CHECK(report.to.empty());
}

TEST_CASE("nothing moves: the report says so after the quiet time, not a moment before; each change begins it anew") {
    Net net;
    net.route(1, {via(wg0)});
    net.route(2, {via(wg0)});
    net.down(paris);
    net.after(4s);
    net.route(1, {via(wg1)});
    net.after(5s - 1ns);
    CHECK(!net.all.is_due(net.now.steady));
    CHECK(net.all.deadline() == net.now.steady + 1ns);
    CHECK(net.all.close(net.now.steady).empty());
    net.after(1ns);
    CHECK(net.all.is_due(net.now.steady));
    const auto report = net.closed();
    CHECK(report.failover.moved == 1);
    CHECK(report.failover.left == 1);
}

TEST_CASE("up again ends the report, and a verdict that takes nothing away begins none") {
    Net net;
    net.verdict(paris, VerdictState::up, VerdictState::down);
    CHECK(net.all.deadline() == base::never);  // no prefix, no report
    net.route(1, {via(wg0)});
    net.verdict(paris, VerdictState::unknown, VerdictState::up);
    net.verdict(paris, VerdictState::unknown, VerdictState::down);
    net.verdict(paris, VerdictState::down, VerdictState::admin_down);
    net.verdict(paris, VerdictState::up, VerdictState::unknown);
    CHECK(net.all.deadline() == base::never);
    for (const auto to : {VerdictState::down, VerdictState::degraded, VerdictState::admin_down}) {
        net.verdict(paris, VerdictState::up, to);
        CHECK(net.all.deadline() != base::never);
        net.after(10ms);
        net.verdict(paris, to, VerdictState::up);
        const auto report = net.closed();
        CHECK(report.failover.verdict == to);
        CHECK(report.failover.left == 1);
        CHECK(!report.failover.first);
    }
}

TEST_CASE("two adjacencies may fail over at once, each with its report; what moved onto the second moves on") {
    Net net;
    net.route(1, {via(wg0)});
    net.down(paris);
    net.after(5ms);
    net.route(1, {via(wg1)});
    CHECK(net.closed().to.at(berlin) == 1);
    net.down(paris);
    net.down(berlin);
    net.after(5ms);
    net.route(1, {via(wg2)});
    const auto report = net.closed();
    CHECK(report.id == berlin);
    CHECK(report.to.at(rome) == 1);
}

TEST_CASE("a next-hop object that changes moves every route that goes through it, and through its groups") {
    Net net;
    net.object(14, {via(wg0)});
    net.object(19, {via(wg1)});
    net.object(20, {}, {14, 19});
    for (int n = 0; n < 10; ++n) net.by_object(n, 14);
    for (int n = 10; n < 15; ++n) net.by_object(n, 20);
    CHECK(net.count(paris) == 15);
    CHECK(net.count(berlin) == 5);
    net.down(paris);
    net.after(3ms);
    net.object(14, {via(wg2)});
    const auto report = net.closed();
    CHECK(report.failover.prefixes == 15);
    CHECK(report.failover.moved == 15);
    CHECK(report.failover.first == 3ms);
    CHECK(report.to == std::map<AdjacencyId, std::uint64_t>{{berlin, 5}, {rome, 15}});
    CHECK(net.count(rome) == 15);
}

TEST_CASE("a group that shrinks by a member moves its routes to what is left") {
    Net net;
    net.object(14, {via(wg0)});
    net.object(19, {via(wg1)});
    net.object(20, {}, {14, 19});
    net.by_object(1, 20);
    net.down(paris);
    net.object(20, {}, {19});
    CHECK(net.closed().to == std::map<AdjacencyId, std::uint64_t>{{berlin, 1}});
}

TEST_CASE("an object that is told after the routes that go through it, as a replay may") {
    Net net;
    net.by_object(1, 14);
    net.by_object(2, 20);
    CHECK(net.count(paris) == 0);
    net.object(20, {}, {14});
    net.object(14, {via(wg0)});
    CHECK(net.count(paris) == 2);
}

TEST_CASE("an object that is gone takes its routes with it") {
    Net net;
    net.object(14, {via(wg0)});
    for (int n = 0; n < 10; ++n) net.by_object(n, 14);
    net.down(paris);
    net.after(3ms);
    net.object_gone(14);
    CHECK(net.all.wants_sweep());
    net.sweep();
    CHECK(net.all.routes() == 0);
    CHECK(net.count(paris) == 0);
    net.after(1ms);
    net.route(3, {via(wg1)});
    net.after(5s);
    const auto report = net.closed();
    CHECK(report.failover.withdrawn == 9);
    CHECK(report.failover.moved == 1);
}

TEST_CASE("everything told again is nothing new; what was not told again is gone") {
    Net net;
    net.object(14, {via(wg0)});
    net.by_object(1, 14);
    net.route(2, {via(wg0)});
    net.route(3, {via(wg0)});
    net.down(paris);
    net.after(3ms);
    net.all.begin(RouteSource::kernel, true);
    CHECK(net.count(paris) == 3);
    net.object(14, {via(wg0)});
    net.by_object(1, 14);
    net.route(3, {via(wg1)});
    CHECK(net.count(paris) == 2);
    net.all.end();
    net.sweep();
    CHECK(net.all.routes() == 2);
    net.after(5s);
    const auto report = net.closed();
    CHECK(report.failover.moved == 1);
    CHECK(report.failover.withdrawn == 1);
    CHECK(report.failover.left == 1);
    CHECK(!report.failover.exact);
}

TEST_CASE("another source does not withdraw what it does not know, and its numbers of objects are its own") {
    Net net;
    net.object(14, {via(wg0)});
    net.by_object(1, 14);
    net.route(2, {via(wg0)});  // not zebra's
    net.down(paris);
    net.all.begin(RouteSource::fpm, false);
    net.object(14, {via(wg1)});  // another 14
    CHECK(net.count(paris) == 2);
    net.object(5, {via(wg0)});
    net.by_object(1, 5);
    net.all.end();
    net.sweep();
    CHECK(net.count(paris) == 1);
    CHECK(net.all.source() == RouteSource::fpm);
    net.after(5s);
    const auto report = net.closed();
    CHECK(report.failover.withdrawn == 0);
    CHECK(report.failover.moved == 0);
    CHECK(report.failover.left == 1);
    CHECK(!report.failover.exact);
}

TEST_CASE("a verdict before all has been told, or told anew, is not reported as exact; one after it is") {
    for (const bool lost : {false, true}) {
        Net net;
        net.route(1, {via(wg0)});
        net.route(2, {via(wg1)});
        net.route(3, {via(wg2)});
        if (lost)
            net.all.begin(RouteSource::kernel, true);
        else
            net.all.begin(RouteSource::fpm, false);
        net.route(1, {via(wg0)});
        net.route(2, {via(wg1)});
        net.route(3, {via(wg2)});
        net.down(paris);
        net.all.end();
        net.down(berlin);
        net.sweep();
        net.down(rome);
        for (int n = 1; n <= 3; ++n) net.route(n, {via(eth0)});
        const auto closed = net.all.close(net.now.steady);
        REQUIRE(closed.size() == 3);
        CHECK(closed[0].failover.moved == 1);
        CHECK(!closed[0].failover.exact);
        CHECK(!closed[1].failover.exact);
        CHECK(closed[2].failover.exact);
    }
}

TEST_CASE("a verdict during the very first reading is not reported as exact") {
    Net net;
    Convergence fresh{7, locate};
    fresh.begin(RouteSource::kernel, false);
    fresh.change(net.now.steady, Net::change(1, Kind::route, {via(wg0)}));
    fresh.on_verdict(net.now, paris, {VerdictState::up, {}, 10}, {VerdictState::down, {}, 10});
    fresh.change(net.now.steady, Net::change(1, Kind::route, {via(wg1)}));
    const auto closed = fresh.close(net.now.steady);
    REQUIRE(closed.size() == 1);
    CHECK(!closed.front().failover.exact);
}

TEST_CASE("256 next hops of a route count, of 257 the first 256; what was refused is told, and nothing exact then") {
    const auto ways = [](std::uint32_t n) {
        std::vector<Hop> out;
        for (std::uint32_t i = 0; i < n; ++i) out.push_back({{}, {1'000 + i}});
        return out;
    };
    for (const bool too_many : {false, true}) {
        CAPTURE(too_many);
        Convergence all{7, [](const Hop& hop) { return std::optional{AdjacencyId{hop.out.value}}; }};
        all.begin(RouteSource::kernel, false);
        all.end();
        const base::Now now{base::TimePoint{1h}, {}};
        while (all.wants_sweep()) all.sweep(now.steady);
        all.change(now.steady, Net::change(1, Kind::route, ways(too_many ? 257 : 256)));
        CHECK(all.counts().size() == 256);
        CHECK(all.refused().hops == (too_many ? 1 : 0));
        CHECK(all.refused().any() == too_many);
        all.on_verdict(now, {1'000}, {VerdictState::up, {}, 10}, {VerdictState::down, {}, 10});
        all.change(now.steady, Net::change(1, Kind::route, {via(eth0)}));
        const auto closed = all.close(now.steady);
        REQUIRE(closed.size() == 1);
        CHECK(closed.front().failover.exact == !too_many);
    }
}

TEST_CASE("IPv6 routes of one prefix and metric that stand beside each other ride on all of them") {
    Net net;
    auto c = Net::change(1, Kind::route);
    c.prefix = base::Prefix::parse("fd20::/64").value();
    const auto tell = [&](Kind kind, base::IfIndex out) {
        c.kind = kind;
        c.beside = kind == Kind::route;
        c.hops = {Hop{{}, out}};
        net.tell(c);
        net.settle();
    };
    tell(Kind::route, wg0);
    tell(Kind::route, wg1);
    CHECK(net.count(paris) == 1);
    CHECK(net.count(berlin) == 1);
    CHECK(net.all.routes() == 1);
    net.down(paris);
    net.after(3ms);
    tell(Kind::route_gone, wg0);
    auto report = net.closed();
    CHECK(report.failover.moved == 1);
    CHECK(report.to == std::map<AdjacencyId, std::uint64_t>{{berlin, 1}});
    CHECK(net.count(berlin) == 1);
    tell(Kind::route, wg0);
    net.all.begin(RouteSource::kernel, true);  // of what is read anew only what is told counts
    tell(Kind::route, wg1);
    tell(Kind::route, wg2);
    net.all.end();
    net.sweep();
    CHECK(net.count(paris) == 0);
    CHECK(net.count(berlin) == 1);
    CHECK(net.count(rome) == 1);
    c.beside = false;  // it replaces them
    c.hops = {Hop{{}, wg0}};
    net.tell(c);
    CHECK(net.count(paris) == 1);
    CHECK(net.count(berlin) + net.count(rome) == 0);
    tell(Kind::route_gone, wg0);  // in one batch with what comes instead
    tell(Kind::route, wg2);
    CHECK(net.count(paris) == 0);
    CHECK(net.count(rome) == 1);
}

TEST_CASE("IPv6 takes next hops out of a route one at a time") {
    Net net;
    auto c = Net::change(1, Kind::route);
    c.prefix = base::Prefix::parse("fd20::/64").value();
    c.hops = {via(wg0), via(wg1)};
    net.tell(c);
    net.down(paris);
    c.kind = Kind::route_gone;
    c.hops = {via(wg0)};
    net.tell(c);
    CHECK(net.closed().to == std::map<AdjacencyId, std::uint64_t>{{berlin, 1}});
    CHECK(net.all.routes() == 1);
    c.hops = {via(wg1)};
    net.tell(c);
    net.settle();
    CHECK(net.all.routes() == 0);
}

TEST_CASE("whatever routes, verdicts and tellings do in whatever order, the counts are those of a plain map") {
    using Key = std::pair<int, std::uint32_t>;  // prefix, metric
    std::mt19937 chance{11};
    const auto pick = [&](int n) { return static_cast<int>(chance() % static_cast<unsigned>(n)); };
    const std::vector<std::vector<Hop>> ways{{via(wg0)}, {via(wg1)}, {via(wg0), via(wg1)}, {via(wg2)}, {via(eth0)}, {}};
    Net net;
    std::map<Key, std::vector<Hop>> model;
    std::set<Key> told;
    bool telling = false;
    const auto check = [&] {
        std::map<AdjacencyId, std::size_t> expected;
        std::map<int, bool> seen;
        for (const auto& [key, hops] : model)  // of one prefix the lowest metric comes first
            if (!std::exchange(seen[key.first], true))
                for (const auto& hop : hops)
                    if (const auto id = locate(hop)) ++expected[*id];
        for (const auto id : {paris, berlin, rome}) REQUIRE(net.count(id) == expected[id]);
        REQUIRE(net.all.routes() == model.size());
    };
    for (int step = 0; step < 60'000; ++step) {
        CAPTURE(step);
        net.after(1ms);
        const int n = pick(3'000);
        const auto metric = static_cast<std::uint32_t>(20 + pick(2));
        const int what = pick(1'000);
        if (what < 600) {
            const auto& hops = ways[static_cast<std::size_t>(pick(6))];
            net.route(n, hops, metric);
            model[{n, metric}] = hops;
            told.insert({n, metric});
        } else if (what < 985) {
            net.gone(n, metric);
            net.settle();
            model.erase({n, metric});
        } else if (what < 990) {
            net.down(AdjacencyId{1 + static_cast<std::uint32_t>(pick(3))});
        } else if (what < 995) {
            for (const auto& closed : net.all.close(net.now.steady)) {
                const auto& f = closed.failover;
                REQUIRE(f.left == net.count(closed.id));
            }
        } else if (!telling) {
            net.all.begin(RouteSource::kernel, true);
            telling = true;
            told.clear();
        } else {
            net.all.end();
            net.sweep();
            std::erase_if(model, [&](const auto& item) { return !told.contains(item.first); });
            telling = false;
        }
        if (step % 100 == 0) check();
    }
    check();
}

TEST_CASE("100,000 routes: 64 bytes each at most, whatever is asked of them in slices, and a verdict looks at none") {
    Net net;
    constexpr int routes = 100'000;
    const auto each = [&](auto tell) {
        for (int n = 0; n < routes; ++n) {
            auto c = Net::change(0, Kind::route, {via(wg0)});
            for (std::size_t i = 0; i < 4; ++i)
                c.prefix.address.bytes[i] = static_cast<std::uint8_t>(n >> (8 * (3 - i)));
            c.prefix.length = 32;
            tell(c);
        }
    };
    each([&](const RouteChange& c) { net.tell(c); });
    CHECK(net.count(paris) == routes);
    CHECK(net.all.bytes() <= std::size_t{64} * routes);
    MESSAGE("bytes a route: ", static_cast<double>(net.all.bytes()) / routes);
    const auto begun = cpu_now();
    net.down(paris);
    const auto verdict = cpu_now() - begun;
    MESSAGE("a verdict: ns ", verdict.count());
    each([&](RouteChange c) {
        c.hops = {via(wg1)};
        net.tell(c);
    });
    const auto moved = cpu_now() - begun;
    MESSAGE("a route that moves: ns ", moved.count() / routes);
    CHECK(net.closed().failover.moved == routes);
    net.all.begin(RouteSource::none, false);
    net.all.end();
    int slices = 0;
    auto longest = 0ns;
    while (net.all.wants_sweep()) {
        const auto from = cpu_now();
        net.all.sweep(net.now.steady);
        longest = std::max(longest, cpu_now() - from);
        ++slices;
    }
    MESSAGE("the longest slice of the sweep: ns ", longest.count());
    CHECK(slices >= 64);
    CHECK(net.all.routes() == 0);
}
