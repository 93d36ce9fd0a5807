// What the feed `bird-include` writes of each adjacency: the constants and their values. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "bird/include_file.hpp"
#include "policy/feed.hpp"

namespace bird {

// What the configuration says of one adjacency that has the feed. It has its constants for as long as it stands there,
// whether its peer is present or not: BIRD's configuration names them.
struct IncludeEntry {
    std::string adjacency;
    std::uint32_t local_pref = 100;
    std::uint32_t dn42_latency = 0;               // the community 64511:1 … 9, until it is measured; 0: not known
    std::uint32_t dn42_loss = 0;                  // 64511:91 … 94
    std::uint32_t cost = policy::Verdict{}.cost;  // at its best; its MED, until it is measured
    bool measured = true;                         // false: what is configured stands
    friend bool operator==(const IncludeEntry&, const IncludeEntry&) = default;
};

struct DesiredInclude {
    Defines defines;
    std::map<adjacency::AdjacencyId, std::string> told;  // as status shows it
    std::set<std::string> unmeasured;  // slow constants of which nothing is known yet: what stands may stay
    std::vector<std::string> unnamed;  // adjacencies with the feed that the configuration does not name
    friend bool operator==(const DesiredInclude&, const DesiredInclude&) = default;
};
DesiredInclude desired_include(std::span<const IncludeEntry> entries, std::span<const policy::Wanted> all);

// Communities and MED reach all who route through us: they change far more seldom than what is decided here alone.
bool is_slow(const Define& define);
// `desired` with the slow values of `standing`.
Defines with_slow_of(Defines desired, const Defines& standing);
// What is not measured yet keeps the value it was last known to have, unless it is configured otherwise since: neither
// a restart of ours nor an outage is news.
Defines with_unmeasured_of(const DesiredInclude& desired, const Defines& known);

}  // namespace bird
