// What the worker answers on the control socket, and tells of itself there and to metrics.
#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <utility>

#include "daemon/worker.hpp"
#include "view/explain.hpp"

namespace wgbfd {
namespace {

using namespace std::chrono_literals;

}  // namespace

nlohmann::json Worker::answer(const nlohmann::json& request) {
    const auto command = request["command"].get<std::string>();
    if (command == "restart") {
        begin_restart();
        return restart_state();
    }
    if (command == "restart-state") return restart_state();
    if (command == "explain") return explain(request.at("name").get<std::string>());
    if (command == "drain" || command == "undrain")
        return drain(request.at("name").get<std::string>(), command == "drain");
    if (command == "evidence") return evidence(request);
    if (command == "reload") {
        if (restarting_) throw std::runtime_error{"a restart is under way: reload once it is done"};
        if (const auto problem = reload()) throw std::runtime_error{*problem};
        return "reloaded";
    }
    throw std::runtime_error{"unknown command \"" + command + "\": this daemon is version " + settings_.version};
}

nlohmann::json Worker::explain(const std::string& name) {
    const auto rows = controller_.rows();
    const auto row = std::ranges::find(rows, name, &control::Row::name);
    if (row == rows.end()) throw std::runtime_error{"no adjacency \"" + name + "\": 'wgbfd status' lists all"};
    auto lines = view::explain(*row, rows, clock_now());
    for (const auto& feed : {repair_.status(), group_routes_.status()})
        for (const auto& told : feed.told)
            if (row->adjacency != nullptr && told.id == row->adjacency->id)
                lines.push_back("The feed " + feed.name + ": " + told.told +
                                (feed.problem.empty() ? "." : ". It says: " + feed.problem + "."));
    return lines;
}

// The answer: what the operator should know, or "".
nlohmann::json Worker::drain(const std::string& name, bool wanted) {
    if (stopping_) throw std::runtime_error{"wgbfd is stopping"};
    std::string warning;
    const bool found = wanted ? controller_.drain(clock_now(), name, warning) : controller_.undrain(clock_now(), name);
    if (!found) throw std::runtime_error{"no adjacency \"" + name + "\": 'wgbfd status' lists all"};
    remember_drained();
    schedule_turn();
    return warning;
}

// What a check outside says of a path.
nlohmann::json Worker::evidence(const nlohmann::json& request) {
    constexpr std::size_t longest_reason = 200;
    constexpr auto longest_ttl = 24h;
    const auto name = request.at("name").get<std::string>();
    const auto said = request.at("state").get<std::string>();
    const std::chrono::milliseconds ttl{request.at("ttl_ms").get<std::int64_t>()};
    using enum policy::VerdictState;
    const auto states = {up, degraded, down};
    const auto state = std::ranges::find(states, said, [](policy::VerdictState each) { return to_string(each); });
    if (state == states.end()) throw std::runtime_error{"\"" + said + "\" must be up, degraded or down"};
    if (ttl <= 0ms || ttl > longest_ttl) throw std::runtime_error{"the ttl must be more than 0 s and at most 86400 s"};
    auto reason = request.value("reason", std::string{}).substr(0, longest_reason);
    if (!controller_.tell_outside(clock_now(), name, *state, ttl, std::move(reason)))
        throw std::runtime_error{"no adjacency \"" + name + "\": 'wgbfd status' lists all"};
    schedule_turn();
    return "";
}

view::Process Worker::process() const {
    view::Process out;
    out.version = settings_.version;
    out.uptime = clock_now().steady - started_;
    out.worker_restarts = settings_.restarts;
    out.probe_loop = probe_loop();
    out.control_loop = {handler_times_.count(), handler_times_.long_ones(), handler_times_.longest()};
    if (standstills_.stands_still())
        out.problems.emplace_back("the probe thread stands still: peers may take the paths down");
    if (!repair_.is_clear() || !controller_.wanted(kernel::repair_feed).empty()) out.feeds.push_back(repair_.status());
    if (!group_routes_.is_clear()) out.feeds.push_back(group_routes_.status());
    out.feeds.push_back(link_feed_.status());
    if (nexthops_) out.feeds.push_back(nexthops_->status());
    if (!controller_.wanted(bird::protocol_feed).empty()) out.feeds.push_back(bird_protocols_.status());
    if (!frr_settings_.is_clear() || !controller_.wanted(frr::vty_feed).empty())
        out.feeds.push_back(frr_settings_.status());
    if (bird_include_) out.feeds.push_back(bird_include_->status());
    if (!endpoints_.is_clear()) out.feeds.push_back(endpoints_.status());
    if (!hooks_.is_clear()) out.feeds.push_back(hooks_.status());
    if (dataplane_) out.frr_bfd = view::FrrBfd{dataplane_->connected(), dataplane_->sessions(), bfdd_problem_};
    out.routes = routes_.status();
    for (auto& problem : source_problems()) out.problems.push_back(std::move(problem));
    for (auto& note : hash_policy_notes()) out.problems.push_back(std::move(note));
    for (auto& problem : former_includes_.problems()) out.problems.push_back("bird-include: " + std::move(problem));
    if (const auto refused = controller_.refused_sessions(); refused > 0)
        out.problems.push_back(std::to_string(refused) + " sessions have no slot: this daemon holds " +
                               std::to_string(probe::default_capacity));
    out.problems.insert(out.problems.end(), quality_sockets_.problems().begin(), quality_sockets_.problems().end());
    out.problems.insert(out.problems.end(), realtime_.problems().begin(), realtime_.problems().end());
    out.problems.insert(out.problems.end(), listeners_.problems().begin(), listeners_.problems().end());
    return out;
}

view::ProbeLoop Worker::probe_loop() const {
    view::ProbeLoop out;
    const auto& loop = loop_.counters();
    const auto& engine = loop.probe;
    out.late_wakes = engine.late_wakes.value();
    out.max_lateness = std::chrono::microseconds{engine.max_lateness_us.value()};
    out.stalls = engine.stalls.value();
    out.wakeups_per_s = wakeups_per_s_;
    out.wakeups = loop.wakeups.value();
    out.realtime = loop_.realtime();
    out.stands_still = standstills_.stands_still();
    out.standstills = standstills_.standstills();
    out.longest_standstill = standstills_.longest();
    out.problems = realtime_.problems();
    for (std::size_t i = 0; i < bfd::drop_reasons; ++i)
        out.dropped.emplace_back(to_string(static_cast<bfd::DropReason>(i)), engine.dropped[i].value());
    out.kernel_drops = loop.kernel_drops.value();
    std::vector<std::uint64_t> lateness;
    for (const auto& bucket : engine.lateness) lateness.push_back(bucket.value());
    out.lateness.emplace(probe::lateness_bounds, std::move(lateness),
                         std::chrono::nanoseconds{engine.lateness_ns.value()});
    out.quality = quality_loop();
    return out;
}

view::QualityLoop Worker::quality_loop() const {
    const auto& loop = loop_.counters().quality;
    return {.strangers = loop.gauges.strangers.value(),
            .malformed = loop.gauges.malformed.value(),
            .limited = loop.gauges.limited.value(),
            .reflected = loop.gauges.reflected.value(),
            .sent = loop.sent.value(),
            .send_errors = loop.send_errors.value(),
            .samples_dropped = loop.gauges.samples_dropped.value(),
            .kernel_drops = loop.kernel_drops.value(),
            .max_turn_us = loop.max_turn_us.value()};
}

std::vector<std::string> Worker::source_problems() const {
    auto out = devices_->problems();
    if (neighbors_)
        for (auto& problem : neighbors_->problems()) out.push_back(std::move(problem));
    if (bird_neighbors_)
        for (auto& problem : bird_neighbors_->problems()) out.push_back(std::move(problem));
    for (auto& problem : routes_.problems()) out.push_back(std::move(problem));
    if (auto problem = metrics_.problem()) out.push_back(std::move(*problem));
    return out;
}

// In a slice: which sessions there are, then so many rows of them.
std::optional<std::vector<control::Row>> Worker::next_rows(control::RowsAt& at, std::size_t most) const {
    const bool begins = !at.begun;
    auto rows = controller_.rows(at, begins ? 0 : most);
    if (!begins && rows.empty()) return std::nullopt;
    return rows;
}

}  // namespace wgbfd
