// Many adjacencies that fail over at once: what each of them costs must not depend on how many others there are.
#include "control/reports.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "control/convergence.hpp"
#include "support/cpu_time.hpp"

using namespace std::chrono_literals;
using adjacency::AdjacencyId;
using adjacency::RouteChange;
using control::Convergence;
using policy::VerdictState;
using support::cpu_now;

namespace {

constexpr std::uint32_t routes = 100'000;
constexpr std::uint32_t elsewhere = 1'000'000;  // the interface of the adjacency that is left
const base::Now now{base::TimePoint{1h}, base::WallTime{std::chrono::sys_days{std::chrono::year{2026} / 1 / 1}}};

RouteChange route(std::uint32_t n, std::uint32_t interface) {
    RouteChange out;
    out.prefix = base::Prefix::parse("10.0.0.0/32").value();
    for (std::size_t i = 0; i < 4; ++i) out.prefix.address.bytes[i] = static_cast<std::uint8_t>(n >> (8 * (3 - i)));
    out.table = 254;
    out.hops = {{{}, {interface}}};
    return out;
}

struct Cost {  // of one
    double verdict = 0, move = 0, close = 0;
};

// 100,000 routes over so many adjacencies, an interface each: all of them go down, and the routes move.
Cost cost_of_downs(std::uint32_t adjacencies) {
    Convergence all{7, [](const adjacency::Hop& hop) { return std::optional{AdjacencyId{hop.out.value}}; }};
    all.begin(control::RouteSource::kernel, false);
    for (std::uint32_t n = 0; n < routes; ++n) all.change(now.steady, route(n, 1 + n % adjacencies));
    all.end();
    while (all.wants_sweep()) all.sweep(now.steady);
    const auto begun = cpu_now();
    for (std::uint32_t id = 1; id <= adjacencies; ++id)
        all.on_verdict(now, {id}, {VerdictState::up, {}, 10}, {VerdictState::down, {}, 10});
    const auto told = cpu_now();
    auto change = route(0, elsewhere);
    for (std::uint32_t n = 0; n < routes; ++n) {
        change.prefix = route(n, elsewhere).prefix;
        all.change(now.steady, change);
    }
    const auto moved = cpu_now();
    const auto closed = all.close(now.steady);
    const auto over = cpu_now();
    REQUIRE(closed.size() == adjacencies);
    for (const auto& each : closed) REQUIRE(each.failover.moved == each.failover.prefixes);
    const auto each = [](auto from, auto to, double n) { return static_cast<double>((to - from).count()) / n; };
    return {each(begun, told, adjacencies), each(told, moved, routes), each(moved, over, adjacencies)};
}

Cost least(const Cost& a, const Cost& b) {
    return {std::min(a.verdict, b.verdict), std::min(a.move, b.move), std::min(a.close, b.close)};
}

}  // namespace

TEST_CASE("1,000 adjacencies down at once, 100,000 routes: each verdict and each move costs what it does among 100") {
    Cost few{1e9, 1e9, 1e9}, many = few;
    for (int i = 0; i < 3; ++i) {
        few = least(few, cost_of_downs(100));
        many = least(many, cost_of_downs(1'000));
    }
    MESSAGE("ns a verdict, a move, a report, of 100: ", few.verdict, ", ", few.move, ", ", few.close,
            "; of 1,000: ", many.verdict, ", ", many.move, ", ", many.close);
    MESSAGE("1,000 verdicts: us ", many.verdict);
    CHECK(many.verdict < 3 * few.verdict);
    CHECK(many.move < 3 * few.move);
    CHECK(many.close < 4 * few.close);
}
