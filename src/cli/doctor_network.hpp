// What the doctor looks at beside WireGuard itself: the packet filter, routes through tunnels, the paths below them,
// files, DNS servers. Values alone; doctor_checks.hpp has what is made of them.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "adjacency/peer.hpp"
#include "base/ip_address.hpp"
#include "cli/firewall.hpp"

namespace cli {

struct Underlay {           // the way to a peer's endpoint
    std::string interface;  // the tunnel
    base::Endpoint endpoint;
    std::string out;        // the interface below
    std::uint32_t mtu = 0;  // its
};

struct TunnelRoute {
    std::string interface;
    base::Prefix prefix;
    base::IpAddress gateway;  // unset: the interface alone
    friend auto operator<=>(const TunnelRoute&, const TunnelRoute&) = default;
};

struct ConfiguredPeer {  // of a [Peer] in /etc/wireguard/NAME.conf
    std::optional<adjacency::PublicKey> key;
    std::vector<base::Prefix> allowed_ips;
    std::string endpoint;  // as written
    int line = 0;
};
struct WireguardFile {
    std::string path;
    std::string interface;
    std::vector<ConfiguredPeer> peers;
    std::vector<std::string> key_files;  // that it names
};
WireguardFile parse_wireguard_file(const std::string& path, const std::string& text);

struct SecretFile {
    std::string path;
    bool readable = false, writable = false;  // by anybody
    bool holds_key = false;                   // what is readable is a secret
};

struct DnsServer {
    base::IpAddress address;
    std::string file;       // that names it
    std::string interface;  // it is reached by; "": there is no route
};

struct Usage {  // of an adjacency that is up, as a running daemon tells, and its bytes within a moment
    std::string name, interface, group;
    std::uint32_t cost = 0;
    std::uint64_t sent = 0, received = 0;
};

struct NetworkFacts {
    Firewall firewall;
    std::vector<std::string> problems;  // what could not be looked at
    std::vector<Underlay> underlays;
    std::vector<TunnelRoute> routes;
    std::vector<base::Prefix> elsewhere;  // of routes out of no tunnel
    bool all_routes = true;               // false: there are more than were looked at
    std::vector<WireguardFile> files;
    std::vector<SecretFile> secrets;
    std::vector<DnsServer> dns;
    std::vector<Usage> usage;
    bool forwards = false;  // net.ipv4.ip_forward or its IPv6 equal
};

}  // namespace cli
