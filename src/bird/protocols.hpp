// What `show protocols all` says of each protocol. Pure: a reply in, values out.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bird/reply.hpp"

namespace bird {

struct Protocol {
    std::string name;
    std::string kind;     // "BGP"
    std::string state;    // "up", "start", "stop", "flush", "down"
    std::string message;  // why it was disabled or ended; "" when BIRD tells none
    // It runs, or tries to (a BGP session that waits for its peer is in `start`).
    bool is_enabled() const { return state == "up" || state == "start"; }
    bool is_on_its_way_down() const { return state == "stop" || state == "flush"; }
    friend bool operator==(const Protocol&, const Protocol&) = default;
};

// In BIRD's order; a line that is not understood is skipped.
std::vector<Protocol> parse_protocols(const Reply& reply);
std::optional<Protocol> find_protocol(const Reply& reply, std::string_view name);

}  // namespace bird
