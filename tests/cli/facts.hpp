// Hosts made up for the doctor: one that is in order, and ways to spoil it.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "cli/doctor_checks.hpp"

namespace facts {

inline base::IpAddress ip(const char* text) { return base::IpAddress::parse(text).value(); }
inline base::Prefix prefix(const char* text) { return base::Prefix::parse(text).value(); }

inline adjacency::PublicKey key(std::uint8_t n) {
    adjacency::PublicKey out;
    out.bytes.fill(n);
    return out;
}

inline adjacency::Peer peer(std::uint8_t n, std::initializer_list<const char*> allowed) {
    adjacency::Peer out;
    out.key = key(n);
    for (const auto* text : allowed) out.allowed_ips.push_back(prefix(text));
    return out;
}

// wg0, 10.8.0.254/24, with the peers given.
inline cli::HostFacts host(std::vector<adjacency::Peer> peers) {
    adjacency::Link link;
    link.index = base::IfIndex{7};
    link.name = "wg0";
    link.kind = "wireguard";
    link.up = true;
    link.addresses.push_back({.local = ip("10.8.0.254"), .peer = {}, .prefix_length = 24, .tentative = false});
    adjacency::Device device;
    device.index = link.index;
    device.interface = "wg0";
    device.peers = std::move(peers);
    cli::HostFacts out;
    out.links = {link};
    out.devices = {device};
    out.expected = {"wg0"};
    out.rp_filter = {{"all", 0}, {"wg0", 0}};
    return out;
}

inline cli::HostFacts good_host() { return host({peer(1, {"10.8.0.1/32"}), peer(2, {"10.8.0.2/32", "10.2.0.0/16"})}); }

inline config::Adjacency entry(std::uint8_t n, const char* address = nullptr) {
    config::Adjacency out;
    out.interface = "wg0";
    out.peer = key(n);
    if (address != nullptr) out.address = ip(address);
    return out;
}

inline wgbfd::ProcessInfo process(pid_t pid, const char* name, std::vector<std::string> arguments = {}) {
    return {.pid = pid, .name = name, .arguments = std::move(arguments), .parent = 1};
}

inline cli::Severity worst(const cli::Findings& findings) {
    auto out = cli::Severity::ok;
    for (const auto& finding : findings) out = std::max(out, finding.severity);
    return out;
}

// The one finding that is not ok: what is wrong has a message and a fix, always.
inline cli::Finding only_fault(const cli::Findings& findings) {
    cli::Findings faults;
    for (const auto& finding : findings)
        if (finding.severity != cli::Severity::ok) faults.push_back(finding);
    REQUIRE(faults.size() == 1);
    CHECK(!faults.front().message.empty());
    CHECK(!faults.front().fix.empty());
    return faults.front();
}

inline bool says(const std::string& text, const char* part) {
    CAPTURE(text);
    return text.find(part) != std::string::npos;
}

}  // namespace facts
