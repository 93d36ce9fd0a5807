// Checks of what runs over tunnels and below them: sizes, routes, DNS, and whether both ends choose the same path.
#include <algorithm>
#include <map>

#include "cli/doctor_checks.hpp"
#include "cli/peers.hpp"
#include "kernel/allowed_ips.hpp"
#include "policy/evidence.hpp"

namespace cli {
namespace {

using adjacency::Device;
using adjacency::Peer;
using kernel::holds;

// WireGuard's data header, its tag and UDP's, below an outer IPv4 or IPv6 header.
constexpr std::uint32_t overhead_v4 = 60, overhead_v6 = 80;  // bytes
constexpr std::size_t told_at_most = 5;

const adjacency::Link* link_of(const HostFacts& host, const std::string& name) {
    const auto found = std::ranges::find(host.links, name, &adjacency::Link::name);
    return found == host.links.end() ? nullptr : &*found;
}

// The peer whose allowed-ips hold the whole prefix; of several the longest.
const Peer* holder(const Device& device, const base::Prefix& prefix) {
    const Peer* best = nullptr;
    int longest = -1;
    for (const auto& peer : device.peers)
        for (const auto& allowed : peer.allowed_ips)
            if (holds(allowed, prefix) && allowed.length > longest) {
                longest = allowed.length;
                best = &peer;
            }
    return best;
}

bool touches(const Device& device, const base::Prefix& prefix) {
    return std::ranges::any_of(device.peers, [&](const Peer& peer) {
        return std::ranges::any_of(peer.allowed_ips,
                                   [&](const base::Prefix& allowed) { return holds(prefix, allowed); });
    });
}

bool clamps_mss(const NetworkFacts& facts) {
    return std::ranges::any_of(facts.firewall.chains, [](const FilterChain& chain) {
        return std::ranges::any_of(chain.rules, [](const FilterRule& rule) {
            return rule.original.find("maxseg") != std::string::npos ||
                   rule.original.find("TCPMSS") != std::string::npos;
        });
    });
}

bool is_tunnel(const HostFacts& host, const std::string& name) {
    return std::ranges::find(host.expected, name) != host.expected.end();
}

void check_clamping(const NetworkFacts& facts, const HostFacts& host, Findings& out) {
    if (!facts.forwards || clamps_mss(facts)) return;
    const adjacency::Link* tunnel = nullptr;
    for (const auto& link : host.links)
        if (is_tunnel(host, link.name) && link.up && (tunnel == nullptr || link.mtu < tunnel->mtu)) tunnel = &link;
    const auto wider = std::ranges::find_if(host.links, [&](const adjacency::Link& link) {
        return tunnel != nullptr && link.up && link.name != "lo" && link.kind != adjacency::vrf_kind &&
               !is_tunnel(host, link.name) && link.mtu > tunnel->mtu;
    });
    if (wider == host.links.end()) return;
    out.push_back({"mtu", Severity::info, tunnel->name,
                   "carries " + std::to_string(tunnel->mtu) + " bytes, " + wider->name + " " +
                       std::to_string(wider->mtu) +
                       ", this host forwards, and no rule clamps TCP's segments: connections hang where ICMP is "
                       "filtered on the way",
                   "nft add rule inet FILTER FORWARD tcp flags syn tcp option maxseg size set rt mtu"});
}

std::string path_to(const TunnelRoute& route) {
    const auto way = route.gateway.is_set() ? " via " + to_string(route.gateway) : std::string{};
    return to_string(route.prefix) + way + " dev " + route.interface;
}

std::string allow(const Device& device, const Peer* peer, const base::Prefix& prefix) {
    if (peer == nullptr)
        return "add " + to_string(prefix) + " to the allowed-ips of the peer it lies behind, by wg set";
    std::string all;
    for (const auto& allowed : peer->allowed_ips) all += to_string(allowed) + ',';
    return "wg set " + device.interface + " peer " + adjacency::to_base64(peer->key) + " allowed-ips " + all +
           to_string(prefix) + ", and the same in what configures it at boot";
}

// The next hop of a route is a peer's tunnel address; an interface of one peer needs none.
const Peer* meant(const TunnelRoute& route, const Device& device, const std::vector<Seen>& peers,
                  const std::vector<Resolved>& resolved) {
    if (device.peers.size() == 1) return &device.peers.front();
    if (!route.gateway.is_set()) return nullptr;
    for (std::size_t i = 0; i < peers.size(); ++i)
        if (&peers[i].device == &device && resolved[i] && resolved[i]->remote == route.gateway) return &peers[i].peer;
    return holder(device, {route.gateway, static_cast<std::uint8_t>(route.gateway.bits())});
}

}  // namespace

const Device* device_of(const HostFacts& host, const std::string& interface) {
    const auto found = std::ranges::find(host.devices, interface, &Device::interface);
    return found == host.devices.end() ? nullptr : &*found;
}

Findings check_mtu(const NetworkFacts& facts, const HostFacts& host) {
    Findings out;
    std::map<std::string, std::pair<std::uint32_t, const Underlay*>> tightest;
    for (const auto& underlay : facts.underlays) {
        const auto overhead = underlay.endpoint.address.is_v4() ? overhead_v4 : overhead_v6;
        if (underlay.mtu <= overhead || is_tunnel(host, underlay.out)) continue;
        const auto room = underlay.mtu - overhead;
        const auto [known, fresh] = tightest.try_emplace(underlay.interface, room, &underlay);
        if (!fresh && room < known->second.first) known->second = {room, &underlay};
    }
    for (const auto& [interface, least] : tightest) {
        const auto* const link = link_of(host, interface);
        const auto& [room, underlay] = least;
        if (link == nullptr || link->mtu <= room) continue;
        out.push_back({"mtu", Severity::warning, interface,
                       "has an MTU of " + std::to_string(link->mtu) + ", and the way to " +
                           to_string(underlay->endpoint) + " by " + underlay->out + " leaves room for " +
                           std::to_string(room) + ": larger packets are fragmented below, or lost",
                       "ip link set " + interface + " mtu " + std::to_string(room) +
                           ", and MTU = " + std::to_string(room) + " in what configures it at boot"});
    }
    check_clamping(facts, host, out);
    if (out.empty())
        out.push_back(
            {"mtu", Severity::ok, "", "tunnels fit into what carries them: " + std::to_string(tightest.size()), ""});
    return out;
}

Findings check_routes(const NetworkFacts& facts, const HostFacts& host, const config::Config& config) {
    Findings out;
    const auto peers = peers_of(host, config);
    const auto resolved = resolve_all(peers, host);
    std::size_t bad = 0;
    for (const auto& route : facts.routes) {
        const auto* const device = device_of(host, route.interface);
        if (device == nullptr || device->peers.empty()) continue;
        const auto* const carrier = holder(*device, route.prefix);
        if (carrier == nullptr && touches(*device, route.prefix)) continue;  // in parts, by several perhaps
        const auto* const wanted = meant(route, *device, peers, resolved);
        if (carrier != nullptr && (wanted == nullptr || wanted == carrier)) continue;
        if (++bad > told_at_most) continue;
        out.push_back({"routes", Severity::warning, route.interface,
                       "the route " + path_to(route) +
                           (carrier == nullptr
                                ? " leads to no peer's allowed-ips: WireGuard refuses its packets (Required key not "
                                  "available)"
                                : " leads to " + adjacency::to_base64(wanted->key) + ", but the allowed-ips of " +
                                      adjacency::to_base64(carrier->key) + " take its packets"),
                       allow(*device, wanted, route.prefix)});
    }
    if (bad > told_at_most)
        out.push_back({"routes", Severity::warning, "", "and so for more routes: " + std::to_string(bad - told_at_most),
                       "likewise"});
    if (out.empty())
        out.push_back({"routes", Severity::ok, "",
                       "routes into tunnels, with a peer that takes them: " + std::to_string(facts.routes.size()), ""});
    return out;
}

Findings check_dns(const NetworkFacts& facts, const HostFacts& host, base::WallTime now) {
    Findings out;
    for (const auto& server : facts.dns) {
        const auto address = to_string(server.address);
        const auto add = [&](Severity severity, const std::string& message, const std::string& fix) {
            out.push_back({"dns", severity, address, "(" + server.file + ") " + message, fix});
        };
        if (server.interface.empty()) {
            add(Severity::info, "is reached by no route", "give it a route, or name another DNS server");
            continue;
        }
        const auto* const device = device_of(host, server.interface);
        const auto* const carrier =
            device == nullptr ? nullptr
                              : holder(*device, {server.address, static_cast<std::uint8_t>(server.address.bits())});
        if (carrier == nullptr) continue;
        const auto age = carrier->latest_handshake ? now - *carrier->latest_handshake : base::Duration::max();
        if (age > policy::handshake_lifetime)
            add(Severity::warning,
                "is reached through " + server.interface + ", whose peer " + adjacency::to_base64(carrier->key) +
                    " has had no handshake for 180 s: names do not resolve while that tunnel is down",
                "name a second DNS server that is reached another way");
        for (const auto& file : facts.files)
            for (const auto& peer : file.peers) {
                const auto host_part = peer.endpoint.substr(0, peer.endpoint.rfind(':'));
                const bool is_name =
                    !host_part.empty() && !host_part.starts_with('[') && !base::IpAddress::parse(host_part).has_value();
                if (file.interface != server.interface || peer.key != carrier->key || !is_name) continue;
                add(Severity::warning,
                    "is reached through " + server.interface + ", whose own endpoint is the name " + host_part + " (" +
                        file.path + ", line " + std::to_string(peer.line) +
                        "): to come up the tunnel needs DNS, and DNS needs the tunnel",
                    "write the endpoint's address there, or name a DNS server that is reached another way");
            }
    }
    if (out.empty())
        out.push_back(
            {"dns", Severity::ok, "", "DNS servers that can be reached: " + std::to_string(facts.dns.size()), ""});
    return out;
}

// Little says nothing: probes alone are a few thousand bytes a second.
Findings check_directions(const NetworkFacts& facts) {
    constexpr std::uint64_t plenty = 32 * 1024, times = 4;
    Findings out;
    std::map<std::string, std::vector<const Usage*>> groups;
    for (const auto& usage : facts.usage) groups[usage.group].push_back(&usage);
    for (auto& [group, paths] : groups) {
        if (group.empty() || paths.size() < 2) continue;
        const auto* const ours = *std::ranges::min_element(paths, {}, [](const Usage* u) { return u->cost; });
        const auto* const theirs = *std::ranges::max_element(paths, {}, [](const Usage* u) { return u->received; });
        const auto most = std::ranges::max(paths, {}, [](const Usage* u) { return u->sent; });
        const bool is_plain = theirs->cost > ours->cost && most == ours && ours->sent >= plenty &&
                              ours->sent >= times * theirs->sent && theirs->received >= plenty &&
                              theirs->received >= times * ours->received;
        if (!is_plain) continue;
        out.push_back({"asymmetric", Severity::info, group,
                       "we send by " + ours->name + " (cost " + std::to_string(ours->cost) +
                           "), and what comes back comes by " + theirs->name + " (cost " +
                           std::to_string(theirs->cost) + "): the other end prefers another path",
                       "give both ends the same order of costs; where both are wanted, rp_filter and connection "
                       "tracking must bear it"});
    }
    if (out.empty())
        out.push_back({"asymmetric", Severity::ok, "", "no group whose ends are seen to prefer different paths", ""});
    return out;
}

}  // namespace cli
