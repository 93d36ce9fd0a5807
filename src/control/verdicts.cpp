// From evidence to what routing is told: the session's word, what quality, damping, up_delay and draining make of it
// over time, and what each group allows of that.
#include <algorithm>
#include <utility>

#include "control/controller.hpp"
#include "policy/group.hpp"

namespace control {
namespace {

constexpr std::size_t slice_at_most = 256;  // verdicts in a turn

// An interface that is there, and only set down, is no less a place where a peer may prove itself.
bool is_unproven(const policy::Verdict& verdict, const policy::Evidence& facts) {
    using enum policy::Cause;
    return verdict.cause == never_up || verdict.cause == no_endpoint || verdict.cause == wrong_allowed_ips ||
           verdict.cause == mtu || (verdict.cause == interface_gone && facts.interface_present);
}

std::string text_of(const std::optional<policy::Cause>& cause) {
    return cause ? std::string{to_string(*cause)} : std::string{};
}

// For the log, which nobody's reason is to forge.
std::string in_quotes(std::string text) {
    std::ranges::replace_if(
        text, [](char c) { return c == '"' || c == '\\'; }, '\'');
    return '"' + text + '"';
}

}  // namespace

// What the session alone says; and whether it is Up, which starts and ends what the path keeps of it.
policy::Verdict Controller::assess(base::Now now, Tracked& tracked) const {
    if (!tracked.interface_present && tracked.was_up) tracked.down_cause = policy::Cause::interface_gone;
    const auto facts = evidence(tracked, now.steady);
    auto& path = tracked.path;
    const bool up = facts.session && facts.session->state == bfd::State::up;
    const bool was = path.up_since() != base::never;
    if (up && !was) path.on_up(now.steady, tracked.rules(config_));
    if (!up && was) path.on_leave();  // it was removed: nobody heard it fail
    if (!facts.drained) path.drain.returned();
    const auto fit = gauges_.passage(tracked.adjacency.id).fit;
    path.on_passage(fit == quality::Fit::unknown ? std::nullopt : std::optional{fit == quality::Fit::limited});
    return policy::assess(facts);
}

void Controller::think_over(Tracked& tracked) { tracked.due = some_due_ = true; }

void Controller::think_over(Sweep whom) {
    const bool under_way = sweep_ != Sweep::none;
    if (whom == Sweep::not_up && under_way) {
        sweep_again_ = true;
        return;
    }
    sweep_ = whom;
    swept_.reset();
}

// What probes it stands as it is to, so that its evidence is complete even while others' sessions have yet to begin or
// to end.
bool Controller::is_whole(const Tracked& tracked) const {
    if (!tracked.key || !tracked.wants_probe()) return false;
    if (!is_icmp(tracked)) return sessions_.find(*tracked.key) != nullptr;
    const auto* liveness = gauges_.liveness(tracked.adjacency.id);
    return gauges_.is_live_on(tracked.adjacency.id, *tracked.key) &&
           liveness->parameters.admin_down == tracked.path.drain.is_shut();
}

// Those of whom there is news, whatever else is under way. True when a feed may have to act. Before everybody was
// judged once, nobody is out of turn: feeds that were told of some alone would let go of the others.
bool Controller::assess_due(base::Now now, bool reconciled) {
    if (!some_due_ || !all_judged_) return false;
    some_due_ = false;
    std::vector<Tracked*> due;
    for (auto& [key, tracked] : adjacencies_.all()) {
        if (!tracked.due) continue;
        if (reconciled || is_whole(tracked))
            due.push_back(&tracked);
        else
            some_due_ = true;
    }
    return assess(now, due);
}

// A slice of everybody, or of everybody who is not Up. False: the rest is the next turn's.
bool Controller::sweep(base::Now now) {
    if (sweep_ == Sweep::none) return true;
    const auto& all = adjacencies_.all();
    if (!swept_) sweep_again_ = false;  // whatever is new is seen by this one
    std::vector<Tracked*> slice;
    auto item = swept_ ? adjacencies_.all().upper_bound(*swept_) : adjacencies_.all().begin();
    const auto at_most = is_sliced(now) ? slice_at_most : all.size();
    for (; item != all.end() && slice.size() < at_most; ++item) {
        auto& tracked = item->second;
        const bool up = tracked.verdict.state == policy::VerdictState::up;
        if (sweep_ == Sweep::all || tracked.due || !up) slice.push_back(&tracked);
    }
    feeds_due_ |= assess(now, slice);
    if (item != all.end()) {
        swept_ = std::prev(item)->first;
        return false;
    }
    swept_.reset();
    sweep_ = std::exchange(sweep_again_, false) ? Sweep::not_up : Sweep::none;
    all_judged_ = true;
    return sweep_ == Sweep::none;
}

// With them the rest of their groups: what a group allows may be another for all of it. Before everybody was judged
// once, the rest may not have been either.
bool Controller::assess(base::Now now, const std::vector<Tracked*>& some) {
    if (some.empty()) return false;
    auto all = some;
    std::set<std::string_view> groups;
    for (auto* tracked : some) {
        tracked->due = false;
        tracked->assessed = assess(now, *tracked);
        if (!tracked->group().empty()) groups.insert(tracked->group());
    }
    auto chosen = some;
    std::ranges::sort(chosen);
    if (!groups.empty())
        for (auto& [key, tracked] : adjacencies_.all())
            if (groups.contains(tracked.group()) && !std::ranges::binary_search(chosen, &tracked)) {
                if (!all_judged_) tracked.assessed = assess(now, tracked);
                all.push_back(&tracked);
            }
    std::vector<policy::Rules> rules;
    std::vector<policy::Member> members;
    rules.reserve(all.size());
    members.reserve(all.size());
    for (auto* tracked : all) {
        rules.push_back(tracked->rules(config_));
        members.push_back({tracked->group(), tracked->assessed, &tracked->path, &rules.back(), {}});
    }
    policy::settle(members, now.steady);
    bool due = false;
    for (std::size_t i = 0; i < all.size(); ++i)
        if (i < some.size() || members[i].verdict != all[i]->verdict) due |= publish(now, *all[i], members[i].verdict);
    return due;
}

// True when a feed may have to act: a change of cause alone is not for feeds.
bool Controller::publish(base::Now now, Tracked& tracked, const policy::Verdict& verdict) {
    using enum policy::VerdictState;
    const auto facts = evidence(tracked, now.steady);
    const bool live = policy::is_live(verdict, facts);
    const bool counts_as_down = verdict.state == down || (facts.require_proof && !facts.settling &&
                                                          verdict.state == unknown && is_unproven(verdict, facts));
    const auto before = std::exchange(tracked.verdict, verdict);
    const auto cause = text_of(verdict.cause);
    if (before.state != verdict.state) {
        tracked.since = now.wall;
        record(now, tracked.adjacency.name, "verdict", std::string{to_string(before.state)},
               std::string{to_string(verdict.state)}, cause, told(tracked));
        unreported_.push_back({now, tracked.adjacency.id, before, verdict});
    } else if (before.cause != verdict.cause && (verdict.state == down || verdict.state == degraded)) {
        record(now, tracked.adjacency.name, "cause", text_of(before.cause), cause, cause);
    }
    const bool due = before.state != verdict.state || before.cost != verdict.cost || tracked.live != live ||
                     tracked.counts_as_down != counts_as_down || tracked.classes != tracked.path.classes();
    tracked.live = live;
    tracked.counts_as_down = counts_as_down;
    tracked.classes = tracked.path.classes();
    if (due || before.cause != verdict.cause) keeping_.put(tracked);
    return due;
}

void Controller::pass_time(base::Now now) {
    for (auto& [key, tracked] : adjacencies_.all()) {
        const bool shut = tracked.path.drain.is_shut();
        if (tracked.path.on_deadline(now.steady)) think_over(tracked);
        structure_dirty_ |= shut != tracked.path.drain.is_shut();
    }
}

void Controller::on_quality(base::Now now, const bfd::SessionKey& key, const quality::Quality& quality) {
    auto* tracked = adjacencies_.find(key);
    if (tracked != nullptr && tracked->path.on_quality(now.steady, quality, tracked->rules(config_)))
        think_over(*tracked);
}

void Controller::on_quality(base::Now now, adjacency::AdjacencyId id, const quality::Quality& quality) {
    auto* tracked = adjacencies_.find(id);
    if (tracked == nullptr || tracked->quality(config_).method == quality::Choice::off) return;
    if (tracked->path.on_quality(now.steady, quality, tracked->rules(config_))) think_over(*tracked);
}

bool Controller::is_last_usable(const Tracked& tracked) const {
    if (tracked.group().empty() || !policy::is_usable(tracked.verdict)) return false;
    return std::ranges::none_of(adjacencies_.all(), [&](const auto& item) {
        const auto& other = item.second;
        return &other != &tracked && other.group() == tracked.group() && policy::is_usable(other.verdict);
    });
}

bool Controller::drain(base::Now now, const std::string& name, std::string& warning) {
    auto* tracked = adjacencies_.find(name);
    if (tracked == nullptr) return false;
    if (is_last_usable(*tracked))
        warning = name + " is the last usable path of the group " + std::string{tracked->group()} +
                  ": what goes there has no other way";
    if (!tracked->path.drain.is_on()) record(now, name, "drain", "", "begun", "");
    tracked->path.drain.begin(now.steady);
    think_over(*tracked);
    return true;
}

bool Controller::undrain(base::Now now, const std::string& name) {
    if (drained_.erase(name) > 0) return true;  // its peer never came
    auto* tracked = adjacencies_.find(name);
    if (tracked == nullptr) return false;
    if (tracked->path.drain.is_on()) record(now, name, "drain", "", "ended", "");
    tracked->path.drain.end();
    think_over(*tracked);
    structure_dirty_ = true;
    return true;
}

// Said again and again by whoever checks: only what is new goes into the log.
bool Controller::tell_outside(base::Now now, const std::string& name, policy::VerdictState state, base::Duration ttl,
                              std::string reason) {
    auto* tracked = adjacencies_.find(name);
    if (tracked == nullptr) return false;
    auto& outside = tracked->path.outside;
    const auto& before = outside.opinion();
    if (!before || before->state != state || before->reason != reason)
        record(now, name, "evidence", before ? std::string{to_string(before->state)} : std::string{},
               std::string{to_string(state)}, "external",
               reason.empty() ? std::string{} : "reason=" + in_quotes(reason));
    outside.tell({state, std::move(reason), now.steady + ttl, now.wall + ttl});
    think_over(*tracked);
    return true;
}

void Controller::on_drained(std::set<std::string> names) {
    drained_ = std::move(names);
    structure_dirty_ = true;
}

std::set<std::string> Controller::drained() const {
    auto names = drained_;
    for (const auto& [key, tracked] : adjacencies_.all())
        if (tracked.path.drain.is_on()) names.insert(tracked.adjacency.name);
    return names;
}

void Controller::resume_drains() {
    drained_.merge(adjacencies_.take_left_drained());
    if (drained_.empty()) return;
    for (auto& [key, tracked] : adjacencies_.all())
        if (drained_.erase(tracked.adjacency.name) > 0 && !tracked.path.drain.is_on()) tracked.path.drain.resume();
}

// Every session with that peer, whoever asked for it: the second address family goes with the first.
void Controller::shut_drained(DesiredSessions& desired) const {
    const auto is_shut = [](const auto& item) { return item.second.path.drain.is_shut(); };
    if (std::ranges::none_of(adjacencies_.all(), is_shut)) return;
    for (auto& [key, wanted] : desired)
        if (const auto* tracked = adjacency_of(key)) wanted.drained = tracked->path.drain.is_shut();
}

}  // namespace control
