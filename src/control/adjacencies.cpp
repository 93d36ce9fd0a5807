#include "control/adjacencies.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace control {
namespace {

constexpr base::Duration forget_after = std::chrono::minutes{10};

// Counters and handshakes aside, is this the same peer?
bool same_shape(const adjacency::Peer& a, const adjacency::Peer& b) {
    return a.endpoint.has_value() == b.endpoint.has_value() && a.allowed_ips == b.allowed_ips;
}

void set_group(adjacency::Adjacency& adjacency, const config::Adjacency& configured) {
    adjacency.group = configured.group;
    adjacency.priority = configured.priority;
    adjacency.weight = configured.weight;
    adjacency.source_table = configured.source_table;
}

bfd::SessionKey session_key(const adjacency::Adjacency& adjacency) {
    return {.ifindex = adjacency.ifindex, .local = adjacency.addresses->local, .remote = adjacency.addresses->remote};
}

}  // namespace

std::optional<base::Duration> Tracked::handshake_age(base::TimePoint now) const {
    if (handshake_seen == base::never) return std::nullopt;
    return std::max(now - handshake_seen, base::Duration{0});
}

const config::Probe& Tracked::probe(const config::Config& config) const {
    return configured ? configured->timers : config.probe;
}

const config::Quality& Tracked::quality(const config::Config& config) const {
    return configured ? configured->quality : config.quality;
}

policy::Rules Tracked::rules(const config::Config& config) const {
    return {.cost = configured ? configured->cost : policy::Rules{}.cost,
            .up_delay = probe(config).up_delay,
            .limits = quality(config).degraded,
            .damping = config.damping};
}

bool Tracked::allowed() const {
    if (!peer || !adjacency.addresses) return true;
    return std::ranges::any_of(
        peer->allowed_ips, [this](const base::Prefix& prefix) { return prefix.contains(adjacency.addresses->remote); });
}

bool Tracked::wants_probe() const {
    if (configured && !configured->probe) return false;
    return present() && peer && peer->endpoint && adjacency.addresses;
}

bool Tracked::wants_neighbors() const {
    if (!present() || (configured && (!configured->probe || configured->address))) return false;
    if (!adjacency.addresses) return true;
    const auto source = adjacency.addresses->source;  // "configured": by a line that is no longer there
    return source == adjacency::AddressSource::routing || source == adjacency::AddressSource::configured;
}

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

bool Adjacencies::update_peer(base::Now now, Tracked& tracked, const adjacency::Peer& peer, PeerChanges& changes) {
    const auto before = tracked.peer ? tracked.peer->latest_handshake : std::nullopt;
    const bool first = !tracked.peer.has_value();
    const bool changed = first || !tracked.present() || !same_shape(*tracked.peer, peer);
    if (peer.latest_handshake && (first || before != peer.latest_handshake)) {
        // Only the first reading uses the wall clock: steady time counts from the change we saw.
        const auto age = first ? std::max(now.wall - *peer.latest_handshake, base::Duration{0}) : base::Duration{0};
        tracked.handshake_seen = now.steady - age;
        if (!first) changes.handshakes.push_back(&tracked);
    } else if (!peer.latest_handshake) {
        tracked.handshake_seen = base::never;
    }
    tracked.peer = peer;
    tracked.seen_in = updates_;
    tracked.interface_present = tracked.peer_present = true;
    tracked.gone_since = base::never;
    return changed;
}

void Adjacencies::resolve(Tracked& tracked, const adjacency::Link& link, const adjacency::Device& device) {
    auto& adjacency = tracked.adjacency;
    // A link that is administratively down has lost its IPv6 addresses; what was known stays until it is up again.
    const bool keep = !link.up && adjacency.addresses && adjacency.ifindex == link.index;
    adjacency.ifindex = link.index;
    if (!keep) {
        const auto configured = tracked.configured ? tracked.configured->address : std::nullopt;
        const auto standing = standing_.find(link.name);
        adjacency::Routing routing;
        if (standing != standing_.end()) routing.neighbors = standing->second;
        // One that proved itself outlives the daemon's session; one that never did gives way to whoever is heard.
        if (tracked.was_up && adjacency.addresses && adjacency.addresses->source == adjacency::AddressSource::routing)
            routing.present = *adjacency.addresses;
        auto fresh = adjacency::resolve(link, device, *tracked.peer, configured, routing);
        // Another peer's coming may end what was plain before (the other half of a /30): that ends no session.
        const bool still_ours = !fresh && adjacency.addresses && !configured &&
                                std::ranges::find(link.addresses, adjacency.addresses->local,
                                                  &adjacency::LinkAddress::local) != link.addresses.end();
        if (!still_ours) adjacency.addresses = std::move(fresh);
    }
    tracked.key.reset();
    if (!adjacency.addresses) return;
    const auto key = session_key(adjacency);
    const Key self{adjacency.interface, adjacency.peer};
    if (const auto [owner, fresh] = by_session_.try_emplace(key, self); !fresh && owner->second != self) {
        adjacency.addresses = tl::unexpected{adjacency::Unresolved{adjacency::ResolveStep::address_taken}};
        return;
    }
    // Elsewhere it has yet to come up: that nobody answers there is no evidence against a path that worked.
    if (tracked.up_on && (tracked.up_on->local != key.local || tracked.up_on->remote != key.remote)) {
        tracked.was_up = false;
        tracked.up_on.reset();
        tracked.down_cause.reset();
    }
    tracked.key = key;
}

