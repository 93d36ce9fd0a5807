// Checks of each peer: its tunnel address, and whether WireGuard will carry packets to it.
#include <algorithm>
#include <ranges>

#include "cli/doctor_checks.hpp"
#include "cli/peers.hpp"

namespace cli {
namespace {

using adjacency::Device;
using adjacency::Peer;
using adjacency::ResolveStep;

std::string entry_with_address(const Seen& seen) {
    if (seen.configured != nullptr) return "address = \"ADDRESS\" into its [[adjacency]]";
    return "an [[adjacency]] with interface = \"" + seen.device.interface + "\", peer = \"" +
           adjacency::to_base64(seen.peer.key) + "\" and address = \"ADDRESS\"";
}

std::pair<std::string, std::string> told(ResolveStep step, const Seen& seen) {
    const auto& interface = seen.device.interface;
    const auto write = "write " + entry_with_address(seen) + " (the peer's address inside the tunnel)";
    switch (step) {
        using enum ResolveStep;
        case interface_without_address:
            return {interface + " has no address of its own",
                    "ip address add ADDRESS/LENGTH dev " + interface + ", and the same in what configures it at boot"};
        case no_local_for_remote:
            return {
                "the peer's address is known, and " + interface + " has none of that family (or scope) to send from",
                "ip address add an address of the same family to " + interface + "; or " + write};
        case no_candidate:
            return {"no allowed-ips of the peer names one host inside a prefix of " + interface +
                        ", and no routing daemon that we may ask ([frr] vty) has a neighbour there",
                    write + "; or add its ADDRESS/32 (IPv6: /128) to the peer's allowed-ips"};
        case several_candidates:
            return {"allowed-ips of the peer, or the neighbours of the routing daemon, name more than one host of " +
                        interface,
                    write};
        case address_taken: return {"another peer of " + interface + " has this address already", write};
    }
    return {};
}

bool present(const HostFacts& facts, const config::Adjacency& entry) {
    return std::ranges::any_of(facts.devices, [&](const Device& device) {
        return device.interface == entry.interface &&
               std::ranges::any_of(device.peers, [&](const Peer& peer) { return peer.key == entry.peer; });
    });
}

// The peer that cryptokey routing sends packets for `address` to; null: they are refused.
const Peer* carrier_of(const Device& device, const base::IpAddress& address) {
    const Peer* best = nullptr;
    int longest = -1;
    for (const auto& peer : device.peers)
        for (const auto& prefix : peer.allowed_ips)
            if (prefix.contains(address) && prefix.length > longest) {
                longest = prefix.length;
                best = &peer;
            }
    return best;
}

}  // namespace

Findings check_addresses(const HostFacts& facts, const config::Config& config) {
    Findings out;
    std::size_t good = 0;
    const auto peers = peers_of(facts, config);
    const auto resolved = resolve_all(peers, facts);
    for (std::size_t i = 0; i < peers.size(); ++i) {
        const auto& seen = peers[i];
        const auto& addresses = resolved[i];
        if (addresses) {
            ++good;
            continue;
        }
        auto [message, fix] = told(addresses.error().step, seen);
        out.push_back({"addresses", seen.configured != nullptr ? Severity::error : Severity::warning, seen.name,
                       std::move(message), std::move(fix)});
    }
    for (const auto& entry : config.adjacencies) {
        if (present(facts, entry)) continue;
        const auto name = entry.name ? *entry.name : entry.interface + "/" + adjacency::to_base64(entry.peer);
        const bool interface =
            std::ranges::find(facts.devices, entry.interface, &Device::interface) != facts.devices.end();
        out.push_back({"addresses", Severity::warning, name,
                       interface ? entry.interface + " has no such peer"
                                 : "no WireGuard interface " + entry.interface + " was read",
                       "correct interface and peer of this [[adjacency]] ('wg show' lists both), or create them"});
    }
    if (good != 0)
        out.push_back({"addresses", Severity::ok, "", "peers with a tunnel address: " + std::to_string(good), ""});
    return out;
}

Findings check_nexthops(const HostFacts& facts, const config::Config& config) {
    Findings out;
    const auto peers = peers_of(facts, config);
    const auto resolved = resolve_all(peers, facts);
    for (std::size_t i = 0; i < peers.size(); ++i) {
        const auto& seen = peers[i];
        if (!resolved[i] || !resolved[i]->remote.is_v6() || !resolved[i]->remote.is_link_local()) continue;
        const auto names_it = [](const std::vector<std::string>& feeds) {
            return std::ranges::find(feeds, "bird-nexthop") != feeds.end();
        };
        const auto interface = std::ranges::find(config.interfaces, seen.device.interface, &config::Interface::name);
        const bool named = (seen.configured != nullptr && names_it(seen.configured->feeds)) ||
                           (interface != config.interfaces.end() && names_it(interface->feeds));
        if (named)
            out.push_back({"bird", Severity::warning, seen.name,
                           "has the feed bird-nexthop and a link-local address alone, which BIRD looks up in no table",
                           "write feeds = [\"bird-protocol\"] and bird_protocol = \"NAME\" into its [[adjacency]]"});
    }
    return out;
}

Findings check_allowed_ips(const HostFacts& facts, const config::Config& config) {
    Findings out;
    std::size_t good = 0;
    const auto peers = peers_of(facts, config);
    const auto resolved = resolve_all(peers, facts);
    for (std::size_t i = 0; i < peers.size(); ++i) {
        const auto& seen = peers[i];
        const auto& addresses = resolved[i];
        if (!addresses) continue;
        const auto* const carrier = carrier_of(seen.device, addresses->remote);
        if (carrier == &seen.peer) {
            ++good;
            continue;
        }
        const auto remote = to_string(addresses->remote);
        const auto host = remote + "/" + std::to_string(addresses->remote.bits());
        std::string all;
        for (const auto& prefix : seen.peer.allowed_ips) all += to_string(prefix) + ",";
        out.push_back({"allowed-ips", Severity::error, seen.name,
                       carrier == nullptr ? remote + " is in no peer's allowed-ips: WireGuard refuses to send there "
                                                     "(Required key not available)"
                                          : "packets to " + remote + " go to another peer, " +
                                                adjacency::to_base64(carrier->key) + ", whose allowed-ips hold it",
                       "wg set " + seen.device.interface + " peer " + adjacency::to_base64(seen.peer.key) +
                           " allowed-ips " + all + host + ", and the same in what configures it at boot"});
    }
    if (good != 0)
        out.push_back({"allowed-ips", Severity::ok, "",
                       "peers that are reached by their own allowed-ips: " + std::to_string(good), ""});
    return out;
}

Findings check_padding(const HostFacts& facts, const config::Config& config) {
    Findings out;
    for (const auto& seen : peers_of(facts, config)) {
        const auto padding = (seen.configured != nullptr ? seen.configured->timers : config.probe).padding;
        if (padding <= seen.link.mtu) continue;
        const auto mtu = std::to_string(seen.link.mtu);
        out.push_back({"padding", Severity::error, seen.name,
                       "padding = " + std::to_string(padding) + " is more than the " + mtu + " bytes that " +
                           seen.link.name + " takes: no BFD packet can be sent",
                       "write padding = " + mtu + " (or less) for it, or ip link set dev " + seen.link.name + " mtu " +
                           std::to_string(padding)});
    }
    return out;
}

}  // namespace cli
