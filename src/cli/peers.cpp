#include "cli/peers.hpp"

#include <algorithm>

namespace cli {
namespace {

using adjacency::Link;
using adjacency::ResolveStep;

const config::Adjacency* entry_of(const config::Config& config, const std::string& interface,
                                  const adjacency::PublicKey& key) {
    for (const auto& one : config.adjacencies)
        if (one.interface == interface && one.peer == key) return &one;
    return nullptr;
}

std::vector<adjacency::Neighbor> standing_on(const Link& link, const HostFacts& facts) {
    std::vector<adjacency::Neighbor> out;
    for (const auto& neighbor : facts.neighbors)
        if (interface_of(neighbor, facts.links) == link.name) out.push_back(neighbor);
    return out;
}

}  // namespace

std::vector<Seen> peers_of(const HostFacts& facts, const config::Config& config) {
    std::vector<Seen> out;
    for (const auto& device : facts.devices) {
        const auto link = std::ranges::find(facts.links, device.interface, &Link::name);
        if (link == facts.links.end()) continue;
        std::vector<adjacency::PublicKey> keys;
        for (const auto& peer : device.peers) keys.push_back(peer.key);
        for (const auto& peer : device.peers) {
            const auto* const entry = entry_of(config, device.interface, peer.key);
            if (entry != nullptr && !entry->probe) continue;
            const auto name =
                entry != nullptr && entry->name ? *entry->name : default_name(device.interface, peer.key, keys);
            out.push_back({*link, device, peer, entry, name});
        }
    }
    return out;
}

std::vector<Resolved> resolve_all(const std::vector<Seen>& peers, const HostFacts& facts) {
    std::vector<Resolved> out;
    for (std::size_t i = 0; i < peers.size(); ++i) {
        const auto& [link, device, peer, entry, name] = peers[i];
        const auto neighbors = standing_on(link, facts);
        auto found = resolve(link, device, peer, entry != nullptr ? entry->address : std::nullopt, {neighbors, {}});
        for (std::size_t j = 0; j < i && found; ++j)
            if (peers[j].device.interface == device.interface && out[j] && out[j]->remote == found->remote)
                found = tl::unexpected{adjacency::Unresolved{ResolveStep::address_taken}};
        out.push_back(std::move(found));
    }
    return out;
}

}  // namespace cli
