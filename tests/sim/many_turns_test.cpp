// A hub with 1,000 WireGuard peers on one interface: what each handler of the control thread costs, step by step, and
// who goes Down while so much else is under way.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "support/cpu_time.hpp"
#include "world.hpp"

namespace {

using namespace std::chrono_literals;
using support::cpu_now;

constexpr std::uint32_t many = 1'000;

// The first and the last of them lead to the same place.
config::Config one_group() {
    config::Config out;
    for (const std::size_t n : {0U, many - 1U}) {
        config::Adjacency one;
        one.interface = "wg0";
        one.peer = sim::hub(many).devices.front().peers[n].key;
        one.group = "paris";
        one.timers.up_delay = 10s;
        out.adjacencies.push_back(one);
    }
    return out;
}

bfd::Status status_in(bfd::State state) {
    bfd::Status status;
    status.state = status.remote_state = state;
    status.ever_heard = status.ever_up = true;
    return status;
}

struct Hub {
    explicit Hub(const config::Config& with = {}) : config{with} {}
    // Handlers as the worker has them: what the longest of them took.
    template <class Call>
    void timed(const std::string& what, Call call) {
        const auto begun = cpu_now();
        call();
        auto& longest = costs[what];
        longest = std::max(longest, cpu_now() - begun);
    }
    void turns(const std::string& what) {
        for (bool more = true; more;) {
            timed(what + ": turn", [&] {
                const auto turn = controller.take(now);
                controller.report(now);
                static_cast<void>(controller.deadline());
                more = turn.unfinished;
                for (const auto& command : turn.commands) {
                    if (const auto* add = std::get_if<probe::Add>(&command)) slots.push_back(add->slot);
                    if (const auto* add = std::get_if<probe::AddGauge>(&command)) gauges.push_back(add->gauge);
                }
            });
        }
    }
    void host(const std::string& what) {
        now.steady += 1s;
        now.wall += 1s;
        timed(what + ": host", [&, all = seen]() mutable { controller.on_host(now, std::move(all)); });
        turns(what);
    }
    void event(const std::string& what, probe::Slot* slot, bfd::State state) {
        const auto status = status_in(state);
        timed(what + ": event", [&] {
            controller.on_event(now, probe::Changed{slot->id, now.steady, now.steady, status});
        });
    }
    void all_up() {
        host("");
        for (auto* slot : slots) event("", slot, bfd::State::up);
        turns("");
    }
    // One goes Down in that turn of the series that such a change takes: its verdict, and nobody else's, in that turn.
    // Feeds hear of it in the last one, when they are told of everybody.
    void down_amid(std::size_t nth, bool feeds_hear_at_once, std::size_t who = 900) {
        for (std::size_t i = 0; i < nth; ++i) REQUIRE(controller.take(now).unfinished);
        static_cast<void>(controller.report(now));
        event("", slots[who], bfd::State::down);
        auto turn = controller.take(now);
        CHECK(turn.unfinished);
        CHECK(turn.verdicts_changed == feeds_hear_at_once);
        std::vector<std::string> verdicts;
        for (const auto& record : turn.records)
            if (record.event == "verdict") verdicts.push_back(record.from + ">" + record.to + " " + record.cause);
        CHECK(verdicts == std::vector<std::string>{"up>down detect-timeout"});
        bool told = turn.verdicts_changed;
        while (turn.unfinished) {
            turn = controller.take(now);
            CHECK((!turn.verdicts_changed || !turn.unfinished));
            told |= turn.verdicts_changed;
        }
        CHECK(told);
    }
    std::ptrdiff_t up() const {
        const auto rows = controller.rows();
        return std::ranges::count(rows, policy::VerdictState::up, [](const auto& row) { return row.verdict.state; });
    }

    policy::VerdictState state(std::size_t nth) const { return controller.rows().at(nth).verdict.state; }

    base::Now now = sim::at(0s);
    control::Host seen = sim::hub(many);
    config::Config config;
    control::Controller controller{config, 7, now};
    std::vector<probe::Slot*> slots;
    std::vector<probe::Gauge*> gauges;
    std::map<std::string, std::chrono::nanoseconds> costs;
};

}  // namespace

