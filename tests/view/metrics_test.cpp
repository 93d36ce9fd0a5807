#include "view/metrics.hpp"

#include <doctest/doctest.h>

#include <map>
#include <set>
#include <sstream>

#include "probe/engine.hpp"
#include "rows.hpp"

using namespace rows;
using nlohmann::json;

namespace {

std::string page_of(const view::Process& process, const std::vector<control::Row>& rows,
                    const view::FailoverTimes& failovers = {}) {
    auto left = rows;  // told one by one
    view::Metrics metrics{process, failovers, [&]() -> std::optional<std::vector<control::Row>> {
                              if (left.empty()) return std::nullopt;
                              std::vector<control::Row> next{left.front()};
                              left.erase(left.begin());
                              return next;
                          }};
    while (metrics.step()) {
    }
    return std::move(metrics).take();
}

// Each line with its value; "# HELP" and "# TYPE" apart.
std::map<std::string, double> samples_of(const std::string& page) {
    std::map<std::string, double> out;
    std::istringstream in{page};
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with('#')) continue;
        const auto space = line.rfind(' ');
        REQUIRE(space != std::string::npos);
        const auto [at, fresh] = out.emplace(line.substr(0, space), std::stod(line.substr(space + 1)));
        CAPTURE(line);
        CHECK(fresh);
    }
    return out;
}

// A row and a process in which every number of status is there and differs from every other.
struct Full {
    adjacency::Adjacency of = named(1, "paris");
    adjacency::Peer wireguard = peer();
    probe::SlotCounters counters, further_counters;
    probe::GaugeCounters gauge_counters;
    control::Failover failover;
    control::Row row;
    view::Process process = rows::process();

    Full() {
        std::uint64_t n = 1'000'000;
        for (auto* slot : {&counters, &further_counters})
            for (auto* counter : {&slot->packets_sent, &slot->packets_received, &slot->send_failures, &slot->refused,
                                  &slot->extended, &slot->vouched, &slot->ups, &slot->downs})
                counter->add(++n);
        failover.at = noon;
        failover.prefixes = 107;
        failover.moved = 103;
        failover.withdrawn = 3;
        failover.left = 1;
        failover.first = 11ms;
        failover.last = 222ms;
        failover.to = {{"berlin", 98}};
        failover.elsewhere = 5;
        row = up(of, wireguard);
        row.session->counters = &counters;
        row.prefixes = 77;
        row.padding = 1301;
        row.interface_mtu = 1419;
        row.passage = {quality::Fit::limited, 1419, 1376};
        row.liveness = control::Liveness{.parameters = {.interval = 71ms, .multiplier = 5}};
        gauge_counters.echoes_sent.add(311);
        gauge_counters.echo_answers.add(312);
        gauge_counters.ups.add(313);
        gauge_counters.downs.add(314);
        row.measuring = &gauge_counters;
        row.failover = &failover;
        row.verdict.cost = 19;
        row.verdict.base_cost = 18;
        row.further.push_back(session(bfd::State::down));
        row.further.back().key.remote = ip("fe80::2");
        row.further.back().counters = &further_counters;
        row.further.back().status.tx_interval = 61ms;
        row.further.back().status.rx_interval = 62ms;
        row.further.back().status.detection_time = 183ms;
        process.worker_restarts = 4;
        auto& loop = process.probe_loop;
        loop.late_wakes = 201;
        loop.max_lateness = 202us;
        loop.stalls = 203;
        loop.standstills = 212;
        loop.longest_standstill = 213us;
        process.control_loop = {214, 215, 216us};
        loop.dropped = {{"truncated", 205}};
        loop.kernel_drops = 206;
        process.frr_bfd = view::FrrBfd{true, 207, ""};
        process.routes = {control::RouteSource::fpm,           208, {209, 291, 292}, 210, 211,
                          view::Fpm{"127.0.0.1:2620", "x", ""}};
    }
};

}  // namespace

