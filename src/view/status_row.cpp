#include "view/status_row.hpp"

#include <chrono>
#include <utility>

#include "view/failover.hpp"
#include "view/json_values.hpp"
#include "view/sizes.hpp"
#include "view/text.hpp"

namespace view {

namespace {

using nlohmann::json;

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

}  // namespace

ToldByAdjacency told_by(const std::vector<policy::FeedStatus>& feeds) {
    ToldByAdjacency out;
    for (const auto& feed : feeds)
        for (const auto& told : feed.told)
            out[told.id].push_back({feed.name, clean(told.told), base::to_iso8601(told.at)});
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

}  // namespace view