TEST_CASE("1,000 peers: what each step takes; one that goes Down is not thought over like 1,000") {
    std::map<std::string, std::chrono::nanoseconds> best;
    for (int i = 0; i < 3; ++i) {
        Hub hub;
        hub.host("1 discovery");
        REQUIRE(hub.slots.size() == many);
        for (auto* slot : hub.slots) hub.event("2 up", slot, bfd::State::up);
        hub.turns("2 up");
        hub.host("3 poll, nothing new");
        for (auto& peer : hub.seen.devices.front().peers) peer.rx_bytes += 100;
        hub.host("4 poll, counters");
        hub.event("5 one down", hub.slots[500], bfd::State::down);
        hub.turns("5 one down");
        hub.event("5 one down", hub.slots[500], bfd::State::up);
        hub.turns("5 one up");
        hub.seen.devices.front().peers[700].allowed_ips.push_back(sim::net("10.64.0.0/16"));
        hub.host("6 one changed");
        hub.timed("7 reload: config", [&] { hub.controller.on_config(hub.now, config::Config{}); });
        hub.turns("7 reload");
        hub.seen.devices.front().peers.erase(hub.seen.devices.front().peers.begin() + 300);
        hub.host("8 one removed");
        const auto kept = hub.seen;
        hub.seen.devices.clear();
        hub.seen.links.clear();
        hub.host("9 interface gone");
        for (const auto& [what, cost] : hub.costs) {
            const auto [place, fresh] = best.try_emplace(what, cost);
            if (!fresh) place->second = std::min(place->second, cost);
        }
    }
    for (const auto& [what, cost] : best) MESSAGE(what, " ", cost.count() / 1000, " us");
    CHECK(best["5 one down: turn"] * 4 < best["2 up: turn"]);
}

TEST_CASE("a Down amid the slices of a reload is judged in its turn, alone, and nobody else changes") {
    for (std::size_t nth = 0; nth < 5; ++nth) {
        CAPTURE(nth);
        Hub hub;
        hub.all_up();
        hub.controller.on_config(hub.now, config::Config{});
        hub.down_amid(nth, false, nth % 2 == 0 ? 900 : 3);  // ahead of the slices, and behind them
        CHECK(hub.up() == many - 1);
    }
}