TEST_CASE("every number of status is a sample of /metrics, in base units") {
    const Full full;
    const auto page = page_of(full.process, {full.row});
    std::multiset<double> values;
    for (const auto& [name, value] : samples_of(page)) values.insert(value);
    // Names rather than measurements; a rate, which Prometheus takes of the counter; and who took prefixes over, which
    // would be as many label sets as there are pairs of adjacencies.
    const std::set<std::string> apart{"local_discriminator", "remote_discriminator", "wakeups_per_s", "berlin"};
    const auto status = view::status(full.process, {full.row});
    std::size_t numbers = 0;
    const auto flat = status.flatten();
    for (const auto& [path, value] : flat.items()) {
        const auto key = path.substr(path.rfind('/') + 1);
        if (!value.is_number() || apart.contains(key)) continue;
        ++numbers;
        CAPTURE(path);
        const auto number = value.get<double>() / (key.ends_with("_us") ? 1e6 : 1);
        const auto found = key == "uptime_s" ? values.lower_bound(90) : values.lower_bound(number - 1e-9);
        REQUIRE(found != values.end());
        CHECK(*found == doctest::Approx(key == "uptime_s" ? 90.5 : number));
    }
    CHECK(numbers > 40);
}

TEST_CASE("an adjacency is one label set, and what it is called cannot break the page") {
    auto of = named(1, "a\"b\\c\nd\xff");
    const auto wireguard = peer();
    auto row = up(of, wireguard);
    const auto page = page_of(rows::process(), {row});
    CHECK(page.find("wgbfd_adjacency_cost{adjacency=\"a\\\"b\\\\c\\nd?\",interface=\"wg0\"} 10\n") !=
          std::string::npos);
}

TEST_CASE("its verdict is one of five states, and its cause is there while it has one") {
    const auto of = named(1, "paris");
    const auto wireguard = peer();
    auto row = up(of, wireguard);
    const auto state = [](const std::string& name) {
        return "wgbfd_adjacency_state{adjacency=\"paris\",interface=\"wg0\",state=\"" + name + "\"}";
    };
    auto samples = samples_of(page_of(rows::process(), {row}));
    CHECK(samples.at(state("up")) == 1);
    for (const std::string other : {"unknown", "degraded", "down", "admin-down"}) CHECK(samples.at(state(other)) == 0);
    const std::string cause = "wgbfd_adjacency_cause{adjacency=\"paris\",interface=\"wg0\",cause=\"detect-timeout\"}";
    CHECK(!samples.contains(cause));
    row.verdict = {policy::VerdictState::down, policy::Cause::detect_timeout};
    samples = samples_of(page_of(rows::process(), {row}));
    CHECK(samples.at(state("down")) == 1);
    CHECK(samples.at(state("up")) == 0);
    CHECK(samples.at(cause) == 1);
}

TEST_CASE("what is not known is not there, rather than zero") {
    const auto of = named(1, "paris");
    const auto page = page_of(rows::process(), {stranger(of)});
    for (const std::string name : {"wgbfd_adjacency_prefixes", "wgbfd_wireguard_", "wgbfd_bfd_", "wgbfd_last_failover_",
                                   "wgbfd_frr_bfd_", "wgbfd_fpm_connected"}) {
        CAPTURE(name);
        CHECK(page.find(name) == std::string::npos);
    }
    CHECK(page.find("wgbfd_adjacency_info{adjacency=\"paris\"") != std::string::npos);
}

