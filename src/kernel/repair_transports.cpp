#include "kernel/repair_transports.hpp"

#include <algorithm>

#include "kernel/allowed_ips.hpp"

namespace kernel {
namespace {

base::Prefix host(const base::IpAddress& address) { return {address, static_cast<std::uint8_t>(address.bits())}; }

// The peer that WireGuard gives packets to this address; null: none.
const adjacency::Peer* holder(std::span<const adjacency::Peer> peers, const base::IpAddress& address) {
    const adjacency::Peer* best = nullptr;
    int longest = -1;
    for (const auto& peer : peers)
        for (const auto& prefix : peer.allowed_ips)
            if (prefix.length > longest && holds(prefix, host(address))) {
                longest = prefix.length;
                best = &peer;
            }
    return best;
}

}  // namespace

Transports::Transports(const RepairLinks& links, std::span<const Redirect> redirects, const Way& way) : way_{way} {
    if (redirects.empty()) return;
    for (const auto& [name, link] : links) {
        links_.emplace(link.index, &link);
        for (const auto& peer : link.peers)
            if (peer.endpoint) endpoints_.insert(peer.endpoint->address);
    }
    for (const auto& redirect : redirects)
        if (const auto* const failed = find(redirect.failed)) redirects_.push_back({failed, redirect.backup});
}

const adjacency::Peer* Transports::find(const Tunnel& tunnel) const {
    const auto link = links_.find(tunnel.interface);
    if (link == links_.end()) return nullptr;
    const auto peer = std::ranges::find(link->second->peers, tunnel.peer, &adjacency::Peer::key);
    return peer == link->second->peers.end() ? nullptr : &*peer;
}

std::vector<Tunnel> Transports::carriers(const base::IpAddress& endpoint) const {
    std::vector<Tunnel> out;
    for (const auto& redirect : redirects_)
        if (std::ranges::any_of(redirect.failed->allowed_ips,
                                [&](const base::Prefix& prefix) { return holds(prefix, host(endpoint)); }))
            out.push_back(redirect.backup);
    const auto link = links_.find(way_ ? way_(endpoint) : base::IfIndex{});
    if (link == links_.end()) return out;
    if (const auto* const peer = holder(link->second->peers, endpoint)) out.push_back({link->first, peer->key});
    return out;
}

const std::set<base::IpAddress>& Transports::below(const Tunnel& tunnel) {
    const auto [at, fresh] = known_.try_emplace(tunnel);
    if (!fresh) return at->second;
    std::set<Tunnel> seen{tunnel};
    std::vector<Tunnel> open{tunnel};
    while (!open.empty()) {
        const auto* const peer = find(open.back());
        open.pop_back();
        if (peer == nullptr || !peer->endpoint) continue;
        at->second.insert(peer->endpoint->address);
        for (const auto& carrier : carriers(peer->endpoint->address))
            if (seen.insert(carrier).second) open.push_back(carrier);
    }
    return at->second;
}

bool Transports::touch(std::span<const base::Prefix> prefixes) const {
    return std::ranges::any_of(prefixes, [&](const base::Prefix& prefix) {
        const auto first = endpoints_.lower_bound(prefix.address);
        return first != endpoints_.end() && holds(prefix, host(*first));
    });
}

}  // namespace kernel
