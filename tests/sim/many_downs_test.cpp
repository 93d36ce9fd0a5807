// A controller with 1,000 peers that all go down at once: what routing is waiting for must not wait for reports.
#include <doctest/doctest.h>

#include <algorithm>

#include "sim/world.hpp"
#include "support/cpu_time.hpp"

namespace {

using namespace std::chrono_literals;
using support::cpu_now;

constexpr std::uint32_t peers = 1'000, routes = 100'000;

struct Hub {
    Hub() {
        controller.on_host(now, sim::hub(peers));
        for (bool more = true; more;) {
            const auto turn = controller.take(now);
            for (const auto& command : turn.commands)
                if (const auto* add = std::get_if<probe::Add>(&command)) slots.push_back(add->slot);
            more = turn.unfinished;
        }
        REQUIRE(slots.size() == peers);
        turn(bfd::State::up);
    }
    void all_routes() {
        auto& convergence = controller.convergence();
        convergence.begin(control::RouteSource::kernel, false);
        for (std::uint32_t n = 0; n < routes; ++n) route(n, {sim::nth_tunnel(n % peers), {7}});
        convergence.end();
        while (convergence.wants_sweep()) convergence.sweep(now.steady);
    }
    void route(std::uint32_t n, const adjacency::Hop& hop) {
        adjacency::RouteChange change;
        change.prefix = sim::net("10.64.0.0/32");
        change.prefix.address.bytes[1] = static_cast<std::uint8_t>(64 + n / 65'536);
        change.prefix.address.bytes[2] = static_cast<std::uint8_t>(n / 256 % 256);
        change.prefix.address.bytes[3] = static_cast<std::uint8_t>(n % 256);
        change.table = 254;
        change.hops = {hop};
        controller.convergence().change(now.steady, change);
    }
    // Every session says so; what take() cost, which is before any feed.
    std::chrono::nanoseconds turn(bfd::State state) {
        now.steady += 1s;
        now.wall += 1s;
        bfd::Status status;
        status.state = status.remote_state = state;
        status.ever_heard = status.ever_up = true;
        for (const auto* slot : slots)
            controller.on_event(now, probe::Changed{slot->id, now.steady, now.steady, status});
        const auto begun = cpu_now();
        const auto turn = controller.take(now);
        const auto before_feeds = cpu_now() - begun;
        CHECK(turn.verdicts_changed);
        return before_feeds;
    }
    std::vector<control::Record> report() { return controller.report(now); }

    base::Now now = sim::at(0s);
    control::Controller controller{config::Config{}, 7, now};
    std::vector<probe::Slot*> slots;
};

}  // namespace

TEST_CASE("1,000 peers down at once: the turn before the feeds costs no more for their 100,000 routes") {
    auto without = 1s + 0ns, with = without, reports = without, closing = without;
    for (int i = 0; i < 3; ++i) {
        Hub plain, routed;
        routed.all_routes();
        without = std::min(without, plain.turn(bfd::State::down));
        with = std::min(with, routed.turn(bfd::State::down));
        auto begun = cpu_now();
        CHECK(routed.report().empty());
        reports = std::min(reports, cpu_now() - begun);
        for (std::uint32_t n = 0; n < routes; ++n) routed.route(n, {{}, {2}});
        begun = cpu_now();
        const auto closed = routed.report();
        closing = std::min(closing, cpu_now() - begun);
        REQUIRE(closed.size() == peers);
        for (const auto& record : closed) {
            REQUIRE(!record.adjacency.empty());
            REQUIRE(record.failover->prefixes == routes / peers);
            REQUIRE(record.failover->elsewhere == routes / peers);
        }
    }
    MESSAGE("us before the feeds, without routes ", without.count() / 1000, ", with ", with.count() / 1000,
            "; after them: reports begun ", reports.count() / 1000, ", closed ", closing.count() / 1000);
    CHECK(with < without + without / 2);
    CHECK(closing < with + without);
}
