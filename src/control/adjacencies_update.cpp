// What another reading of the host, or another configuration, makes of the adjacencies: who is there, where, by what
// name.
#include <algorithm>
#include <iterator>
#include <utility>

#include "adjacency/resolve.hpp"
#include "control/adjacencies.hpp"

namespace control {
namespace {

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
    tracked.interface_up = link.up;
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

}  // namespace control