void Adjacencies::update_device(base::Now now, const Host& before, const adjacency::Link& link,
                                const adjacency::Device& device, PeerChanges& changes) {
    const auto* old_link = before.link(link.name);
    bool changed = old_link == nullptr || old_link->index != link.index || old_link->up != link.up ||
                   old_link->master != link.master || old_link->addresses != link.addresses;
    for (const auto& peer : device.peers) changed |= update_peer(now, entry(now, link.name, peer.key), peer, changes);
    const auto* old_device = old_link != nullptr ? before.device(*old_link) : nullptr;
    changed |= old_device == nullptr || old_device->peers.size() != device.peers.size();
    changes.structure |= changed;
}

void Adjacencies::apply_config(base::Now now, const config::Config& config) {
    for (auto& [key, tracked] : tracked_) {
        if (tracked.configured && !tracked.present() && tracked.gone_since == base::never)
            tracked.gone_since = now.steady;  // no longer configured, it is forgotten in time
        tracked.configured = nullptr;
        tracked.adjacency.feeds.clear();
        tracked.adjacency.bird_protocol.clear();
        set_group(tracked.adjacency, {});
        for (const auto& interface : config.interfaces)
            if (interface.name == key.first) tracked.adjacency.feeds = interface.feeds;
    }
    for (const auto& wanted : config.adjacencies) {
        auto& tracked = entry(now, wanted.interface, wanted.peer);
        tracked.configured = &wanted;
        tracked.adjacency.bird_protocol = wanted.bird_protocol;
        set_group(tracked.adjacency, wanted);
        auto& feeds = tracked.adjacency.feeds;
        if (feeds.empty())
            for (const auto& interface : config.interfaces)
                if (interface.name == wanted.interface) feeds = interface.feeds;
        for (const auto& feed : wanted.feeds)
            if (std::ranges::find(feeds, feed) == feeds.end()) feeds.push_back(feed);
    }
}

// False when the peer is to be forgotten.
bool Adjacencies::note_presence(base::TimePoint now, const Key& key, Tracked& tracked, const Host& host,
                                PeerChanges& changes) {
    const auto* link = host.link(key.first);
    const auto* device = link != nullptr ? host.device(*link) : nullptr;
    if (device == nullptr) {
        changes.structure |= tracked.interface_present;
        if (tracked.interface_present) tracked.gone_since = now;
        tracked.interface_present = false;
    } else if (tracked.seen_in != updates_) {
        tracked.interface_present = true;
        if (tracked.peer_present || !tracked.configured) changes.structure = true;
        if (tracked.peer_present) changes.removed.push_back(tracked.adjacency.name);
        tracked.peer_present = false;
        if (!tracked.configured) return false;  // an operator took it away: no ghost of it stays
    }
    if (!tracked.present()) tracked.key.reset();
    return true;
}

auto Adjacencies::erase(std::map<Key, Tracked>::iterator item) -> std::map<Key, Tracked>::iterator {
    by_id_.erase(item->second.adjacency.id);
    if (item->second.path.drain.is_on()) left_drained_.insert(item->second.adjacency.name);
    return tracked_.erase(item);
}

void Adjacencies::note_absent(base::TimePoint now, const Host& host, PeerChanges& changes) {
    for (auto item = tracked_.begin(); item != tracked_.end();)
        item = note_presence(now, item->first, item->second, host, changes) ? std::next(item) : erase(item);
}

void Adjacencies::name_all() {
    // Peers stand in the order of their keys: the longest beginning one shares is with a neighbour in that order.
    for (auto item = tracked_.begin(); item != tracked_.end(); ++item) {
        auto& [key, tracked] = *item;
        std::vector<adjacency::PublicKey> neighbours;
        if (item != tracked_.begin() && std::prev(item)->first.first == key.first)
            neighbours.push_back(std::prev(item)->first.second);
        if (const auto next = std::next(item); next != tracked_.end() && next->first.first == key.first)
            neighbours.push_back(next->first.second);
        if (tracked.configured && tracked.configured->name)
            tracked.adjacency.name = *tracked.configured->name;
        else
            tracked.adjacency.name = adjacency::default_name(key.first, key.second, neighbours);
    }
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

void Adjacencies::place_neighbors(const Host& host) {
    standing_.clear();
    for (const auto& neighbor : neighbors_)
        if (const auto interface = adjacency::interface_of(neighbor, host.links); !interface.empty())
            standing_[std::string{interface}].push_back(neighbor);
}

PeerChanges Adjacencies::update(base::Now now, const Host& before, const Host& host, const config::Config& config) {
    PeerChanges changes;
    ++updates_;
    if (std::exchange(config_news_, false)) {
        changes.structure = true;
        apply_config(now, config);
    }
    for (const auto& device : host.devices)
        if (const auto* link = host.link(device.interface); link != nullptr && host.device(*link) == &device)
            update_device(now, before, *link, device, changes);
    note_absent(now.steady, host, changes);
    changes.structure |= std::exchange(neighbors_news_, false);
    if (changes.structure) {
        place_neighbors(host);
        apply_config(now, config);  // peers that just came want their feeds too
        name_all();
        by_session_.clear();
        for (auto& [key, tracked] : tracked_) {
            if (!tracked.present()) continue;
            const auto* link = host.link(key.first);
            tracked.adjacency.vrf = adjacency::vrf_of(*link, host.links);
            resolve(tracked, *link, *host.device(*link));
        }
    }
    return changes;
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
