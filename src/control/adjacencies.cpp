#include "control/adjacencies.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace control {
namespace {

constexpr base::Duration forget_after = std::chrono::minutes{10};

}  // namespace

Tracked& Adjacencies::entry(base::Now now, const std::string& interface, const adjacency::PublicKey& key) {
    const auto [found, fresh] = tracked_.try_emplace(Key{interface, key});
    auto& tracked = found->second;
    if (fresh) {
        tracked.adjacency.id = adjacency::AdjacencyId{next_id_++};
        by_id_.emplace(tracked.adjacency.id, found->first);
        tracked.adjacency.interface = interface;
        tracked.adjacency.peer = key;
        tracked.since = now.wall;
    }
    return tracked;
}

auto Adjacencies::erase(std::map<Key, Tracked>::iterator item) -> std::map<Key, Tracked>::iterator {
    by_id_.erase(item->second.adjacency.id);
    if (item->second.path.drain.is_on()) left_drained_.insert(item->second.adjacency.name);
    return tracked_.erase(item);
}

bool Adjacencies::learn(std::vector<adjacency::Neighbor> neighbors) {
    std::ranges::sort(neighbors);
    const auto [first, last] = std::ranges::unique(neighbors);
    neighbors.erase(first, last);
    if (neighbors == neighbors_) return false;
    neighbors_ = std::move(neighbors);
    neighbors_news_ = true;
    return true;
}

bool Adjacencies::forget(base::TimePoint now) {
    const auto before = tracked_.size();
    for (auto item = tracked_.begin(); item != tracked_.end();) {
        const auto& tracked = item->second;
        const bool over =
            !tracked.configured && tracked.gone_since != base::never && now - tracked.gone_since >= forget_after;
        item = over ? erase(item) : std::next(item);
    }
    return tracked_.size() < before;
}

base::TimePoint Adjacencies::deadline() const {
    auto earliest = base::never;
    for (const auto& [key, tracked] : tracked_)
        if (!tracked.configured && tracked.gone_since != base::never)
            earliest = std::min(earliest, tracked.gone_since + forget_after);
    return earliest;
}

adjacency::AdjacencyId Adjacencies::recall(base::Now now, const AdjacencyMemory& known) {
    auto& tracked = entry(now, known.interface, known.peer);
    tracked.adjacency.name = known.name;
    tracked.adjacency.ifindex = known.ifindex;
    if (known.addresses) tracked.adjacency.addresses = *known.addresses;
    tracked.peer.emplace().key = known.peer;
    tracked.peer->latest_handshake = known.latest_handshake;
    tracked.gone_since = now.steady;
    tracked.handshake_seen = known.handshake_seen;
    tracked.was_up = known.was_up;
    tracked.up_on = known.up_on;
    tracked.down_cause = known.down_cause;
    tracked.path = known.path;
    tracked.verdict = known.verdict;
    tracked.live = known.live;
    tracked.counts_as_down = known.counts_as_down;
    tracked.since = known.since;
    return tracked.adjacency.id;
}

void Adjacencies::remember(const WereUp& were_up) {
    for (const auto& one : were_up) {
        const auto found = tracked_.find({one.interface, one.peer});
        if (found == tracked_.end() || found->second.was_up) continue;
        auto& tracked = found->second;
        const auto& now = tracked.key;  // none: resolve() compares, when it has some
        if (now && (now->local != one.local || now->remote != one.remote)) continue;
        tracked.was_up = true;
        tracked.up_on = {.ifindex = tracked.adjacency.ifindex, .local = one.local, .remote = one.remote};
    }
}

WereUp Adjacencies::were_up() const {
    WereUp out;
    for (const auto& [key, tracked] : tracked_) {
        const auto& on = tracked.up_on ? tracked.up_on : tracked.key;
        if (tracked.was_up && on) out.insert({key.first, key.second, on->local, on->remote});
    }
    return out;
}

Tracked* Adjacencies::find(std::string_view name) {
    for (auto& [key, tracked] : tracked_)
        if (tracked.adjacency.name == name) return &tracked;
    return nullptr;
}

Tracked* Adjacencies::find(const std::string& interface, const adjacency::PublicKey& peer) {
    const auto found = tracked_.find({interface, peer});
    return found == tracked_.end() ? nullptr : &found->second;
}

Tracked* Adjacencies::find(const bfd::SessionKey& key) {
    const auto found = by_session_.find(key);
    return found == by_session_.end() ? nullptr : &tracked_.at(found->second);
}

const Tracked* Adjacencies::find(const bfd::SessionKey& key) const {
    const auto found = by_session_.find(key);
    return found == by_session_.end() ? nullptr : &tracked_.at(found->second);
}

const Tracked* Adjacencies::find(adjacency::AdjacencyId id) const {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : &tracked_.at(found->second);
}

Tracked* Adjacencies::find(adjacency::AdjacencyId id) {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : &tracked_.at(found->second);
}

const Tracked* Adjacencies::owner(base::IfIndex ifindex, const base::IpAddress& remote) const {
    const Tracked* best = nullptr;
    int longest = -1;
    for (const auto& [key, tracked] : tracked_) {
        if (!tracked.present() || tracked.adjacency.ifindex != ifindex) continue;
        for (const auto& prefix : tracked.peer->allowed_ips) {
            if (!prefix.contains(remote) || prefix.length <= longest) continue;
            best = &tracked;
            longest = prefix.length;
        }
    }
    return best;
}

}  // namespace control
