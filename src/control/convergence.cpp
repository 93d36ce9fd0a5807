#include "control/convergence.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace control {
namespace {

using adjacency::AdjacencyId;
using adjacency::RouteChange;
using Kind = RouteChange::Kind;

constexpr std::size_t shards_a_slice = 1;  // of 400 entries where there are 100,000 routes

bool same_prefix(const RouteChange& a, const RouteChange& b) { return a.table == b.table && a.prefix == b.prefix; }

}  // namespace

// --- routes ---------------------------------------------------------------------------------------------------------
void Convergence::begin(RouteSource source, bool lost) {
    ways_.freeze();
    silent_ = source != source_ || (silent_ && !swept_);
    if (silent_ || lost) reports_.doubt();
    source_ = source;
    ++telling_;
    outdated_ = swept_ = removal_waits_ = refusing_ = false;
    sweeping_.reset();
}

void Convergence::end() {
    outdated_ = true;
    sweeping_ = 0;
}

void Convergence::change(base::TimePoint now, const RouteChange& change) {
    const bool replaces =
        removal_waits_ && change.kind == Kind::route && !change.beside && same_prefix(change, removal_);
    if (!replaces) settle(now);
    removal_waits_ = false;
    commit(now, change);
    if (replaces && change.metric != removal_.metric) remove(now, removal_);
    if (ways_.refused() != ways_refused_) doubt();
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
    // What was told before this telling may have gone unheard; what was told in it stands.
    if (change.beside && entry != nullptr && entry->told == telling_ && ways_.is_inline(entry->way))
        return add(now, change, ways_.hops(entry->way));
    const auto way = entry != nullptr || table_.size() < most_routes ? way_of(change) : Way{0};
    if (way == 0) return refuse(now, key, change.metric);
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

void Convergence::add(base::TimePoint now, const RouteChange& change, std::span<const adjacency::Hop> standing) {
    auto all = change;
    all.beside = false;
    all.hops.clear();
    std::ranges::set_union(change.hops, standing, std::back_inserter(all.hops));
    set(now, all);
}

// What there is no room for counts nowhere, and neither does what it replaces.
void Convergence::refuse(base::TimePoint now, std::uint64_t key, std::uint32_t metric) {
    ++refused_;
    doubt();
    if (table_.find(key, metric) == nullptr) return;
    silenced_ = true;
    remove(now, key, metric);
    silenced_ = false;
    reports_.recount(ways_);
}

void Convergence::doubt() {
    ways_refused_ = ways_.refused();
    if (!std::exchange(refusing_, true)) reports_.doubt();
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
    else if (before.withdrawn == 0 && reports_.wait_for(ways_.riding(before.way)))
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
    if (entry.withdrawn != 0) return !reports_.wait_for(ways_.riding(entry.way));
    return (outdated_ && entry.told != telling_) || ways_.is_dead(entry.way);
}

void Convergence::sweep(base::TimePoint now) {
    for (std::size_t i = 0; i < shards_a_slice && sweeping_; ++i) {
        sweep_shard(now, *sweeping_);
        if (++*sweeping_ == PrefixTable::shards) sweeping_.reset();
    }
    if (sweeping_) return;
    if (outdated_ && silent_) reports_.recount(ways_);
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
    reports_.recount(ways_);
}

// --- verdicts -------------------------------------------------------------------------------------------------------
void Convergence::on_verdict(base::Now now, AdjacencyId id, const policy::Verdict& before,
                             const policy::Verdict& verdict) {
    Failover fresh;
    fresh.prefixes = fresh.left = ways_.count(id);
    fresh.source = source_;
    fresh.exact = is_complete() && !refusing_;
    reports_.on_verdict(now, id, before, verdict, std::move(fresh));
}

std::vector<Convergence::Closed> Convergence::close(base::TimePoint now) {
    auto out = reports_.close(now);
    if (!out.empty() && marks_ > 0) sweeping_ = 0;
    return out;
}

void Convergence::moved(base::TimePoint now, std::size_t prefixes, const Riding& before, const Riding& withdrawn,
                        const Riding& after) {
    if (!silenced_) reports_.moved(now, prefixes, before, withdrawn, after);
}

}  // namespace control
