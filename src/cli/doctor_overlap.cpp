// Checks of what a WireGuard interface gives to which of its peers. One prefix inside another peer's is no fault: the
// longest decides, as in a routing table. It is one where the routing table says otherwise.
#include <algorithm>
#include <map>
#include <set>

#include "cli/doctor_checks.hpp"
#include "cli/peers.hpp"
#include "kernel/allowed_ips.hpp"

namespace cli {
namespace {

using adjacency::Device;
using adjacency::Peer;
using kernel::holds;

constexpr std::size_t told_at_most = 5;

// 10.0.0.1/24 and 10.0.0.0/24 are one prefix to the kernel.
base::Prefix masked(base::Prefix prefix) {
    for (unsigned bit = prefix.length; bit < prefix.address.bits(); ++bit)
        prefix.address.bytes[bit / 8] &= static_cast<std::uint8_t>(~(0x80U >> (bit % 8)));
    return prefix;
}

void check_twice(const WireguardFile& file, Findings& out) {
    std::map<base::Prefix, const ConfiguredPeer*> owners;
    for (const auto& peer : file.peers)
        for (const auto& prefix : peer.allowed_ips) {
            const auto [owner, fresh] = owners.emplace(masked(prefix), &peer);
            if (fresh || owner->second == &peer) continue;
            out.push_back({"overlap", Severity::warning, file.path,
                           to_string(masked(prefix)) + " is in AllowedIPs of the [Peer]s of lines " +
                               std::to_string(owner->second->line) + " and " + std::to_string(peer.line) +
                               ": one interface gives a prefix to one peer, the one that comes last",
                           "take it out of one of the two; what is to move between them wants two interfaces"});
        }
}

// The kernel takes a prefix from its peer without a word when it is given to another.
void check_moved(const WireguardFile& file, const Device& device, Findings& out) {
    std::map<base::Prefix, const Peer*> now;
    for (const auto& peer : device.peers)
        for (const auto& prefix : peer.allowed_ips) now.emplace(masked(prefix), &peer);
    std::map<base::Prefix, std::set<std::optional<adjacency::PublicKey>>> written;
    for (const auto& peer : file.peers)
        for (const auto& prefix : peer.allowed_ips) written[masked(prefix)].insert(peer.key);
    for (const auto& [prefix, keys] : written) {
        const auto owner = now.find(prefix);
        if (owner == now.end() || keys.contains(owner->second->key)) continue;
        // A peer that is not there any more has lost nothing.
        if (std::ranges::find(device.peers, *keys.begin(), &Peer::key) == device.peers.end()) continue;
        out.push_back({"overlap", Severity::warning, device.interface,
                       to_string(prefix) + " is " + adjacency::to_base64(**keys.begin()) + "'s in " + file.path +
                           ", and " + adjacency::to_base64(owner->second->key) +
                           " has it now, which took it away there",
                       "give it back (wg set " + device.interface + " peer " + adjacency::to_base64(**keys.begin()) +
                           " allowed-ips … with all that the peer has), or correct the file"});
    }
}

std::string wide_fix(const std::string& interface) {
    return "list the networks behind it instead, or give it an interface of its own, beside " + interface;
}

// Beside other peers, what routing sends to a network of theirs that their allowed-ips lack goes to this one. Whoever
// learns routes from them will see it; for a way out beside spokes it is right.
void check_wide(const Device& device, const HostFacts& host, const std::vector<Seen>& peers,
                const std::vector<Resolved>& resolved, Findings& out) {
    const auto speaks = [&](const Peer& wide, base::Family family) {
        for (std::size_t i = 0; i < peers.size(); ++i)
            if (&peers[i].device == &device && peers[i].peer.key != wide.key && resolved[i] &&
                std::ranges::any_of(host.neighbors, [&](const adjacency::Neighbor& neighbor) {
                    return neighbor.remote == resolved[i]->remote && neighbor.remote.family == family &&
                           interface_of(neighbor, host.links) == device.interface;
                }))
                return peers[i].name;
        return std::string{};
    };
    for (const auto& peer : device.peers) {
        const auto wide = std::ranges::find(peer.allowed_ips, 0, &base::Prefix::length);
        if (device.peers.size() < 2 || wide == peer.allowed_ips.end()) continue;
        const auto neighbor = speaks(peer, wide->address.family);
        out.push_back({"overlap", neighbor.empty() ? Severity::info : Severity::warning, device.interface,
                       adjacency::to_base64(peer.key) + " has " + to_string(*wide) + " beside other peers: what " +
                           (neighbor.empty() ? "routing sends to one of them" : "routing learns from " + neighbor) +
                           " outside its allowed-ips goes to this peer instead",
                       wide_fix(device.interface)});
    }
}

void check_wide(const WireguardFile& file, Findings& out) {
    for (const auto& peer : file.peers) {
        const auto wide = std::ranges::find(peer.allowed_ips, 0, &base::Prefix::length);
        if (file.peers.size() < 2 || wide == peer.allowed_ips.end()) continue;
        out.push_back({"overlap", Severity::info, file.path,
                       "the [Peer] of line " + std::to_string(peer.line) + " has " + to_string(*wide) +
                           " beside other peers: what routing sends to one of them outside its AllowedIPs goes to "
                           "this peer instead",
                       wide_fix(file.interface)});
    }
}

// Something more exact leads there: a route, or an interface's own subnet.
bool is_led_elsewhere(const TunnelRoute& route, const base::Prefix& part, const NetworkFacts& facts,
                      const HostFacts& host) {
    const auto closer = [&](const base::Prefix& other) {
        return other.length > route.prefix.length && holds(other, part);
    };
    return std::ranges::any_of(facts.routes, closer, &TunnelRoute::prefix) ||
           std::ranges::any_of(facts.elsewhere, closer) ||
           std::ranges::any_of(host.links, [&](const adjacency::Link& link) {
               return std::ranges::any_of(link.addresses, closer, adjacency::on_link);
           });
}

// A route to one peer, of which WireGuard gives a part to another: so it stays when routing has moved away from that.
void check_parts(const NetworkFacts& facts, const HostFacts& host, const std::vector<Seen>& peers,
                 const std::vector<Resolved>& resolved, Findings& out) {
    std::size_t told = 0;
    if (!facts.all_routes) return;  // who knows what leads there
    for (const auto& route : facts.routes)
        for (std::size_t i = 0; i < peers.size() && route.gateway.is_set(); ++i) {
            const auto& meant = peers[i];
            if (meant.device.interface != route.interface || !resolved[i] || resolved[i]->remote != route.gateway)
                continue;
            for (const auto& other : meant.device.peers)
                for (const auto& part : other.allowed_ips) {
                    if (told == told_at_most || other.key == meant.peer.key || part.length <= route.prefix.length ||
                        !holds(route.prefix, part) || is_led_elsewhere(route, part, facts, host))
                        continue;
                    ++told;
                    out.push_back({"overlap", Severity::info, route.interface,
                                   "the route " + to_string(route.prefix) + " via " + to_string(route.gateway) +
                                       " leads to " + meant.name + ", and " + to_string(part) + " inside it goes to " +
                                       adjacency::to_base64(other.key) + " all the same, whose allowed-ips hold it",
                                   "a route of its own for " + to_string(part) +
                                       "; what is to move between the two wants two interfaces"});
                }
        }
}

}  // namespace

Findings check_overlap(const NetworkFacts& facts, const HostFacts& host, const config::Config& config) {
    Findings out;
    for (const auto& file : facts.files) {
        const auto* const device = device_of(host, file.interface);
        check_twice(file, out);
        if (device != nullptr)
            check_moved(file, *device, out);
        else
            check_wide(file, out);
    }
    const auto peers = peers_of(host, config);
    const auto resolved = resolve_all(peers, host);
    for (const auto& device : host.devices) check_wide(device, host, peers, resolved, out);
    check_parts(facts, host, peers, resolved, out);
    if (out.empty())
        out.push_back({"overlap", Severity::ok, "", "no prefix is two peers', and none takes another's", ""});
    return out;
}

}  // namespace cli
