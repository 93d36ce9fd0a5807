// What the feed `bird-protocol` wants of each protocol it names, and the next step there: the rules alone. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bird/protocols.hpp"
#include "policy/feed.hpp"

namespace bird {

struct DesiredProtocol {
    bool down = false;    // at least one of its adjacencies counts as down and none is live
    std::string message;  // why, as BIRD and its peer will show it
    std::vector<adjacency::AdjacencyId> adjacencies;
    friend bool operator==(const DesiredProtocol&, const DesiredProtocol&) = default;
};

struct DesiredProtocols {
    std::map<std::string, DesiredProtocol> protocols;
    std::vector<std::string> unnamed;  // adjacencies that name the feed and no protocol
    friend bool operator==(const DesiredProtocols&, const DesiredProtocols&) = default;
};
DesiredProtocols desired_protocols(std::span<const policy::Wanted> all);

// What to do about a protocol that looks as `shown`. `ours` is the message with which we disabled it; ours it is while
// it is disabled and that message stands, else somebody else has decided since.
enum class Step : std::uint8_t { none, disable, enable, let_go };
Step next_step(bool want_down, const std::optional<std::string>& ours, bool overruled, const Protocol& shown);

}  // namespace bird
