// The WireGuard peers of this host as the daemon would see them: with their names, and the addresses its rules find.
#pragma once

#include <string>
#include <vector>

#include "adjacency/adjacency.hpp"
#include "adjacency/resolve.hpp"
#include "cli/doctor_checks.hpp"

namespace cli {

struct Seen {  // views HostFacts and the configuration
    const adjacency::Link& link;
    const adjacency::Device& device;
    const adjacency::Peer& peer;
    const config::Adjacency* configured;  // null: not in the configuration
    std::string name;
};

// Every peer that is to be probed.
std::vector<Seen> peers_of(const HostFacts& facts, const config::Config& config);

using Resolved = base::Result<adjacency::Addresses, adjacency::Unresolved>;

// One for each of `peers`. An address is its first peer's alone.
std::vector<Resolved> resolve_all(const std::vector<Seen>& peers, const HostFacts& facts);

}  // namespace cli
