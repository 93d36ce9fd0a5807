// Who was up before a restart of ours, as lines of a file: the verdict "down" is for what has been up. By what makes a
// path what it is, not by name: the name may stand for another peer by now.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "adjacency/peer.hpp"
#include "base/ip_address.hpp"

namespace control {

struct WasUp {
    std::string interface;
    adjacency::PublicKey peer;
    base::IpAddress local, remote;  // where it was up
    friend auto operator<=>(const WasUp&, const WasUp&) = default;
};
using WereUp = std::set<WasUp>;

std::string to_string(const WasUp& one);                   // "wg0 PUBLICKEY 10.8.0.1 10.8.0.2"
std::optional<WasUp> parse_was_up(std::string_view line);  // none: anything else

}  // namespace control