TEST_CASE("a histogram's buckets add up, and one holds its bound") {
    view::FailoverTimes failovers;
    control::Failover failover;
    for (const auto& [first, last] : {std::pair{5ms, 6ms}, {6ms, 60s}, {50ms, 50ms}}) {
        failover.first = first;
        failover.last = last;
        failovers.observe(failover);
    }
    failovers.observe({});  // nothing moved: nothing to observe
    auto process = rows::process();
    process.probe_loop.lateness.emplace(probe::lateness_bounds,
                                        std::vector<std::uint64_t>(probe::lateness_bounds.size() + 1, 1), 2s);
    const auto samples = samples_of(page_of(process, {}, failovers));
    CHECK(samples.at("wgbfd_failover_first_move_seconds_bucket{le=\"0.005\"}") == 1);
    CHECK(samples.at("wgbfd_failover_first_move_seconds_bucket{le=\"0.01\"}") == 2);
    CHECK(samples.at("wgbfd_failover_first_move_seconds_bucket{le=\"+Inf\"}") == 3);
    CHECK(samples.at("wgbfd_failover_first_move_seconds_count") == 3);
    CHECK(samples.at("wgbfd_failover_first_move_seconds_sum") == doctest::Approx(0.061));
    CHECK(samples.at("wgbfd_failover_last_move_seconds_bucket{le=\"10\"}") == 2);
    CHECK(samples.at("wgbfd_failover_last_move_seconds_count") == 3);
    CHECK(samples.at("wgbfd_probe_lateness_seconds_count") == probe::lateness_bounds.size() + 1);
    CHECK(samples.at("wgbfd_probe_lateness_seconds_sum") == 2);
}

TEST_CASE("round trips are a histogram of each adjacency that is measured, and of no other") {
    const auto of = named(1, "paris"), other = named(2, "berlin"), never = named(3, "rome");
    const auto wireguard = peer();
    probe::GaugeCounters measured, not_asked;
    measured.probes_sent.set(3);
    measured.rtt[3].set(2);
    measured.rtt.back().set(1);
    measured.rtt_ns.set(3'008'000'000);
    std::vector<control::Row> rows{up(of, wireguard), up(other, wireguard), up(never, wireguard)};
    rows[0].measuring = &measured;
    rows[1].measuring = &not_asked;
    const auto page = page_of(rows::process(), rows);
    const auto samples = samples_of(page);
    const std::string labels = "adjacency=\"paris\",interface=\"wg0\"";
    CHECK(samples.at("wgbfd_quality_rtt_seconds_bucket{" + labels + ",le=\"0.0025\"}") == 0);
    CHECK(samples.at("wgbfd_quality_rtt_seconds_bucket{" + labels + ",le=\"0.005\"}") == 2);
    CHECK(samples.at("wgbfd_quality_rtt_seconds_bucket{" + labels + ",le=\"1\"}") == 2);
    CHECK(samples.at("wgbfd_quality_rtt_seconds_bucket{" + labels + ",le=\"+Inf\"}") == 3);
    CHECK(samples.at("wgbfd_quality_rtt_seconds_count{" + labels + "}") == 3);
    CHECK(samples.at("wgbfd_quality_rtt_seconds_sum{" + labels + "}") == doctest::Approx(3.008));
    for (const auto* name : {"berlin", "rome"})
        CHECK(page.find(std::string{"wgbfd_quality_rtt_seconds_count{adjacency=\""} + name) == std::string::npos);
}

TEST_CASE("a family of many slices has one head") {
    std::vector<adjacency::Adjacency> of;
    for (std::uint32_t i = 1; i <= 200; ++i) of.push_back(named(i, "peer-" + std::to_string(i)));
    const auto wireguard = peer();
    std::vector<control::Row> rows;
    for (const auto& one : of) rows.push_back(up(one, wireguard));
    const auto page = page_of(rows::process(), rows);
    CHECK(samples_of(page).at("wgbfd_adjacency_cost{adjacency=\"peer-200\",interface=\"wg0\"}") == 10);
    std::map<std::string, int> heads;
    std::istringstream in{page};
    for (std::string line; std::getline(in, line);)
        if (line.starts_with("# TYPE ")) ++heads[line];
    CHECK(heads.size() > 30);
    for (const auto& [head, count] : heads) {
        CAPTURE(head);
        CHECK(count == 1);
    }
}
