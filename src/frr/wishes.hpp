// What the feed `frr-vty` wants of each interface and each peer, before FRR is looked at; and which of bgpd's
// neighbours is which peer. Pure.
#pragma once

#include <map>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "adjacency/link.hpp"
#include "base/ip_address.hpp"
#include "frr/running_config.hpp"
#include "policy/feed.hpp"

namespace frr {

enum class Standing : std::uint8_t { down, degraded, fine };  // worse is less

// OSPF's cost is the interface's, so it follows the best of its peers: all of them count, whatever their feeds.
struct InterfaceWish {
    Standing standing = Standing::fine;
    std::uint32_t cost = 10;  // the verdict's, while degraded
    friend bool operator==(const InterfaceWish&, const InterfaceWish&) = default;
};

struct PeerWish {
    adjacency::AdjacencyId id;
    std::string name;
    std::string interface;
    base::IpAddress remote;  // none while unresolved
    Standing standing = Standing::fine;
    bool alone = false;  // no other peer on its interface
    friend bool operator==(const PeerWish&, const PeerWish&) = default;
};

struct Wishes {
    std::map<std::string, InterfaceWish> interfaces;
    std::vector<PeerWish> peers;  // those that name the feed
    friend bool operator==(const Wishes&, const Wishes&) = default;
};
Wishes wishes_of(std::span<const policy::Wanted> all);

// Which peer a neighbour of bgpd's is.
class PeerLookup {
public:
    // Both must outlive this.
    PeerLookup(const Wishes& wishes, std::span<const adjacency::Link> links);

    // By its tunnel address; else the only peer of the interface that the neighbour is named after, stands on, or has
    // in its prefix: the other address family over the same tunnel. None: it is no peer of the feed's.
    const PeerWish* find(const std::string& neighbor, const RunningNeighbor& shown) const;

private:
    const PeerWish* only_peer(const std::string& interface) const;
    const std::string& holding_interface(const base::IpAddress& address) const;

    std::span<const adjacency::Link> links_;
    std::unordered_multimap<base::IpAddress, const PeerWish*> by_address_;
    std::map<std::string, const PeerWish*> alone_;  // by interface
};

}  // namespace frr