TEST_CASE("a Down while another peer comes is judged in its turn") {
    Hub hub;
    hub.all_up();
    hub.seen.devices.front().peers.push_back(sim::peer(0xee, {base::Prefix{sim::nth_tunnel(1'200), 32}}));
    hub.controller.on_host(hub.now, hub.seen);
    hub.down_amid(0, false);
    CHECK(hub.up() == many - 1);
}

TEST_CASE("a Down while very many are thought over that are not Up: feeds hear of it at once") {
    Hub hub;
    hub.all_up();
    for (std::size_t n = 0; n < 800; ++n) hub.event("", hub.slots[n], bfd::State::down);
    hub.turns("");
    hub.now.steady += 1s;
    hub.controller.on_host(hub.now, hub.seen);
    hub.down_amid(1, true);
    CHECK(hub.up() == 199);
}

TEST_CASE("1,000 verdicts are thought over a slice a turn, and feeds hear of an interface that went once all were") {
    Hub hub;
    hub.all_up();
    hub.seen.devices.clear();
    hub.seen.links.clear();
    hub.controller.on_host(hub.now, hub.seen);
    std::size_t verdicts = 0, applied = 0;
    for (bool more = true; more;) {
        const auto turn = hub.controller.take(hub.now);
        more = turn.unfinished;
        std::size_t some = 0;
        for (const auto& record : turn.records) some += record.event == "verdict" ? 1U : 0U;
        CHECK(some <= 300);
        verdicts += some;
        applied += turn.verdicts_changed ? 1U : 0U;
        CHECK(turn.verdicts_changed != more);
    }
    CHECK(verdicts == many);
    CHECK(applied == 1);
}

TEST_CASE("after a restart that nobody notices, a group's path waits for its up_delay while the other carries on") {
    Hub before{one_group()};
    std::vector<std::byte> memory(probe::Store::size());
    probe::Store store{memory};
    before.controller.keep_in(store);
    before.all_up();
    before.event("", before.slots.front(), bfd::State::down);
    before.turns("");
    before.event("", before.slots.front(), bfd::State::up);
    before.turns("");
    REQUIRE(before.state(0) == policy::VerdictState::down);
    before.controller.keep_all();

    Hub after{one_group()};
    after.controller.recall(after.now, control::read_memory(memory));
    after.turns("");
    REQUIRE(after.slots.size() == many);
    for (auto* slot : after.slots) after.event("", slot, bfd::State::up);
    after.host("");
    CHECK(after.state(0) == policy::VerdictState::down);
    CHECK(after.state(many - 1) == policy::VerdictState::up);
    after.now.steady += 11s;
    after.controller.on_deadline(after.now);
    after.turns("");
    CHECK(after.state(0) == policy::VerdictState::up);
}

TEST_CASE(
    "a host that changes all the time: feeds hear of a Down all the same, and of who came, within 20 ms and a turn") {
    Hub hub;
    hub.all_up();
    hub.event("", hub.slots[900], bfd::State::down);
    hub.seen.devices.front().peers.push_back(sim::peer(0xee, {base::Prefix{sim::nth_tunnel(1'200), 32}}));
    const auto begun = hub.now.steady;
    bool told = false;
    for (int n = 0; !told && n < 100; ++n) {
        hub.now.steady += 1ms;
        auto again = hub.seen;
        again.links.front().addresses.front().prefix_length = n % 2 == 0 ? 17 : 16;
        hub.controller.on_host(hub.now, std::move(again));
        told = hub.controller.take(hub.now).verdicts_changed;
    }
    CHECK(told);
    CHECK(hub.now.steady - begun <= 22ms);
    CHECK(hub.up() == many - 1);
    CHECK(hub.controller.rows().size() == many + 1);
}

TEST_CASE("an answer to ICMP echo comes after a reload made BFD of that peer: it is nobody's any more") {
    config::Config icmp;
    icmp.probe.protocol = config::Protocol::icmp;
    Hub hub{icmp};
    hub.host("");
    REQUIRE(hub.gauges.size() == many);
    const auto tell = [&](quality::EchoState state) {
        const quality::EchoStatus status{.state = state, .ever_heard = true, .ever_up = true};
        hub.controller.on_event(hub.now, probe::PathChanged{hub.gauges[7]->id, {}, {}, status});
    };
    tell(quality::EchoState::up);
    hub.turns("");
    REQUIRE(hub.up() == 1);
    hub.controller.on_config(hub.now, config::Config{});
    tell(quality::EchoState::down);
    hub.turns("");
    CHECK(hub.slots.size() == many);
    tell(quality::EchoState::up);
    hub.turns("");
    CHECK(hub.up() == 0);
}

TEST_CASE("undrained, a peer that answers ICMP echo is dear until it is Up again, however many others there are") {
    config::Config icmp;
    icmp.probe.protocol = config::Protocol::icmp;
    Hub hub{icmp};
    hub.host("");
    const auto tell = [&](quality::EchoState state) {
        const quality::EchoStatus status{.state = state, .ever_heard = true, .ever_up = true};
        hub.controller.on_event(hub.now, probe::PathChanged{hub.gauges[7]->id, {}, {}, status});
        hub.turns("");
    };
    const auto pass = [&](base::Duration time) {
        hub.now.steady += time;
        hub.controller.on_deadline(hub.now);
        hub.turns("");
    };
    const auto row = [&] { return hub.controller.rows().at(7); };
    const auto name = row().name;
    std::string warning;
    tell(quality::EchoState::up);
    REQUIRE(hub.controller.drain(hub.now, name, warning));
    pass(6s);
    pass(300s);
    REQUIRE(row().verdict.state == policy::VerdictState::admin_down);
    const auto dear = row().verdict.cost;
    REQUIRE(hub.controller.undrain(hub.now, name));
    hub.turns("");
    CHECK(row().verdict.cost == dear);
    tell(quality::EchoState::up);
    CHECK(row().verdict.state == policy::VerdictState::up);
    CHECK(row().verdict.cost < dear);
}

TEST_CASE("whoever had until now to come back is judged in the turn that an event of another one begins") {
    Hub hub;
    hub.all_up();
    hub.slots.clear();
    hub.seen.links.front().index = hub.seen.devices.front().index = base::IfIndex{8};  // it was made anew
    hub.host("");
    REQUIRE(hub.slots.size() == many);
    for (std::size_t n = 0; n < many; ++n)
        if (n != 400) hub.event("", hub.slots[n], bfd::State::up);
    hub.now.steady += 2'999ms;
    hub.turns("");
    REQUIRE(hub.up() == many - 1);
    REQUIRE(hub.state(400) == policy::VerdictState::unknown);
    hub.now.steady += 2ms;
    hub.event("", hub.slots[6], bfd::State::down);
    hub.turns("");
    CHECK(hub.state(400) == policy::VerdictState::down);
}
