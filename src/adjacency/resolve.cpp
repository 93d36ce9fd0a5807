#include "adjacency/resolve.hpp"

#include <algorithm>
#include <array>
#include <ranges>
#include <vector>

namespace adjacency {

namespace {

using base::Family;
using base::IpAddress;
using base::Prefix;

bool is_local(const Link& link, const IpAddress& address) {
    return std::ranges::any_of(link.addresses, [&](const LinkAddress& own) { return own.local == address; });
}

int longest_match(const Peer& peer, const IpAddress& address) {
    int longest = -1;
    for (const auto& prefix : peer.allowed_ips)
        if (prefix.contains(address)) longest = std::max(longest, static_cast<int>(prefix.length));
    return longest;
}

// Cryptokey routing: the peer with the longest allowed-ip that holds the address gets the packet.
bool holds(const Device& device, const Peer& peer, const IpAddress& address) {
    const int ours = longest_match(peer, address);
    if (ours < 0) return false;
    return std::ranges::none_of(
        device.peers, [&](const Peer& other) { return other.key != peer.key && longest_match(other, address) > ours; });
}

std::optional<Addresses> point_to_point(const Link& link, const Device& device, const Peer& peer) {
    for (const auto family : {Family::v4, Family::v6})
        for (const auto& address : link.addresses)
            if (usable(address) && address.peer.family == family && holds(device, peer, address.peer))
                return Addresses{address.local, address.peer, AddressSource::point_to_point};
    return std::nullopt;
}

// The other host of a prefix that has room for two. Of a /30 or /126 the first and the last address are no hosts.
std::optional<IpAddress> other_half(const LinkAddress& address) {
    if (address.peer.is_set()) return std::nullopt;
    const unsigned host_bits = address.local.bits() - address.prefix_length;
    auto other = address.local;
    auto& last = other.bytes[other.length() - 1];
    if (host_bits == 1) {
        last ^= 1U;
        return other;
    }
    const unsigned host = last & 0b11U;
    if (host_bits != 2 || host == 0b00 || host == 0b11) return std::nullopt;
    last ^= 0b11U;
    return other;
}

std::optional<Addresses> subnet(const Link& link, const Device& device) {
    if (device.peers.size() != 1) return std::nullopt;
    for (const auto family : {Family::v4, Family::v6})
        for (const auto& address : link.addresses) {
            if (!usable(address) || address.local.family != family) continue;
            const auto other = other_half(address);
            if (other && !is_local(link, *other)) return Addresses{address.local, *other, AddressSource::subnet};
        }
    return std::nullopt;
}

bool is_v6_link_local(const IpAddress& address) { return address.is_v6() && address.is_link_local(); }

bool inside_a_prefix(const Link& link, const IpAddress& host) {
    return std::ranges::any_of(link.addresses,
                               [&](const LinkAddress& own) { return usable(own) && on_link(own).contains(host); });
}

template <class Wanted>
std::vector<IpAddress> hosts(const Link& link, const Peer& peer, Wanted wanted) {
    std::vector<IpAddress> out;
    for (const auto& prefix : peer.allowed_ips) {
        const auto& host = prefix.address;
        if (!prefix.is_host() || host.is_multicast() || host.is_unspecified() || is_local(link, host)) continue;
        if (wanted(host) && std::ranges::find(out, host) == out.end()) out.push_back(host);
    }
    return out;
}

// The one of several candidates, or the step that fails: the first failure is the one that is told.
std::optional<Addresses> only(const Link& link, const std::vector<IpAddress>& found, AddressSource source,
                              ResolveStep& step) {
    if (found.size() > 1) step = ResolveStep::several_candidates;
    if (found.size() != 1) return std::nullopt;
    if (const auto local = local_for(link, found.front())) return Addresses{*local, found.front(), source};
    if (step == ResolveStep::no_candidate) step = ResolveStep::no_local_for_remote;
    return std::nullopt;
}

std::optional<Addresses> by_allowed_ips(const Link& link, const Peer& peer, ResolveStep& step) {
    // Link-local hosts wait for the rule after: a peer with a global and a link-local /128 has one of each, not two.
    for (const auto family : {Family::v4, Family::v6}) {
        const auto in_prefix = hosts(link, peer, [&](const IpAddress& host) {
            return host.family == family && !is_v6_link_local(host) && inside_a_prefix(link, host);
        });
        if (const auto found = only(link, in_prefix, AddressSource::allowed_ips, step)) return found;
    }
    return only(link, hosts(link, peer, is_v6_link_local), AddressSource::link_local, step);
}

// A peer may have a neighbour of each kind, and is one peer still.
enum class Kind : std::uint8_t { v4, v6, v6_link_local };
Kind kind_of(const IpAddress& address) {
    if (address.is_v4()) return Kind::v4;
    return address.is_link_local() ? Kind::v6_link_local : Kind::v6;
}

// The neighbours that can only be this peer: with several peers on the interface WireGuard must send to it alone.
std::vector<Neighbor> neighbors_of(const Link& link, const Device& device, const Peer& peer,
                                   std::span<const Neighbor> all) {
    std::vector<Neighbor> out;
    for (const auto& neighbor : all) {
        const auto& remote = neighbor.remote;
        if (remote.is_multicast() || remote.is_unspecified() || is_local(link, remote)) continue;
        if (device.peers.size() > 1 && !holds(device, peer, remote)) continue;
        out.push_back(neighbor);
    }
    return out;
}

std::optional<Addresses> one_of(const Link& link, const std::vector<Neighbor>& neighbors, bool heard, Kind kind,
                                ResolveStep& step) {
    std::vector<IpAddress> found;
    const Neighbor* last = nullptr;
    for (const auto& neighbor : neighbors) {
        if (neighbor.heard != heard || kind_of(neighbor.remote) != kind) continue;
        if (std::ranges::find(found, neighbor.remote) == found.end()) found.push_back(neighbor.remote);
        if (last == nullptr || is_local(link, neighbor.local)) last = &neighbor;
    }
    auto addresses = only(link, found, AddressSource::routing, step);
    // The far end expects us where its daemon speaks to ours.
    if (addresses && is_local(link, last->local)) addresses->local = last->local;
    return addresses;
}

std::optional<Addresses> by_routing(const Link& link, const Device& device, const Peer& peer, const Routing& routing,
                                    ResolveStep& step) {
    const auto neighbors = neighbors_of(link, device, peer, routing.neighbors);
    if (const auto& present = routing.present; present && is_local(link, present->local)) {
        const bool stands = std::ranges::find(neighbors, present->remote, &Neighbor::remote) != neighbors.end();
        if (stands) return present;
        return one_of(link, neighbors, true, kind_of(present->remote), step).value_or(*present);
    }
    for (const bool heard : {true, false})
        for (const auto kind : {Kind::v4, Kind::v6, Kind::v6_link_local})
            if (const auto found = one_of(link, neighbors, heard, kind, step)) return found;
    return std::nullopt;
}

}  // namespace

std::optional<IpAddress> local_for(const Link& link, const IpAddress& remote) {
    const LinkAddress* best = nullptr;
    int best_rank = -1;  // length of the prefix that holds `remote`, -1 none
    for (const auto& address : link.addresses) {
        if (!usable(address) || address.local.family != remote.family || address.local == remote) continue;
        if (address.local.is_link_local() != remote.is_link_local()) continue;
        const int rank = on_link(address).contains(remote) ? static_cast<int>(address.prefix_length) : -1;
        if (best != nullptr && rank <= best_rank) continue;
        best = &address;
        best_rank = rank;
    }
    if (best == nullptr) return std::nullopt;
    return best->local;
}

base::Result<Addresses, Unresolved> resolve(const Link& link, const Device& device, const Peer& peer,
                                            const std::optional<IpAddress>& configured, const Routing& routing) {
    const auto failed = [](ResolveStep step) { return tl::unexpected{Unresolved{step}}; };
    if (std::ranges::none_of(link.addresses, usable)) return failed(ResolveStep::interface_without_address);

    if (configured) {
        const auto local = local_for(link, *configured);
        if (!local) return failed(ResolveStep::no_local_for_remote);
        return Addresses{*local, *configured, AddressSource::configured};
    }
    if (const auto found = point_to_point(link, device, peer)) return *found;
    if (const auto found = subnet(link, device)) return *found;

    auto step = ResolveStep::no_candidate;
    if (const auto found = by_allowed_ips(link, peer, step)) return *found;
    if (const auto found = by_routing(link, device, peer, routing, step)) return *found;
    return failed(step);
}

}  // namespace adjacency
