// The controller's truth as rows of `status`, and as what each feed should show.
#include <algorithm>

#include "control/controller.hpp"

namespace control {
namespace {

void tell_link(Row& row, const adjacency::Link& link, const Tracked& tracked) {
    row.interface_mtu = link.mtu;
    row.interface_down = !link.up;
    if (tracked.up_on &&
        std::ranges::find(link.addresses, tracked.up_on->local, &adjacency::LinkAddress::local) == link.addresses.end())
        row.lost_local = tracked.up_on->local;
}

}  // namespace

std::vector<policy::Wanted> Controller::wanted(const std::string& feed) const {
    std::set<std::string> interfaces;  // whose peers all count, whatever their feeds
    if (feed == "link" || feed == "frr-vty")
        for (const auto& [key, tracked] : adjacencies_.all())
            if (std::ranges::find(tracked.adjacency.feeds, feed) != tracked.adjacency.feeds.end())
                interfaces.insert(key.first);
    std::set<std::string_view> groups;  // whose adjacencies all count: they may back up the one that names it
    if (feed == "repair")
        for (const auto& [key, tracked] : adjacencies_.all())
            if (!tracked.group().empty() &&
                std::ranges::find(tracked.adjacency.feeds, feed) != tracked.adjacency.feeds.end())
                groups.insert(tracked.group());
    std::vector<policy::Wanted> all;
    for (const auto& [key, tracked] : adjacencies_.all()) {
        if (!tracked.present() && feed != "hook") continue;  // nothing to act upon: withdrawn
        const auto& feeds = tracked.adjacency.feeds;
        const bool named = std::ranges::find(feeds, feed) != feeds.end();
        if (!named && !interfaces.contains(key.first) && !groups.contains(tracked.group())) continue;
        all.push_back({.id = tracked.adjacency.id,
                       .adjacency = tracked.adjacency,
                       .verdict = tracked.verdict,
                       .live = tracked.live,
                       .counts_as_down = tracked.counts_as_down,
                       .classes = tracked.path.classes(),
                       .session = session_view(tracked),
                       .peer = tracked.peer ? &*tracked.peer : nullptr,
                       .far_end_strict = gauges_.far_end(tracked.adjacency.id) == quality::ReversePath::strict});
    }
    return all;
}

policy::SessionView Controller::session_view(const Tracked& tracked) const {
    policy::SessionView out{.ever_up = tracked.was_up, .rtt = std::nullopt};
    if (const auto& quality = tracked.path.quality(); quality && quality->recent.answers > 0)
        out.rtt = quality->recent.rtt_median;
    if (const auto* liveness = gauges_.liveness(tracked.adjacency.id); liveness != nullptr && is_icmp(tracked)) {
        const auto& [parameters, echo, judged_from] = *liveness;
        out.probed = true;
        out.up = echo.state == quality::EchoState::up;
        out.resting = echo.state == quality::EchoState::admin_down || liveness->is_settling(taken_at_);
        out.ever_up |= echo.ever_up;
        out.patience = parameters.interval * parameters.multiplier;  // the peer has no session: ours is what may fall
        return out;
    }
    const auto* session = tracked.key ? sessions_.find(*tracked.key) : nullptr;
    if (session == nullptr || !speaks_for(tracked, *session)) return out;
    const auto& status = session->status;
    out.probed = true;
    out.up = status.state == bfd::State::up;
    out.resting = status.state == bfd::State::admin_down || is_settling(*session, taken_at_) ||
                  (status.ever_heard && status.remote_state == bfd::State::admin_down);
    out.ever_up |= status.ever_up;
    out.one_way = !out.up && tracked.down_cause == policy::Cause::one_way;
    out.patience = status.tx_interval * session->in_force.parameters.detect_mult;
    return out;
}

const probe::SlotCounters* Controller::counters(std::uint32_t lid) const {
    const auto found = lids_.all().find(lid);
    if (found == lids_.all().end() || !found->second.key) return nullptr;
    const auto* session = sessions_.find(*found->second.key);
    return session != nullptr ? &session->slot->counters : nullptr;
}

// The adjacency a session belongs to: its primary's own, else the peer whose allowed-ips own the address.
const Tracked* Controller::adjacency_of(const bfd::SessionKey& key) const {
    if (const auto* tracked = adjacencies_.find(key)) return tracked;
    if (key.multihop) return nullptr;
    return adjacencies_.owner(key.ifindex, key.remote);
}

std::string Controller::name_of(const bfd::SessionKey& key) const {
    if (const auto* tracked = adjacency_of(key)) return tracked->adjacency.name;
    const auto* link = host_.link(key.ifindex);
    const bfd::SessionKey ends{.ifindex = {}, .local = key.local, .remote = key.remote, .multihop = key.multihop};
    auto named = session_names_.find({link != nullptr ? link->name : "", ends});
    if (named == session_names_.end() && !key.multihop) named = session_names_.find({"", ends});
    if (named != session_names_.end()) return named->second;
    return base::to_string(key.remote) + (link != nullptr ? "%" + link->name : std::string{});
}

void Controller::index_sessions() {
    session_names_.clear();
    for (const auto& session : config_.sessions)
        if (session.name) {
            const bfd::SessionKey ends{
                .ifindex = {}, .local = session.local, .remote = session.remote, .multihop = session.multihop};
            session_names_.emplace(std::pair{session.multihop ? session.vrf : session.interface, ends}, *session.name);
        }
}

Row::SessionView Controller::view_of(const bfd::SessionKey& key, const ManagedSession& session) const {
    Row::SessionView view{.key = key, .status = session.status, .counters = &session.slot->counters, .asked_by = {}};
    for (const auto asker : {Asker::config, Asker::bfdd, Asker::unsolicited})
        if (session.askers.has(asker)) view.asked_by.emplace_back(to_string(asker));
    return view;
}

Row Controller::row_of(const Tracked& tracked) const {
    Row row;
    row.name = tracked.adjacency.name;
    row.adjacency = &tracked.adjacency;
    row.peer = tracked.peer ? &*tracked.peer : nullptr;
    row.interface = tracked.adjacency.interface;
    if (const auto& addresses = tracked.adjacency.addresses) {
        row.local = addresses->local;
        row.remote = addresses->remote;
        row.source = addresses->source;
    } else if (tracked.present()) {
        row.unresolved = addresses.error().step;
    }
    row.configured = tracked.configured && tracked.configured->probe;
    row.verdict = tracked.verdict;
    row.since = tracked.since;
    row.quality = gauges_.quality(tracked.adjacency.id, taken_at_);
    row.measuring = gauges_.counters(tracked.adjacency.id);
    row.path = &tracked.path;
    row.rules = tracked.rules(config_);
    row.group = tracked.group();
    row.padding = tracked.probe(config_).padding;
    if (const auto* link = host_.link(row.interface)) tell_link(row, *link, tracked);
    if (tracked.refusal(taken_at_)) row.refused = &*tracked.refused;
    row.traffic = &tracked.traffic;
    row.allowed = tracked.allowed();
    row.handshake_seen = tracked.handshake_seen;
    if (const auto found = failovers_.find(tracked.adjacency.id); found != failovers_.end())
        row.failover = &found->second;
    if (tracked.key)
        if (const auto* session = sessions_.find(*tracked.key); session != nullptr && !is_icmp(tracked))
            row.session = view_of(*tracked.key, *session);
    row.passage = gauges_.passage(tracked.adjacency.id);
    row.far_end = gauges_.far_end(tracked.adjacency.id);
    if (const auto* liveness = gauges_.liveness(tracked.adjacency.id)) row.liveness = *liveness;
    return row;
}

Row Controller::row_outside(const bfd::SessionKey& key, const ManagedSession& session) const {
    Row row;
    row.name = name_of(key);
    const auto* link = host_.link(key.ifindex);
    row.interface = link != nullptr ? link->name : "";
    row.local = key.local;
    row.remote = key.remote;
    row.session = view_of(key, session);
    const auto& asked = row.session->asked_by;
    row.configured = std::ranges::find(asked, "config") != asked.end();
    row.source = row.configured ? adjacency::AddressSource::configured : adjacency::AddressSource::bfdd;
    policy::Evidence facts{.interface_up = link == nullptr || link->up,
                           .session = session.status,
                           .was_up = session.status.ever_up,
                           .down_cause = session.down_cause};
    row.verdict = policy::assess(facts);
    row.since = session.since;
    return row;
}

// A [[session]] whose interface is not there.
Row Controller::row_waiting(const config::Session& session) const {
    Row row;
    row.name = session.name.value_or(base::to_string(session.remote));
    row.interface = session.multihop ? session.vrf : session.interface;
    row.local = session.local;
    row.remote = session.remote;
    row.configured = true;
    row.source = adjacency::AddressSource::configured;
    row.verdict = policy::assess({.interface_present = false});
    return row;
}

void Controller::list_sessions(RowsAt& at) const {
    at.begun = true;
    for (const auto& [key, session] : sessions_.all()) {
        if (const auto* primary = adjacencies_.find(key); primary != nullptr && !is_icmp(*primary)) continue;
        if (const auto* tracked = adjacency_of(key))
            at.further[{tracked->adjacency.interface, tracked->adjacency.peer}].push_back(key);
        else
            at.outside.push_back(key);
    }
    std::ranges::reverse(at.outside);
}

std::vector<Row> Controller::rows(RowsAt& at, std::size_t most) const {
    if (!at.begun) list_sessions(at);
    std::vector<Row> rows;
    const auto& all = adjacencies_.all();
    for (auto item = at.last ? all.upper_bound(*at.last) : all.begin(); item != all.end() && rows.size() < most;
         ++item) {
        const auto& [key, tracked] = *item;
        at.last = key;
        auto& row = rows.emplace_back(row_of(tracked));
        const auto count = convergence_.counts().find(tracked.adjacency.id);
        if (convergence_.source() != RouteSource::none)
            row.prefixes = count != convergence_.counts().end() ? count->second : 0;
        const auto further = at.further.find(key);
        if (further == at.further.end()) continue;
        for (const auto& other : further->second)
            if (const auto* session = sessions_.find(other)) row.further.push_back(view_of(other, *session));
    }
    for (; !at.outside.empty() && rows.size() < most; at.outside.pop_back())
        if (const auto* session = sessions_.find(at.outside.back()))
            rows.push_back(row_outside(at.outside.back(), *session));
    if (at.waiting == config_.sessions.size()) return rows;
    const Homes homes{host_};
    for (; at.waiting < config_.sessions.size() && rows.size() < most; ++at.waiting) {
        const auto& session = config_.sessions[at.waiting];
        if (const auto key = key_of(session, homes); !key || sessions_.find(*key) == nullptr)
            rows.push_back(row_waiting(session));
    }
    return rows;
}

std::vector<Row> Controller::rows() const {
    RowsAt at;
    return rows(at, SIZE_MAX);
}

std::vector<bfd::SessionKey> Controller::session_keys() const {
    std::vector<bfd::SessionKey> keys;
    keys.reserve(sessions_.all().size());
    for (const auto& [key, session] : sessions_.all()) keys.push_back(key);
    return keys;
}

std::vector<bfd::SessionKey> Controller::measured_keys() const {
    std::vector<bfd::SessionKey> keys;
    for (const auto& [key, tracked] : adjacencies_.all())
        if (tracked.key && tracked.wants_probe()) keys.push_back(*tracked.key);
    return keys;
}

}  // namespace control
