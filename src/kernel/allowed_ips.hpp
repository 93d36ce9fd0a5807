// The allowed-ips of all peers of one interface, which are its routing table: the longest prefix that holds an address
// says whose packet it is. Pure.
#pragma once

#include <span>
#include <vector>

#include "adjacency/peer.hpp"
#include "base/ip_address.hpp"

namespace kernel {

// True when every address of `inner` is one of `outer`.
bool holds(const base::Prefix& outer, const base::Prefix& inner);

class AllowedIps {
public:
    struct Entry {
        base::Prefix prefix;
        adjacency::PublicKey owner;
    };

    AllowedIps() = default;
    explicit AllowedIps(std::span<const adjacency::Peer> peers);

    // Does all that is sent to `prefix` go to this peer? By several prefixes together, if need be.
    bool carries(const base::Prefix& prefix, const adjacency::PublicKey& peer) const;
    // Entries inside `prefix`, itself included.
    std::span<const Entry> inside(const base::Prefix& prefix) const;
    std::span<const Entry> all() const { return entries_; }

private:
    const Entry* longest_holder(const base::Prefix& prefix) const;

    std::vector<Entry> entries_;  // by first address, the longer prefix later
};

}  // namespace kernel
