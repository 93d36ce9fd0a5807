#include "control/reports.hpp"

#include <algorithm>
#include <utility>

namespace control {
namespace {

using adjacency::AdjacencyId;

void take(std::uint64_t& from, std::size_t n) { from -= std::min<std::uint64_t>(from, n); }

void count_to(std::map<AdjacencyId, std::uint64_t>& to, Failover& failover, std::size_t prefixes, const Riding& at) {
    for (const auto id : at.on) to[id] += prefixes;
    if (at.elsewhere) failover.elsewhere += prefixes;
}

void uncount_to(std::map<AdjacencyId, std::uint64_t>& to, Failover& failover, std::size_t prefixes, const Riding& at) {
    for (const auto id : at.on) {
        take(to[id], prefixes);
        if (to[id] == 0) to.erase(id);
    }
    if (at.elsewhere) take(failover.elsewhere, prefixes);
}

bool is_usable(policy::VerdictState s) { return s == policy::VerdictState::up || s == policy::VerdictState::degraded; }

bool takes_away(policy::VerdictState before, policy::VerdictState after) {
    using enum policy::VerdictState;
    return is_usable(before) && before != after && (after == degraded || after == down || after == admin_down);
}

}  // namespace

void Reports::on_verdict(base::Now now, AdjacencyId id, const policy::Verdict& before, const policy::Verdict& verdict,
                         Failover fresh) {
    if (const auto found = open_.find(id); found != open_.end()) {
        found->second.over |= verdict.state == policy::VerdictState::up;
        due_ = std::min(due_, due(found->second));
        return;
    }
    if (fresh.prefixes == 0 || !takes_away(before.state, verdict.state)) return;
    fresh.at = now.wall;
    fresh.before = before.state;
    fresh.verdict = verdict.state;
    fresh.cause = verdict.cause;
    Open open{.failover = std::move(fresh), .to = {}, .began = now.steady, .changed = now.steady};
    due_ = std::min(due_, due(open));
    open_.emplace(id, std::move(open));
}

void Reports::moved(base::TimePoint now, std::size_t prefixes, const Riding& before, const Riding& withdrawn,
                    const Riding& after) {
    if (open_.empty()) return;
    concerned_.clear();
    for (const auto* riding : {&before, &withdrawn, &after})
        concerned_.insert(concerned_.end(), riding->on.begin(), riding->on.end());
    std::ranges::sort(concerned_);
    concerned_.erase(std::unique(concerned_.begin(), concerned_.end()), concerned_.end());
    for (const auto id : concerned_) {
        const auto found = open_.find(id);
        if (found == open_.end()) continue;
        account(now, id, found->second, prefixes, before, withdrawn.rides(id), after);
        due_ = std::min(due_, due(found->second));
    }
}

void Reports::account(base::TimePoint now, AdjacencyId id, Open& open, std::size_t prefixes, const Riding& before,
                      bool waited, const Riding& after) {
    auto& failover = open.failover;
    const bool rode = before.rides(id), rides = after.rides(id);
    if (rode == rides && !(waited && after.carries())) return;
    if (rode) take(failover.left, prefixes);
    if (waited && after.carries()) take(failover.withdrawn, prefixes);
    if (rides) {
        failover.left += prefixes;
        if (!waited && before.carries()) {
            take(failover.moved, prefixes);
            uncount_to(open.to, failover, prefixes, before);
        }
        return;
    }
    (after.carries() ? failover.moved : failover.withdrawn) += prefixes;
    count_to(open.to, failover, prefixes, after);
    open.changed = now;
    failover.last = now - open.began;
    if (!failover.first) failover.first = failover.last;
}

bool Reports::wait_for(const Riding& riding) const {
    return std::ranges::any_of(riding.on, [this](AdjacencyId id) { return open_.contains(id); });
}

void Reports::doubt() {
    for (auto& [id, open] : open_) open.failover.exact = false;
}

void Reports::recount(const Ways& ways) {
    for (auto& [id, open] : open_) {
        open.failover.left = ways.count(id);
        due_ = std::min(due_, due(open));
    }
}

// A move puts a report off: that is seen here, once the first moment it could have been due has come.
bool Reports::is_due(base::TimePoint now) {
    if (now < due_) return false;
    due_ = base::never;
    for (const auto& [id, open] : open_) due_ = std::min(due_, due(open));
    return due_ <= now;
}

std::vector<Reports::Closed> Reports::close(base::TimePoint now) {
    std::vector<Closed> out;
    if (!is_due(now)) return out;
    for (auto item = open_.begin(); item != open_.end();) {
        auto& [id, open] = *item;
        if (due(open) > now) {
            ++item;
            continue;
        }
        out.push_back({id, std::move(open.failover), std::move(open.to)});
        item = open_.erase(item);
    }
    std::ranges::sort(out, {}, &Closed::id);
    static_cast<void>(is_due(now));
    return out;
}

base::TimePoint Reports::due(const Open& open) {
    const bool complete = open.failover.left == 0 && open.failover.withdrawn == 0;
    return open.over || complete ? open.changed : open.changed + quiet;
}

}  // namespace control
