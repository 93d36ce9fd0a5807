#include "view/status.hpp"

#include <chrono>
#include <utility>

#include "view/json_values.hpp"
#include "view/text.hpp"

namespace view {

namespace {

using nlohmann::json;

json probe_loop_of(const ProbeLoop& loop) {
    auto dropped = json::object();
    for (const auto& [reason, count] : loop.dropped) dropped[clean(reason)] = count;
    auto problems = json::array();
    for (const auto& problem : loop.problems) problems.push_back(clean(problem));
    return {{"late_wakes", loop.late_wakes},
            {"max_lateness_us", micros(loop.max_lateness)},
            {"stalls", loop.stalls},
            {"wakeups_per_s", loop.wakeups_per_s},
            {"realtime", loop.realtime},
            {"problems", std::move(problems)},
            {"stands_still", loop.stands_still},
            {"standstills", loop.standstills},
            {"longest_standstill_us", micros(loop.longest_standstill)},
            {"dropped", std::move(dropped)},
            {"kernel_drops", loop.kernel_drops},
            {"quality",
             {{"strangers", loop.quality.strangers},
              {"malformed", loop.quality.malformed},
              {"limited", loop.quality.limited},
              {"reflected", loop.quality.reflected},
              {"sent", loop.quality.sent},
              {"send_errors", loop.quality.send_errors},
              {"samples_dropped", loop.quality.samples_dropped},
              {"kernel_drops", loop.quality.kernel_drops},
              {"max_turn_us", loop.quality.max_turn_us}}}};
}

json control_loop_of(const ControlLoop& loop) {
    return {{"handlers", loop.handlers},
            {"long_handlers", loop.long_handlers},
            {"longest_handler_us", micros(loop.longest_handler)}};
}

json routes_of(const Routes& routes) {
    json fpm;
    if (routes.fpm)
        fpm = {{"listen", clean(routes.fpm->listen)},
               {"client", or_null(routes.fpm->client)},
               {"problem", or_null(routes.fpm->problem)}};
    return {{"source", to_string(routes.source)},
            {"routes", routes.routes},
            {"refused", routes.refused.routes},
            {"refused_nexthops", routes.refused.objects},
            {"refused_hops", routes.refused.hops},
            {"bytes", routes.bytes},
            {"resyncs", routes.resyncs},
            {"complete", routes.complete},
            {"fpm", std::move(fpm)}};
}

json feeds_of(const Process& process) {
    auto out = json::object();
    for (const auto& feed : process.feeds)
        out[feed.name] = {{"healthy", feed.healthy}, {"problem", or_null(feed.problem)}};
    if (process.frr_bfd)
        out["frr-bfd"] = {{"connected", process.frr_bfd->connected},
                          {"sessions", process.frr_bfd->sessions},
                          {"problem", or_null(process.frr_bfd->problem)}};
    return out;
}

// Everything but the adjacencies.
json head_of(const Process& process) {
    auto problems = json::array();
    for (const auto& problem : process.problems) problems.push_back(clean(problem));
    return {{"version", process.version},
            {"uptime_s", std::chrono::duration_cast<std::chrono::seconds>(process.uptime).count()},
            {"worker_restarts", process.worker_restarts},
            {"probe_loop", probe_loop_of(process.probe_loop)},
            {"control_loop", control_loop_of(process.control_loop)},
            {"feeds", feeds_of(process)},
            {"routes", routes_of(process.routes)},
            {"problems", std::move(problems)}};
}

std::string text_of(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

}  // namespace

json status(const Process& process, const std::vector<control::Row>& rows) {
    auto out = head_of(process);
    auto& adjacencies = out["adjacencies"] = json::array();
    const auto told = told_by(process.feeds);
    for (const auto& row : rows) adjacencies.push_back(adjacency_of(row, told));
    return out;
}

StatusPage::StatusPage(const Process& process) : told_{told_by(process.feeds)}, text_{text_of(head_of(process))} {
    text_.pop_back();  // its closing brace
    text_ += R"(,"adjacencies":[)";
}

void StatusPage::add(std::span<const control::Row> rows) {
    for (const auto& row : rows)
        text_.append(std::exchange(is_first_, false) ? "" : ",").append(text_of(adjacency_of(row, told_)));
}

std::string StatusPage::take() && {
    text_ += "]}";
    return std::move(text_);
}

int exit_status(const json& status, const std::optional<std::string>& name) {
    constexpr int all_up = 0, failed = 1, not_all_up = 3;
    bool found = false;
    bool up = true;
    for (const auto& row : status.at("adjacencies")) {
        if (name && row.at("name") != *name) continue;
        found = true;
        // A stranger that was never up is nobody's loss; asked for by its name, it is.
        const bool counts = name || row.at("configured") == true || row.at("state") != "unknown";
        if (counts && row.at("state") != "up") up = false;
    }
    if (name && !found) return failed;
    return up ? all_up : not_all_up;
}

}  // namespace view
