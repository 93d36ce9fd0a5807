#include "frr/wishes.hpp"

#include <algorithm>
#include <optional>
#include <set>

#include "policy/cost.hpp"

namespace frr {
namespace {

bool names_feed(const policy::Wanted& wanted) {
    return std::ranges::find(wanted.adjacency.feeds, vty_feed) != wanted.adjacency.feeds.end();
}

Standing standing_of(const policy::Wanted& wanted) {
    if (wanted.counts_as_down) return Standing::down;
    // Drained: its session is shut on purpose, and it must not be chosen again before it is taken back.
    if (wanted.verdict.cost == policy::cost_when_drained) return Standing::degraded;
    return policy::limps(wanted.verdict) ? Standing::degraded : Standing::fine;
}

// Of a path that costs 10 at its best: how many times dearer it is, is what the interface's own cost is multiplied by.
std::uint32_t relative_cost(const policy::Verdict& verdict) {
    const auto base = std::max(verdict.base_cost, std::uint32_t{1});
    return static_cast<std::uint32_t>((std::uint64_t{verdict.cost} * policy::Verdict{}.base_cost + base - 1) / base);
}

struct Peers {
    std::size_t count = 0;
    bool down = false, fine = false;
    std::optional<std::uint32_t> degraded{};  // the least cost
};

InterfaceWish best_of(const Peers& peers) {
    if (peers.fine) return {};
    if (peers.degraded) return {Standing::degraded, *peers.degraded};
    return {peers.down ? Standing::down : Standing::fine};
}

}  // namespace

Wishes wishes_of(std::span<const policy::Wanted> all) {
    std::set<std::string> named;
    for (const auto& wanted : all)
        if (names_feed(wanted)) named.insert(wanted.adjacency.interface);
    std::map<std::string, Peers> peers;
    for (const auto& wanted : all) {
        auto& here = peers[wanted.adjacency.interface];
        ++here.count;
        const auto standing = standing_of(wanted);
        if (standing == Standing::down) here.down = true;
        if (standing == Standing::fine && wanted.live) here.fine = true;
        if (standing == Standing::degraded) {
            const auto cost = relative_cost(wanted.verdict);
            here.degraded = std::min(here.degraded.value_or(cost), cost);
        }
    }
    Wishes out;
    for (const auto& interface : named) out.interfaces[interface] = best_of(peers[interface]);
    for (const auto& wanted : all) {
        const auto& adjacency = wanted.adjacency;
        if (!names_feed(wanted)) continue;
        // bgpd is spoken to of its default instance alone: a neighbour of that is no peer in a VRF, whose addresses may
        // be the same.
        const bool is_reached = adjacency.vrf.value == 0;
        out.peers.push_back(
            {.id = wanted.id,
             .name = adjacency.name,
             .interface = adjacency.interface,
             .remote = is_reached && adjacency.addresses ? adjacency.addresses->remote : base::IpAddress{},
             .standing = standing_of(wanted),
             .alone = is_reached && peers[adjacency.interface].count == 1});
    }
    return out;
}

PeerLookup::PeerLookup(const Wishes& wishes, std::span<const adjacency::Link> links) : links_{links} {
    for (const auto& peer : wishes.peers) {
        if (peer.remote.is_set()) by_address_.emplace(peer.remote, &peer);
        if (peer.alone) alone_.emplace(peer.interface, &peer);
    }
}

const PeerWish* PeerLookup::find(const std::string& neighbor, const RunningNeighbor& shown) const {
    const auto address = base::IpAddress::parse(neighbor);
    if (!address) return shown.unnumbered ? only_peer(neighbor) : nullptr;
    const auto [first, last] = by_address_.equal_range(*address);
    for (auto at = first; at != last; ++at)
        if (shown.interface.empty() || shown.interface == at->second->interface) return at->second;
    return only_peer(address->is_link_local() ? shown.interface : holding_interface(*address));
}

const PeerWish* PeerLookup::only_peer(const std::string& interface) const {
    const auto found = alone_.find(interface);
    return found != alone_.end() ? found->second : nullptr;
}

// By the longest prefix; "" when more than one interface would do.
const std::string& PeerLookup::holding_interface(const base::IpAddress& address) const {
    static const std::string none;
    const std::string* best = &none;
    int longest = -1;
    for (const auto& link : links_) {
        if (adjacency::vrf_of(link, links_).value != 0) continue;
        for (const auto& one : link.addresses) {
            const auto prefix = adjacency::on_link(one);
            if (!prefix.contains(address) || prefix.length < longest) continue;
            best = prefix.length == longest && *best != link.name ? &none : &link.name;
            longest = prefix.length;
        }
    }
    return *best;
}

}  // namespace frr
