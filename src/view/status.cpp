#include "view/status.hpp"

#include <chrono>
#include <utility>

#include "view/failover.hpp"
#include "view/sizes.hpp"
#include "view/text.hpp"

namespace view {

namespace {

using nlohmann::json;

json or_null(const std::string& text) {
    if (text.empty()) return nullptr;
    return clean(text);
}

std::int64_t micros(base::Duration d) { return std::chrono::duration_cast<std::chrono::microseconds>(d).count(); }

json bfd_of(const control::Row::SessionView& session) {
    const auto& s = session.status;
    const auto count = [&](base::Counter probe::SlotCounters::*counter) {
        return session.counters == nullptr ? std::uint64_t{0} : (session.counters->*counter).value();
    };
    return {{"state", to_string(s.state)},
            {"remote_state", to_string(s.remote_state)},
            {"diagnostic", to_string(s.diagnostic)},
            {"remote_diagnostic", to_string(s.remote_diagnostic)},
            {"local_discriminator", s.local_discriminator.value},
            {"remote_discriminator", s.remote_discriminator.value},
            {"tx_interval_us", s.tx_interval.count()},
            {"rx_interval_us", s.rx_interval.count()},
            {"detection_time_us", micros(s.detection_time)},
            {"packets_sent", count(&probe::SlotCounters::packets_sent)},
            {"packets_received", count(&probe::SlotCounters::packets_received)},
            {"send_failures", count(&probe::SlotCounters::send_failures)},
            {"refused", count(&probe::SlotCounters::refused)},
            {"extended", count(&probe::SlotCounters::extended)},
            {"vouched", count(&probe::SlotCounters::vouched)},
            {"ups", count(&probe::SlotCounters::ups)},
            {"downs", count(&probe::SlotCounters::downs)}};
}

json loss_of(const std::optional<double>& ratio) { return ratio ? json(*ratio) : json(); }
json micros_or_null(const std::optional<base::Duration>& d) { return d ? json(micros(*d)) : json(); }

json figures_of(const quality::Figures& f) {
    const bool answered = f.answers > 0;  // else there is loss alone
    const json rtt = {{"min", micros(f.rtt_min)}, {"median", micros(f.rtt_median)}, {"p95", micros(f.rtt_p95)}};
    return {{"probes", f.probes},
            {"answers", f.answers},
            {"rtt_us", answered ? rtt : json()},
            {"jitter_us", answered ? json(micros(f.jitter)) : json()},
            {"jitter_forward_us", micros_or_null(f.jitter_forward)},
            {"jitter_backward_us", micros_or_null(f.jitter_backward)},
            {"loss",
             {{"round_trip", f.loss.round_trip},
              {"forward", loss_of(f.loss.forward)},
              {"backward", loss_of(f.loss.backward)}}}};
}

// The last ten seconds, and as `lasting` the last five minutes.
json quality_of(const quality::Quality& quality) {
    auto out = figures_of(quality.recent);
    out["method"] = to_string(quality.method);
    out["lasting"] = figures_of(quality.lasting);
    out["measured_s"] = std::chrono::duration_cast<std::chrono::seconds>(quality.measured).count();
    return out;
}

// What others are told of a path by BIRD's communities and MED, once it is known.
json classes_of(const policy::Classes& classes) {
    const auto or_null = [](std::uint32_t value) { return value == 0 ? json() : json(value); };
    return {{"latency", or_null(classes.latency)},
            {"loss", or_null(classes.loss)},
            {"med_share", classes.med_share ? json(*classes.med_share) : json()}};
}

json measuring_of(const probe::GaugeCounters& c) {
    return {{"probes_sent", c.probes_sent.value()}, {"answers", c.answers.value()},
            {"duplicates", c.duplicates.value()},   {"send_failures", c.send_failures.value()},
            {"reflected", c.reflected.value()},     {"limited", c.limited.value()}};
}

json icmp_of(const control::Row& row) {
    if (!row.liveness) return nullptr;
    const auto& [parameters, status, judged_from] = *row.liveness;
    json out = {{"state", to_string(status.state)},
                {"interval_us", micros(parameters.interval)},
                {"detection_time_us", micros(parameters.interval * parameters.multiplier)}};
    if (row.measuring != nullptr) {
        const auto& c = *row.measuring;
        out.update({{"echoes_sent", c.echoes_sent.value()},
                    {"answers", c.echo_answers.value()},
                    {"ups", c.ups.value()},
                    {"downs", c.downs.value()}});
    }
    return out;
}

// Bytes of IP packets inside the tunnel. `largest`: that passes; null: not known.
json path_mtu_of(const control::Row& row) {
    const auto& [fit, asked, largest] = row.passage;
    if (asked == 0) return nullptr;
    const auto passes = fit == quality::Fit::whole ? asked : largest;
    const auto command = mtu_command(row);
    return {{"asked", asked},
            {"fit", to_string(fit)},
            {"largest", passes != 0 ? json(passes) : json()},
            {"fix", command ? json(clean(*command)) : json()}};
}

// What the far end says of itself; null: nothing.
json far_end_of(const control::Row& row) {
    if (row.far_end == quality::ReversePath::unknown) return nullptr;
    return {{"rp_filter", to_string(row.far_end)}};
}

json asked_by(const control::Row::SessionView& session) {
    auto out = json::array();
    for (const auto& asker : session.asked_by) out.push_back(clean(asker));
    return out;
}

json further_of(const control::Row& row) {
    auto out = json::array();
    for (const auto& session : row.further) {
        auto object = bfd_of(session);
        object["local"] = to_string(session.key.local);
        object["remote"] = to_string(session.key.remote);
        object["multihop"] = session.key.multihop;
        object["asked_by"] = asked_by(session);
        out.push_back(std::move(object));
    }
    return out;
}

json wireguard_of(const adjacency::Peer& peer) {
    return {{"endpoint", peer.endpoint ? json(to_string(*peer.endpoint)) : json()},
            {"latest_handshake", peer.latest_handshake ? json(base::to_iso8601(*peer.latest_handshake)) : json()},
            {"rx_bytes", peer.rx_bytes},
            {"tx_bytes", peer.tx_bytes}};
}

ToldByAdjacency told_by(const std::vector<policy::FeedStatus>& feeds) {
    ToldByAdjacency out;
    for (const auto& feed : feeds)
        for (const auto& told : feed.told)
            out[told.id].push_back({feed.name, clean(told.told), base::to_iso8601(told.at)});
    return out;
}

json external_of(const control::Row& row) {
    if (row.path == nullptr || !row.path->outside.opinion()) return {};
    const auto& opinion = *row.path->outside.opinion();
    return {{"state", to_string(opinion.state)},
            {"reason", clean(opinion.reason)},
            {"until", base::to_iso8601(opinion.until_wall)}};
}

json feeds_of(const control::Row& row, const ToldByAdjacency& all) {
    auto out = json::object();
    if (row.adjacency == nullptr) return out;
    const auto found = all.find(row.adjacency->id);
    if (found == all.end()) return out;
    for (const auto& [feed, told, at] : found->second) out[feed] = {{"told", told}, {"at", at}};
    return out;
}

json adjacency_of(const control::Row& row, const ToldByAdjacency& told) {
    const auto& cause = row.verdict.cause;
    return {{"name", clean(row.name)},
            {"interface", or_null(row.interface)},
            {"peer", row.adjacency == nullptr ? json() : json(to_base64(row.adjacency->peer))},
            {"local", or_null(to_string(row.local))},
            {"remote", or_null(to_string(row.remote))},
            {"address_source", row.source ? json(to_string(*row.source)) : json()},
            {"unresolved", row.unresolved ? json(to_string(*row.unresolved)) : json()},
            {"configured", row.configured},
            {"group", or_null(row.group)},
            {"state", to_string(row.verdict.state)},
            {"cause", cause ? json(to_string(*cause)) : json()},
            {"since", base::to_iso8601(row.since)},
            {"cost", row.verdict.cost},
            {"base_cost", row.verdict.base_cost},
            {"asked_by", row.session ? asked_by(*row.session) : json::array()},
            {"protocol", row.liveness ? "icmp" : "bfd"},
            {"bfd", row.session ? bfd_of(*row.session) : json()},
            {"icmp", icmp_of(row)},
            {"padding", row.padding},
            {"quality", row.quality ? quality_of(*row.quality) : json()},
            {"path_mtu", path_mtu_of(row)},
            {"far_end", far_end_of(row)},
            {"measuring", row.measuring == nullptr ? json() : measuring_of(*row.measuring)},
            {"classes", row.path == nullptr ? json() : classes_of(row.path->classes())},
            {"wireguard", row.peer == nullptr ? json() : wireguard_of(*row.peer)},
            {"sessions", further_of(row)},
            {"prefixes", row.prefixes ? json(*row.prefixes) : json()},
            {"failover", row.failover == nullptr ? json() : failover(*row.failover)},
            {"external", external_of(row)},
            {"feeds", feeds_of(row, told)}};
}

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
