// Adjacencies of one group with verdicts, and the interfaces under them, for the feeds repair and routes.
#pragma once

#include <deque>

#include "kernel/desired_repair.hpp"
#include "kernel/desired_routes.hpp"

namespace kernel_test {

using namespace std::chrono_literals;
using policy::VerdictState;

inline base::IpAddress address(const char* text) { return base::IpAddress::parse(text).value(); }
inline base::Prefix prefix(const char* text) { return base::Prefix::parse(text).value(); }

inline adjacency::PublicKey key(std::uint8_t n) {
    adjacency::PublicKey out;
    out.bytes.fill(n);
    return out;
}

// wgN has the index 10 + N, the address 10.8.N.0/31 and the peers given, of which each is an adjacency.
class GroupHost {
public:
    // The peer's key is `n`, its tunnel address 10.8.N.1 + n.
    adjacency::Adjacency& add(unsigned interface, std::uint8_t n, std::initializer_list<const char*> allowed,
                              VerdictState state = VerdictState::up, const char* group = "paris") {
        const auto name = "wg" + std::to_string(interface);
        auto& a = adjacencies.emplace_back();
        a.id.value = static_cast<std::uint32_t>(adjacencies.size());
        a.name = name + "-" + std::to_string(n);
        a.interface = name;
        a.ifindex = {10 + interface};
        a.peer = key(n);
        a.addresses = adjacency::Addresses{address(("10.8." + std::to_string(interface) + ".0").c_str()),
                                           address(("10.8." + std::to_string(interface) + ".1").c_str()),
                                           {}};
        a.feeds = {"repair", "routes"};
        a.group = group;
        verdicts.push_back({state, {}, 10});
        adjacency::Peer peer;
        peer.key = a.peer;
        for (const auto* const text : allowed) peer.allowed_ips.push_back(prefix(text));
        peers[name].push_back(peer);
        own[name] = {{.local = a.addresses->local, .peer = {}, .prefix_length = 31, .tentative = false}};
        auto& link = names[name];
        link.index = a.ifindex;
        link.name = name;
        link.up = true;
        return a;
    }
    std::vector<policy::Wanted> wanted() const {
        std::vector<policy::Wanted> out;
        for (std::size_t i = 0; i < adjacencies.size(); ++i) {
            const auto state = verdicts[i].state;
            const bool live = state == VerdictState::up || state == VerdictState::degraded;
            auto& one = out.emplace_back(
                policy::Wanted{adjacencies[i].id, adjacencies[i], verdicts[i], live, state == VerdictState::down});
            one.far_end_strict = strict_far_ends.contains(adjacencies[i].name);
        }
        return out;
    }
    kernel::RepairLinks links() const {
        kernel::RepairLinks out;
        for (const auto& [name, link] : names)
            out.emplace(name,
                        kernel::RepairLink{link.index, link.up, strict.contains(name), own.at(name), peers.at(name)});
        return out;
    }
    std::vector<adjacency::Link> all_links() const {
        std::vector<adjacency::Link> out;
        for (const auto& [name, link] : names) out.push_back(link);
        return out;
    }
    policy::Verdict& verdict(std::size_t i) { return verdicts.at(i); }

    std::deque<adjacency::Adjacency> adjacencies;
    std::vector<policy::Verdict> verdicts;
    std::map<std::string, std::vector<adjacency::Peer>> peers;
    std::map<std::string, std::vector<adjacency::LinkAddress>> own;
    kernel::LinkNames names;
    std::set<std::string> strict;           // interfaces
    std::set<std::string> strict_far_ends;  // adjacencies
};

}  // namespace kernel_test
