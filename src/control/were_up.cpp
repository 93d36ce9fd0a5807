#include "control/were_up.hpp"

#include <sstream>

namespace control {

std::string to_string(const WasUp& one) {
    return one.interface + " " + to_base64(one.peer) + " " + to_string(one.local) + " " + to_string(one.remote);
}

std::optional<WasUp> parse_was_up(std::string_view line) {
    std::istringstream in{std::string{line}};
    std::string interface, peer, local, remote, more;
    in >> interface >> peer >> local >> remote;
    if (!in || in >> more) return std::nullopt;
    const auto key = adjacency::PublicKey::from_base64(peer);
    const auto from = base::IpAddress::parse(local), to = base::IpAddress::parse(remote);
    if (!key || !from || !to) return std::nullopt;
    return WasUp{interface, *key, *from, *to};
}

}  // namespace control
