#include "control/sessions.hpp"

#include <algorithm>
#include <cassert>

#include "policy/evidence.hpp"
#include "probe/snapshot.hpp"

namespace control {
namespace {

constexpr base::Duration grace_at_least = std::chrono::seconds{3};
constexpr base::Duration grace_at_most = std::chrono::seconds{180};
constexpr std::size_t begin_at_most = 256;  // sessions in a turn
constexpr base::Duration claim_within = std::chrono::seconds{5};
constexpr base::Duration late = std::chrono::milliseconds{500};  // this process, or the whole host, stood still

// Long enough for slow start and the three-way handshake; as after a restart of ours.
base::Duration grace(const bfd::Parameters& parameters) {
    const auto interval = std::max(parameters.desired_min_tx, parameters.required_min_rx);
    return std::clamp<base::Duration>(base::Duration{interval} * parameters.detect_mult, grace_at_least, grace_at_most);
}

bool is_maintenance(const bfd::Status& status) {
    return status.state == bfd::State::admin_down || status.remote_state == bfd::State::admin_down;
}

}  // namespace

bool Sessions::take_discriminator(bfd::Discriminator value) {
    const auto place = std::ranges::lower_bound(discriminators_, value);
    if (place != discriminators_.end() && *place == value) return false;
    discriminators_.insert(place, value);
    return true;
}

void Sessions::free_discriminator(bfd::Discriminator value) {
    const auto place = std::ranges::lower_bound(discriminators_, value);
    assert(place != discriminators_.end() && *place == value);
    discriminators_.erase(place);
}

bfd::Discriminator Sessions::fresh_discriminator() {
    // RFC 5880 §6.8.1: nonzero and unique; random, to resist guessing.
    for (;;) {
        const bfd::Discriminator value{static_cast<std::uint32_t>(random_())};
        if (value.value != 0 && take_discriminator(value)) return value;
    }
}

// False: there is no slot for it.
bool Sessions::add(base::Now now, const bfd::SessionKey& key, const Desired& desired,
                   std::vector<probe::Command>& commands) {
    ManagedSession session{.in_force = effective(desired), .askers = desired.askers};
    const bfd::Session fresh{session.in_force.parameters, fresh_discriminator(), static_cast<std::uint32_t>(random_()),
                             now.steady};
    session.slot = pool_.create(key, session.in_force.minimum_ttl, fresh);
    if (session.slot == nullptr) {  // every slot is taken; asked again when something changes
        free_discriminator(fresh.status().local_discriminator);
        ++refused_;
        return false;
    }
    session.slot->padding = session.in_force.padding;
    session.status = fresh.status();
    session.judged_from = now.steady + grace(session.in_force.parameters);
    session.since = now.wall;
    begin(std::move(session), commands);
    return true;
}

void Sessions::begin(ManagedSession&& begun, std::vector<probe::Command>& commands) {
    const auto id = begun.slot->id;
    auto& session = sessions_.emplace(begun.key(), std::move(begun)).first->second;
    if (store_ != nullptr) {
        session.slot->record = store_->record(probe::Shelf::sessions, id.slot);
        session.record = store_->record(probe::Shelf::managed, id.slot);
    }
    if (id.slot >= by_slot_.size()) by_slot_.resize(id.slot + 1);
    by_slot_[id.slot] = &session;
    keep(session);
    probe::keep(*session.slot);  // still ours: the probe thread may not come to it before we die
    commands.emplace_back(probe::Add{session.slot});
}

void Sessions::keep(ManagedSession& session) {
    if (!session.record) return;
    session.record.write(writer_(SessionMemory{.generation = session.slot->id.generation,
                                               .key = session.key(),
                                               .minimum_ttl = session.in_force.minimum_ttl,
                                               .source_port = session.slot->source_port,
                                               .judged_from = session.judged_from,
                                               .since = session.since,
                                               .down_cause = session.down_cause,
                                               .counters = values_of(session.slot->counters)}));
}

bool Sessions::keep_some(bfd::SessionKey& next, std::size_t count) {
    auto item = sessions_.lower_bound(next);
    for (; count > 0 && item != sessions_.end(); --count) keep((item++)->second);
    const bool left = item != sessions_.end();
    next = left ? item->first : bfd::SessionKey{.ifindex = {UINT32_MAX}, .local = {}, .remote = {}};
    return left;
}

void Sessions::keep_slots() {
    for (auto& [key, session] : sessions_) {
        probe::keep(*session.slot);
        keep(session);
    }
}

void Sessions::recall(base::TimePoint now, const std::vector<SessionMemory>& sessions,
                      std::vector<probe::Command>& commands) {
    claimed_by_ = now + claim_within;
    for (const auto& left : sessions) {
        const auto& status = left.snapshot.status;
        if (sessions_.contains(left.key) || !take_discriminator(status.local_discriminator)) continue;
        ManagedSession session{.in_force = {left.snapshot.parameters, left.minimum_ttl}};
        session.slot = pool_.restore(left.key, left.minimum_ttl, left.source_port, bfd::Session{left.snapshot, now});
        if (session.slot == nullptr) {
            free_discriminator(status.local_discriminator);
            continue;
        }
        set(session.slot->counters, left.counters);
        session.status = status;
        session.down_cause = left.down_cause;
        session.judged_from = left.judged_from;
        session.since = left.since;
        session.claimed = false;
        begin(std::move(session), commands);
    }
}

bool Sessions::is_over(const ManagedSession& session, const DesiredSessions& desired, base::TimePoint now) const {
    if (desired.contains(session.key())) return false;
    return session.claimed || now >= claimed_by_;
}

void Sessions::remove(ManagedSession& session, std::vector<probe::Command>& commands) {
    commands.emplace_back(probe::Remove{session.slot->id});  // it is the probe thread's until Removed comes back
    by_slot_[session.slot->id.slot] = nullptr;
    session.record.clear();
}

bool Sessions::reconcile(base::Now now, const DesiredSessions& desired, std::vector<probe::Command>& commands) {
    refused_ = 0;
    for (auto item = sessions_.begin(); item != sessions_.end();) {
        if (!is_over(item->second, desired, now.steady)) {
            ++item;
            continue;
        }
        remove(item->second, commands);
        item = sessions_.erase(item);
    }
    if (now.steady >= claimed_by_) claimed_by_ = base::never;
    std::size_t begun = 0;
    bool all_begun = true;
    for (const auto& [key, wanted] : desired) {
        const auto found = sessions_.find(key);
        if (found == sessions_.end()) {
            if (begun == begin_at_most) {
                all_begun = false;
            } else if (add(now, key, wanted, commands)) {
                ++begun;
            }
            continue;
        }
        auto& session = found->second;
        session.claimed = true;
        session.askers = wanted.askers;
        const auto merged = effective(wanted);
        if (merged == session.in_force) continue;
        session.in_force = merged;
        keep(session);
        commands.emplace_back(probe::Change{session.slot->id, merged.parameters, merged.minimum_ttl, merged.padding});
    }
    return all_begun;
}

SessionChange Sessions::on_changed(base::Now now, const probe::Changed& event) {
    auto* const found = at(event.id);
    if (found == nullptr) return {};
    auto& session = *found;
    const auto before = session.status.state;
    const bool was_maintenance = is_maintenance(session.status);
    session.status = event.status;
    if (before != event.status.state) session.since = now.wall;
    if (before == bfd::State::up && event.status.state != bfd::State::up) {
        session.down_cause = policy::cause_of_down(event.status);
        session.judged_from = now.steady;  // it failed, or it is maintenance: either is known at once
    } else if (event.status.state == bfd::State::up) {
        session.down_cause.reset();
    } else if (was_maintenance && !is_maintenance(event.status)) {
        session.down_cause.reset();
        session.judged_from = now.steady + grace(session.in_force.parameters);
    }
    keep(session);
    return {&session, before};
}

void Sessions::on_removed(const probe::Removed& event) {
    if (event.slot == nullptr) return;
    free_discriminator(event.slot->session.status().local_discriminator);
    pool_.release(event.slot);
}

void Sessions::nudge(const bfd::SessionKey& key, std::vector<probe::Command>& commands) const {
    if (const auto* session = find(key); session != nullptr && !session->status.ever_heard)
        commands.emplace_back(probe::Nudge{session->slot->id});
}

// Who stood still could send nothing and hear nothing: the time that passed meanwhile is no evidence.
void Sessions::forgive_lateness(base::TimePoint last_turn, base::TimePoint now) {
    for (auto& [key, session] : sessions_)
        if (is_settling(session, last_turn) && now - session.judged_from > late)
            session.judged_from = now + grace(session.in_force.parameters);
}

void Sessions::shut_all(std::vector<probe::Command>& commands) {
    for (auto& [key, session] : sessions_) {
        session.in_force.parameters.admin_down = true;
        const auto& [parameters, minimum_ttl, padding] = session.in_force;
        commands.emplace_back(probe::Change{session.slot->id, parameters, minimum_ttl, padding});
    }
}

const ManagedSession* Sessions::find(const bfd::SessionKey& key) const {
    const auto found = sessions_.find(key);
    return found == sessions_.end() ? nullptr : &found->second;
}

ManagedSession* Sessions::at(probe::SessionId id) const {
    if (id.slot >= by_slot_.size()) return nullptr;
    auto* const session = by_slot_[id.slot];
    return session != nullptr && session->slot->id == id ? session : nullptr;
}

const ManagedSession* Sessions::find(probe::SessionId id) const { return at(id); }

base::TimePoint Sessions::next_judgement(base::TimePoint now) const {
    auto earliest = base::never;
    for (const auto& [key, session] : sessions_)
        if (is_settling(session, now)) earliest = std::min(earliest, session.judged_from);
    return earliest;
}

base::TimePoint Sessions::last_judgement(base::TimePoint now) const {
    base::TimePoint last{};
    for (const auto& [key, session] : sessions_)
        if (is_settling(session, now)) last = std::max(last, session.judged_from);
    return last;
}

base::Duration Sessions::longest_detection() const {
    base::Duration longest{};
    for (const auto& [key, session] : sessions_)
        if (session.status.state == bfd::State::up) longest = std::max(longest, session.status.detection_time);
    return longest;
}

}  // namespace control
