// `wgbfd bench`: how many sessions this host holds. Two probe threads as the daemon's, against each other over a link
// of their own; more and more sessions, until one falls or a processor is full.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <deque>
#include <iostream>
#include <stdexcept>

#include "cli/bench_end.hpp"
#include "cli/bench_net.hpp"
#include "cli/bench_plan.hpp"
#include "cli/commands.hpp"
#include "cli/options.hpp"
#include "config/reader.hpp"
#include "net/clock.hpp"

namespace cli {
namespace {

namespace po = boost::program_options;
using namespace std::chrono_literals;

constexpr std::size_t first = 100, most = BenchNet::addresses * BenchNet::addresses;
constexpr auto up_within = 15s;
constexpr auto settle = 2s;  // to the negotiated interval at both ends

using Ends = std::deque<BenchEnd>;  // which does not move them

template <class Done>
bool wait_until(Ends& ends, base::TimePoint limit, Done&& done) {
    while (!done()) {
        if (net::steady_now() > limit) return false;
        for (auto& end : ends) end.take_events();
        ::poll(nullptr, 0, 20);
    }
    return true;
}

void pass(Ends& ends, base::Duration time) {
    wait_until(ends, net::steady_now() + time, [] { return false; });
}

std::size_t up(const Ends& ends) {
    std::size_t out = 0;
    for (const auto& end : ends) out += end.up();
    return out;
}

struct Reading {
    EndCounts counts;
    std::vector<std::chrono::nanoseconds> threads;
    base::TimePoint at;
};

Reading read(const Ends& ends) {
    Reading out{.counts = {}, .threads = probe_threads(), .at = net::steady_now()};
    for (const auto& end : ends) {
        const auto counts = end.counts();
        out.counts.downs += counts.downs;
        out.counts.sends += counts.sends;
        out.counts.receives += counts.receives;
        out.counts.lost += counts.lost;
    }
    return out;
}

void tell_window(Step& step, const Reading& before, const Reading& after) {
    step.seconds = after.at - before.at;
    step.downs = after.counts.downs - before.counts.downs;
    step.sends = after.counts.sends - before.counts.sends;
    step.packets = step.sends + after.counts.receives - before.counts.receives;
    step.lost = after.counts.lost - before.counts.lost;
    for (std::size_t i = 0; i < std::min(before.threads.size(), after.threads.size()); ++i) {
        const std::chrono::duration<double> spent = after.threads[i] - before.threads[i];
        step.cpu += spent;
        step.busiest = std::max(step.busiest, spent / step.seconds);
    }
}

Step measure(const BenchNet& net, std::size_t sessions, std::chrono::microseconds interval,
             std::chrono::seconds window) {
    Ends ends;
    for (std::size_t end = 0; end < BenchNet::ends; ++end) {
        net.enter(end);
        ends.emplace_back(net, end, sessions, interval);
    }
    Step step{.sessions = sessions, .interval = interval};
    wait_until(ends, net::steady_now() + up_within, [&] { return up(ends) == 2 * sessions; });
    step.up = up(ends);
    if (step.up < 2 * sessions) return step;
    pass(ends, settle);
    const auto before = read(ends);
    pass(ends, window);
    tell_window(step, before, read(ends));
    return step;
}

struct Wishes {
    std::chrono::microseconds interval{};
    std::chrono::seconds window{};
    std::optional<std::size_t> sessions;  // these alone
};

Wishes wishes_of(const Options& options) {
    Wishes out;
    const auto interval = config::parse_duration(options.value<std::string>("interval"));
    if (!interval || *interval < 3300us || *interval > 60s) throw UsageError{"bench: --interval must be 3.3ms..60s"};
    out.interval = *interval;
    const int seconds = options.value<int>("seconds");
    if (seconds < 1 || seconds > 3600) throw UsageError{"bench: --seconds must be 1..3600"};
    out.window = std::chrono::seconds{seconds};
    if (!options.has("sessions")) return out;
    const int sessions = options.value<int>("sessions");
    if (sessions < 1 || sessions > static_cast<int>(most))
        throw UsageError{"bench: --sessions must be 1.." + std::to_string(most)};
    out.sessions = static_cast<std::size_t>(sessions);
    return out;
}

int climb(const Wishes& wishes) {
    const BenchNet net;
    Climb way{wishes.sessions.value_or(first), wishes.sessions.value_or(most)};
    std::cout << "two ends on this host, in a network of their own, " << interval_text(wishes.interval) << " x 3, "
              << wishes.window.count() << " s each\n"
              << heading() << std::endl;
    while (const auto sessions = way.next()) {
        const auto step = measure(net, *sessions, wishes.interval, wishes.window);
        std::cout << line(step) << std::endl;
        way.tell(*sessions, !objection(step));
        if (wishes.sessions) break;
    }
    const auto held = way.held();
    std::cout << (held > 0 ? "this machine holds " + std::to_string(held)
                           : std::string{"this machine does not hold "} + std::to_string(wishes.sessions.value_or(1)))
              << " sessions at " << interval_text(wishes.interval) << (held == most ? ", and perhaps more" : "")
              << "\n";
    return held > 0 ? ok : failed;
}

}  // namespace

int bench(const Arguments& arguments) {
    Options options{
        "bench",
        "wgbfd bench: how many BFD sessions this host holds. Needs root; touches nothing of the host's network,\n"
        "and no running daemon. 'chrt -f 50 wgbfd bench' measures with a real-time priority."};
    options.add()("interval", po::value<std::string>()->value_name("TIME")->default_value("50ms"),
                  "of the sessions' packets")("seconds", po::value<int>()->value_name("N")->default_value(10),
                                              "how long each number of sessions must hold")(
        "sessions", po::value<int>()->value_name("N"), "try these alone, and exit with 1 when they do not hold");
    if (!options.parse(arguments)) return ok;
    const auto wishes = wishes_of(options);
    if (::geteuid() != 0) throw std::runtime_error{"bench: needs root, for a network of its own: sudo wgbfd bench"};
    return climb(wishes);
}

}  // namespace cli
