#include "control/controller.hpp"

#include <algorithm>
#include <utility>

namespace control {
namespace {

constexpr base::Duration settle_at_least = std::chrono::seconds{3};
constexpr base::Duration look_again_after = std::chrono::seconds{2};
constexpr base::Duration goodbye_at_most = std::chrono::seconds{2};
constexpr base::Duration forever_detection = std::chrono::seconds{180};

base::Duration detection_time(const config::Probe& probe) { return base::Duration{probe.interval} * probe.multiplier; }

bool links_differ(const Host& a, const Host& b) { return a.links != b.links; }

}  // namespace

Controller::Controller(config::Config config, std::uint64_t seed, base::Now now)
    : config_{std::move(config)}, sessions_{seed}, gauges_{seed}, convergence_{seed, [this](const adjacency::Hop& hop) {
                                                                                   return whereabouts_.of(hop);
                                                                               }} {
    index_sessions();
    static_cast<void>(adjacencies_.update(now, host_, host_, config_));
}

void Controller::record(base::Now now, std::string adjacency, std::string event, std::string from, std::string to,
                        std::string cause, std::string detail) {
    turn_.records.push_back({now.wall,
                             std::move(adjacency),
                             std::move(event),
                             std::move(from),
                             std::move(to),
                             std::move(cause),
                             std::move(detail),
                             true,
                             {}});
}

void Controller::on_host(base::Now now, Host host) {
    if (is_awaited(now, host)) {
        recall_->host = std::move(host);
        return;
    }
    if (links_differ(host_, host)) {
        lids_.forget_routes();
        structure_dirty_ = true;
    }
    const auto before = std::exchange(host_, std::move(host));
    const auto changes = adjacencies_.update(now, before, host_, config_);
    structure_dirty_ |= changes.structure;
    think_over(Sweep::not_up);  // no handshake says more of who is Up
    for (const auto* tracked : changes.handshakes)
        if (tracked->key) {
            sessions_.nudge(*tracked->key, turn_.commands);
            gauges_.nudge(tracked->adjacency.id, turn_.commands);
        }
    for (const auto& name : changes.removed) record(now, name, "peer", "present", "removed", "peer-removed");
    end_recall(now);
}

void Controller::on_config(base::Now now, config::Config config) {
    config_ = std::move(config);
    index_sessions();
    adjacencies_.expect_config();
    static_cast<void>(adjacencies_.update(now, host_, host_, config_));
    for (auto& [key, tracked] : adjacencies_.all())
        if (tracked.quality(config_).method == config::Method::off) tracked.path.forget_quality();
    structure_dirty_ = feeds_due_ = true;
}

void Controller::on_neighbors(base::Now now, std::vector<adjacency::Neighbor> all) {
    neighbors_ = all;
    keeping_.put(neighbors_);
    if (!adjacencies_.learn(std::move(all))) return;
    structure_dirty_ |= adjacencies_.update(now, host_, host_, config_).structure;
}

bool Controller::wants_neighbors() const {
    return std::ranges::any_of(adjacencies_.all(), [](const auto& item) { return item.second.wants_neighbors(); });
}

void Controller::on_request(base::Now now, const BfddRequest& request) {
    told_bfdd_.erase(request.lid);  // an ADD wants an answer, also for what was told before
    structure_dirty_ |= lids_.add(now.steady, request);
    keeping_.put(lids_.all().at(request.lid));  // before bfdd's message is gone
}

void Controller::on_withdraw(base::Now, std::uint32_t lid) {
    structure_dirty_ |= lids_.withdraw(lid);
    keeping_.erase(lid);
    told_bfdd_.erase(lid);
}

void Controller::on_bfdd_gone(base::Now now) {
    lids_.connection_gone(now.steady);
    keeping_.follow(adjacencies_, lids_, unsolicited_);
    told_bfdd_.clear();
}

void Controller::on_route(base::Now, const Lookup& asked, const std::optional<base::IpAddress>& local,
                          base::IfIndex ifindex) {
    structure_dirty_ |= lids_.on_route(asked, local, ifindex);
}

void Controller::on_adopt(base::Now now, WereUp were_up) {
    remembered_ = std::move(were_up);
    settle_at_ = now.steady + std::max<base::Duration>(settle_at_least, detection_time(config_.probe));
    for (const auto& adjacency : config_.adjacencies)
        settle_at_ = std::max(settle_at_, now.steady + std::min(detection_time(adjacency.timers), forever_detection));
}

base::TimePoint Controller::on_stop(base::Now now) {
    stopping_ = true;
    sessions_.shut_all(turn_.commands);
    return now.steady + std::min(sessions_.longest_detection(), goodbye_at_most);
}

void Controller::on_event(base::Now now, const probe::Event& event) {
    if (const auto* changed = std::get_if<probe::Changed>(&event)) return on_changed(now, *changed);
    if (const auto* unmatched = std::get_if<probe::Unmatched>(&event)) return on_unmatched(now, *unmatched);
    if (const auto* removed = std::get_if<probe::Removed>(&event)) return sessions_.on_removed(*removed);
    if (const auto* gone = std::get_if<probe::GaugeRemoved>(&event)) {
        gauges_.on_removed(*gone);
        gauges_dirty_ = true;  // somebody may have waited for the place
        return;
    }
    if (const auto* late = std::get_if<probe::Late>(&event)) return on_late(*late);
    if (const auto* path = std::get_if<probe::PathChanged>(&event)) return on_path_changed(now, *path);
    if (const auto* sample = std::get_if<probe::Sample>(&event)) {
        if (const auto measured = gauges_.on_sample(*sample)) on_quality(now, measured->id, measured->quality);
        return;
    }
    if (const auto* failed = std::get_if<probe::SendFailed>(&event)) return on_send_failed(now, *failed);
    if (const auto* stall = std::get_if<probe::Stall>(&event)) {
        const auto late = std::chrono::duration_cast<std::chrono::milliseconds>(stall->late_by).count();
        record(now, "", "stall", "", "", "",
               "late_ms=" + std::to_string(late) + " sessions=" + std::to_string(stall->sessions));
    }
}

void Controller::on_changed(base::Now now, const probe::Changed& event) {
    const auto change = sessions_.on_changed(now, event);
    if (change.session == nullptr) return;
    const auto& session = *change.session;
    const auto state = session.status.state;
    auto* tracked = adjacencies_.find(session.key());
    if (tracked != nullptr) {
        // It comes in by WireGuard, which knows the peer again.
        if (tracked->refused && event.last_received > tracked->refused->at) tracked->refused.reset();
        think_over(*tracked);
        adjust_gauge(now, *tracked);
    }
    unsolicited_.on_state(now.steady, session.key(), state == bfd::State::up);
    if (state == change.before) return;
    record(now, name_of(session.key()), "session", std::string{to_string(change.before)}, std::string{to_string(state)},
           std::string{to_string(session.status.diagnostic)},
           "remote_state=" + std::string{to_string(session.status.remote_state)} +
               " remote_diagnostic=" + std::string{to_string(session.status.remote_diagnostic)});
    if (tracked == nullptr || !speaks_for(*tracked, session)) return;
    turn_.records.back().logged = false;
    if (state == bfd::State::up)
        came_up(now, *tracked, session.key());
    else if (change.before == bfd::State::up)
        went_down(now, *tracked, session.down_cause.value_or(policy::Cause::detect_timeout));
}

void Controller::came_up(base::Now now, Tracked& tracked, const bfd::SessionKey& on) {
    tracked.path.on_up(now.steady, tracked.rules(config_));
    tracked.was_up = true;
    tracked.up_on = on;
    tracked.down_cause.reset();
    tracked.traffic.on_up();
}

void Controller::went_down(base::Now now, Tracked& tracked, policy::Cause cause) {
    tracked.down_cause = cause;
    tracked.traffic.on_down(now.steady);
    if (cause == policy::Cause::admin)
        tracked.path.on_leave();
    else
        tracked.path.on_down(now.steady, tracked.rules(config_), cause);
    turn_.refresh_devices.push_back(tracked.adjacency.interface);  // one look refines the cause
}

// The figures are read where they are asked for; no verdict rests on them.
void Controller::on_unmatched(base::Now now, const probe::Unmatched& event) {
    if (!unsolicited_.offer(now.steady, event, config_, host_, adjacencies_)) return;
    record(now, "", "unsolicited", "", "granted", "", "remote=" + base::to_string(event.remote));
    structure_dirty_ = true;
}

void Controller::on_late(const probe::Late& late) {
    const auto* session = sessions_.find(late.id);
    const auto* tracked = session != nullptr ? adjacencies_.find(session->key()) : nullptr;
    const auto* link = session != nullptr ? host_.link(session->key().ifindex) : nullptr;
    if (tracked == nullptr || link == nullptr) return;
    trust_.on_late(late, {.interface = link->name,
                          .peer = tracked->adjacency.peer,
                          .detection_time = session->status.detection_time,
                          .chatter = {.bfd_interval = session->status.rx_interval,
                                      .quality_interval = asked_of(*tracked).settings.interval,
                                      .mtu = link->mtu}});
}

bool Controller::on_look(base::TimePoint begun, base::TimePoint now, const adjacency::Device& device) {
    const bool news = on_counted(begun, device);
    return trust_.on_look(begun, now, device, turn_.commands) || news;
}

void Controller::on_deadline(base::Now now) {
    structure_dirty_ |= lids_.expire(now.steady);
    structure_dirty_ |= unsolicited_.expire(now.steady);
    structure_dirty_ |= adjacencies_.forget(now.steady);
    for (const auto& measured : gauges_.expire(now.steady)) on_quality(now, measured.id, measured.quality);
    structure_dirty_ |= now.steady >= sessions_.claimed_by();
    think_over(Sweep::not_up);
    if (!recall_ || now.steady < recall_->until) return;
    if (recall_->host.links.empty())
        recall_->until = now.steady + look_again_after;  // without its links nothing is known of this host
    else
        on_host(now, std::move(recall_->host));
}

base::TimePoint Controller::deadline() const {
    auto earliest =
        std::min({lids_.deadline(), unsolicited_.deadline(), adjacencies_.deadline(), next_handshake_expiry(),
                  sessions_.next_judgement(taken_at_), gauges_.next_judgement(taken_at_), convergence_.deadline(),
                  gauges_.deadline(), trust_.deadline()});
    for (const auto& [key, tracked] : adjacencies_.all()) earliest = std::min(earliest, tracked.path.deadline());
    if (recall_) return recall_->until;
    earliest = std::min(earliest, sessions_.claimed_by());
    if (settle_at_ != base::TimePoint{}) earliest = std::min(earliest, settle_at_);
    return earliest;
}

base::TimePoint Controller::next_handshake_expiry() const {
    auto earliest = base::never;
    for (const auto& [key, tracked] : adjacencies_.all()) {
        const auto state = tracked.verdict.state;  // Up keeps these two alive, not the handshake
        if (!tracked.live || state == policy::VerdictState::up || state == policy::VerdictState::degraded) continue;
        if (tracked.handshake_seen != base::never)
            earliest = std::min(earliest, tracked.handshake_seen + policy::handshake_lifetime);
    }
    return earliest;
}

}  // namespace control
