#include "control/convergence.hpp"

#include <algorithm>
#include <utility>

namespace control {
namespace {

using adjacency::AdjacencyId;
using adjacency::RouteChange;
using Kind = RouteChange::Kind;

constexpr std::size_t shards_a_slice = 1;  // of 400 entries where there are 100,000 routes

bool same_prefix(const RouteChange& a, const RouteChange& b) { return a.table == b.table && a.prefix == b.prefix; }

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

// --- routes ---------------------------------------------------------------------------------------------------------
void Convergence::begin(RouteSource source, bool lost) {
    ways_.freeze();
    silent_ = source != source_ || (silent_ && !swept_);
    if (silent_ || lost)
        for (auto& [id, open] : open_) open.failover.exact = false;
    source_ = source;
    ++telling_;
    outdated_ = swept_ = removal_waits_ = false;
    sweeping_.reset();
}

void Convergence::end() {
    outdated_ = true;
    sweeping_ = 0;
}

void Convergence::change(base::TimePoint now, const RouteChange& change) {
    const bool replaces = removal_waits_ && change.kind == Kind::route && same_prefix(change, removal_);
    if (!replaces) settle(now);
    removal_waits_ = false;
    commit(now, change);
    if (replaces && change.metric != removal_.metric) remove(now, removal_);
}

void Convergence::settle(base::TimePoint now) {
    if (std::exchange(removal_waits_, false)) remove(now, removal_);
}

void Convergence::commit(base::TimePoint now, const RouteChange& change) {
    switch (change.kind) {
        case Kind::route: return set(now, change);
        case Kind::route_gone:
            removal_ = change;
            removal_waits_ = true;
            return;
        case Kind::nexthop:
        case Kind::nexthop_gone: return set_nexthop(now, change);
    }
}

void Convergence::set_nexthop(base::TimePoint now, const RouteChange& change) {
    const auto on_moved = [&](std::size_t prefixes, const Riding& before, const Riding& after) {
        moved(now, prefixes, before, {}, after);
    };
    if (change.kind == Kind::nexthop)
        ways_.set_nexthop(change, on_moved);
    else if (ways_.remove_nexthop(change.nexthop, on_moved))
        sweeping_ = 0;
}

Way Convergence::way_of(const RouteChange& change) {
    return change.nexthop != 0 ? ways_.through_nexthop(change.nexthop) : ways_.through(change.hops);
}

void Convergence::set(base::TimePoint now, const RouteChange& change) {
    const auto key = table_.key(change.prefix, change.table);
    auto* const entry = table_.find(key, change.metric);
    const auto way = entry != nullptr || table_.size() < most_routes ? way_of(change) : Way{0};
    if (way == 0) {
        ++refused_;
        return;
    }
    if (entry != nullptr && entry->way == way) {
        entry->told = telling_;
        return;
    }
    const auto before = standing(key);
    const Way old = entry != nullptr ? entry->way : Way{0};
    ways_.hold(way);
    PrefixEntry fresh{.key = key, .metric = change.metric};
    fresh.way = way & most_ways;
    fresh.told = telling_;
    if (entry != nullptr)
        *entry = fresh;
    else
        table_.insert(fresh);
    stands(now, key, before);
    if (old != 0) ways_.release(old);
}

// IPv6 takes next hops out of a route one at a time: what is left of it stands.
void Convergence::remove(base::TimePoint now, const RouteChange& change) {
    const auto key = table_.key(change.prefix, change.table);
    const auto* const entry = table_.find(key, change.metric);
    if (entry == nullptr) return;
    const auto standing_hops = ways_.hops(entry->way);
    const bool one_of_several = change.prefix.address.is_v6() && change.nexthop == 0 && change.hops.size() == 1 &&
                                standing_hops.size() > 1 && ways_.is_inline(entry->way);
    if (!one_of_several) return remove(now, key, change.metric);
    auto rest = change;
    rest.kind = Kind::route;
    rest.hops.assign(standing_hops.begin(), standing_hops.end());
    std::erase(rest.hops, change.hops.front());
    set(now, rest);
}

void Convergence::remove(base::TimePoint now, std::uint64_t key, std::uint32_t metric) {
    const auto* const entry = table_.find(key, metric);
    if (entry == nullptr) return;
    const auto before = standing(key);
    const Way way = entry->way;
    table_.erase(entry);
    stands(now, key, before);
    ways_.release(way);
}

Convergence::Standing Convergence::standing(std::uint64_t key) const {
    Standing out;
    table_.each(key, [&](const PrefixEntry& entry) {
        if (entry.withdrawn != 0) {
            out.withdrawn = entry.way;
        } else if (out.way == 0 || entry.metric < out.metric) {
            out.way = entry.way;
            out.metric = entry.metric;
        }
    });
    return out;
}

// Something changed in the routes of this prefix: does it go another way now? What a report waits for is remembered.
void Convergence::stands(base::TimePoint now, std::uint64_t key, const Standing& before) {
    const auto way = standing(key).way;
    if (way == before.way) return;
    if (before.way != 0) ways_.carry(before.way, -1);
    if (way != 0) ways_.carry(way, 1);
    moved(now, 1, ways_.riding(before.way), ways_.riding(before.withdrawn), ways_.riding(way));
    if (ways_.riding(way).carries())
        drop_mark(key);
    else if (before.withdrawn == 0 && is_wanted(before.way))
        mark(key, before.way);
}

void Convergence::mark(std::uint64_t key, Way way) {
    ways_.hold(way);
    PrefixEntry entry{.key = key};
    entry.way = way & most_ways;
    entry.withdrawn = 1;
    table_.insert(entry);
    ++marks_;
}

void Convergence::drop_mark(std::uint64_t key) {
    const auto* const entry = table_.find(key, 0, true);
    if (entry == nullptr) return;
    const Way way = entry->way;
    table_.erase(entry);
    --marks_;
    ways_.release(way);
}

// --- sweeping -------------------------------------------------------------------------------------------------------
bool Convergence::is_stale(const PrefixEntry& entry) const {
    if (entry.withdrawn != 0) return !is_wanted(entry.way);
    return (outdated_ && entry.told != telling_) || ways_.is_dead(entry.way);
}

void Convergence::sweep(base::TimePoint now) {
    for (std::size_t i = 0; i < shards_a_slice && sweeping_; ++i) {
        sweep_shard(now, *sweeping_);
        if (++*sweeping_ == PrefixTable::shards) sweeping_.reset();
    }
    if (sweeping_) return;
    if (outdated_ && silent_) count_left();
    swept_ |= outdated_;
    outdated_ = false;
}

void Convergence::sweep_shard(base::TimePoint now, std::size_t shard) {
    std::size_t from = 0;
    auto room = table_.room(shard);
    while (const auto* entry = table_.pick(shard, from, [&](const PrefixEntry& e) { return is_stale(e); })) {
        silenced_ = silent_ && !ways_.is_dead(entry->way);
        const auto marks = marks_;
        if (entry->withdrawn != 0) {
            drop_mark(entry->key);
        } else {
            remove(now, entry->key, entry->metric);
            if (marks_ < marks) from = 0;  // of what is behind the mark something may have moved up before us
        }
        if (std::exchange(room, table_.room(shard)) != table_.room(shard)) from = 0;
    }
    silenced_ = false;
}

void Convergence::relocate() {
    ways_.relocate();
    count_left();
}

void Convergence::count_left() {
    for (auto& [id, open] : open_) open.failover.left = ways_.count(id);
}

// --- reports --------------------------------------------------------------------------------------------------------
bool Convergence::is_wanted(Way way) const {
    return std::ranges::any_of(open_, [&](const auto& item) { return ways_.riding(way).rides(item.first); });
}

void Convergence::moved(base::TimePoint now, std::size_t prefixes, const Riding& before, const Riding& withdrawn,
                        const Riding& after) {
    if (silenced_) return;
    for (auto& [id, open] : open_) {
        auto& failover = open.failover;
        const bool rode = before.rides(id), rides = after.rides(id), waited = withdrawn.rides(id);
        if (rode == rides && !(waited && after.carries())) continue;
        if (rode) take(failover.left, prefixes);
        if (waited && after.carries()) take(failover.withdrawn, prefixes);
        if (rides) {
            failover.left += prefixes;
            if (!waited && before.carries()) {
                take(failover.moved, prefixes);
                uncount_to(open.to, failover, prefixes, before);
            }
            continue;
        }
        (after.carries() ? failover.moved : failover.withdrawn) += prefixes;
        count_to(open.to, failover, prefixes, after);
        open.changed = now;
        failover.last = now - open.began;
        if (!failover.first) failover.first = failover.last;
    }
}

void Convergence::on_verdict(base::Now now, AdjacencyId id, const policy::Verdict& before,
                             const policy::Verdict& verdict) {
    const auto open = open_.find(id);
    if (open != open_.end()) {
        open->second.over |= verdict.state == policy::VerdictState::up;
        return;
    }
    if (!takes_away(before.state, verdict.state)) return;
    Open fresh;
    auto& failover = fresh.failover;
    failover.at = now.wall;
    failover.before = before.state;
    failover.verdict = verdict.state;
    failover.cause = verdict.cause;
    failover.prefixes = failover.left = ways_.count(id);
    failover.source = source_;
    fresh.began = fresh.changed = now.steady;
    if (failover.prefixes > 0) open_.emplace(id, std::move(fresh));
}

std::vector<Convergence::Closed> Convergence::close(base::TimePoint now) {
    std::vector<Closed> out;
    for (auto item = open_.begin(); item != open_.end();) {
        auto& [id, open] = *item;
        if (due(open) > now) {
            ++item;
            continue;
        }
        out.push_back({id, std::move(open.failover), std::move(open.to)});
        item = open_.erase(item);
    }
    if (!out.empty() && marks_ > 0) sweeping_ = 0;
    return out;
}

base::TimePoint Convergence::due(const Open& open) {
    const bool complete = open.failover.left == 0 && open.failover.withdrawn == 0;
    return open.over || complete ? open.changed : open.changed + quiet;
}

base::TimePoint Convergence::deadline() const {
    auto earliest = base::never;
    for (const auto& [id, open] : open_) earliest = std::min(earliest, due(open));
    return earliest;
}

}  // namespace control
