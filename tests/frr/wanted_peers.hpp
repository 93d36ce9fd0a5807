// Peers with verdicts, for the feed frr-vty.
#pragma once

#include <string>
#include <vector>

#include "frr/wishes.hpp"

namespace test {

struct Peers {
    struct Peer {
        adjacency::Adjacency adjacency;
        policy::Verdict verdict;
        bool live = false;
    };

    // A peer that names the feed, unless told otherwise.
    Peers& add(const std::string& interface, const char* address, policy::VerdictState state, std::uint32_t cost = 10,
               bool names_feed = true) {
        adjacency::Adjacency a;
        a.id.value = static_cast<std::uint32_t>(peers.size()) + 1;
        a.name = interface + "/" + address;
        a.interface = interface;
        if (names_feed) a.feeds = {"link", frr::vty_feed};
        if (const auto remote = base::IpAddress::parse(address)) a.addresses = adjacency::Addresses{{}, *remote, {}};
        const bool live = state == policy::VerdictState::up || state == policy::VerdictState::degraded;
        peers.push_back({std::move(a), {state, {}, cost}, live});
        return *this;
    }
    std::vector<policy::Wanted> wanted() const {  // while this lives
        std::vector<policy::Wanted> out;
        for (const auto& peer : peers)
            out.push_back({peer.adjacency.id, peer.adjacency, peer.verdict, peer.live,
                           peer.verdict.state == policy::VerdictState::down});
        return out;
    }
    frr::Wishes wishes() const { return frr::wishes_of(wanted()); }
    adjacency::AdjacencyId id(std::size_t n) const { return peers[n].adjacency.id; }

    std::vector<Peer> peers;
};

inline adjacency::Link link(std::uint32_t index, const std::string& name, const char* address, std::uint8_t length) {
    adjacency::Link out;
    out.index.value = index;
    out.name = name;
    out.addresses.push_back(
        {.local = base::IpAddress::parse(address).value(), .peer = {}, .prefix_length = length, .tentative = false});
    return out;
}

}  // namespace test
