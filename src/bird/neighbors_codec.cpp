#include "bird/neighbors_codec.hpp"

#include <algorithm>
#include <iterator>
#include <sstream>

namespace bird {
namespace {

using adjacency::Neighbor;
using base::IpAddress;

constexpr std::uint16_t details = 1006, ospf_neighbors = 1013;

// "   Neighbor address: fe80::2%wg0" to its value, when it is `key`'s line.
std::optional<std::string_view> value_of(std::string_view line, std::string_view key) {
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    if (!line.starts_with(key)) return std::nullopt;
    line.remove_prefix(key.size());
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    while (line.ends_with(' ')) line.remove_suffix(1);
    return line;
}

bool take_address(std::string_view text, Neighbor& out) {
    const auto zone = text.find('%');
    const auto address = IpAddress::parse(text.substr(0, zone));
    if (!address) return false;
    out.remote = *address;
    if (zone != std::string_view::npos) out.interface = text.substr(zone + 1);
    return true;
}

// A neighbour that is only configured (NBMA) is Down or in Attempt: RFC 2328 §10.1.
bool is_heard_state(std::string_view state) {
    state = state.substr(0, state.find('/'));
    return !state.empty() && state != "Down" && state != "Attempt";
}

std::vector<std::string> words_of(std::string text) {
    // Two headings have two words each.
    for (const std::string_view heading : {"Router ID", "Router IP"})
        if (const auto at = text.find(heading); at != std::string::npos) text[at + heading.find(' ')] = '_';
    std::istringstream in{text};
    return {std::istream_iterator<std::string>{in}, {}};
}

struct OspfColumns {
    std::size_t state = 0, interface = 0, address = 0;
    bool known = false;
};

OspfColumns ospf_columns(const std::vector<std::string>& heading) {
    OspfColumns out;
    const auto place = [&](const char* word, std::size_t& at) {
        const auto found = std::ranges::find(heading, word);
        at = static_cast<std::size_t>(found - heading.begin());
        return found != heading.end();
    };
    const bool state = place("State", out.state), interface = place("Interface", out.interface);
    out.known = place("Router_IP", out.address) && state && interface;
    return out;
}

}  // namespace

bool is_bgp(const Protocol& protocol) { return protocol.kind == "BGP"; }
bool is_ospf(const Protocol& protocol) { return protocol.kind == "OSPF" && protocol.state == "up"; }

std::string show_ospf_neighbors(std::string_view name) {
    return std::string{"show ospf neighbors '"}.append(name).append("'");
}

std::optional<Neighbor> parse_bgp_neighbor(const Reply& reply) {
    Neighbor out;
    bool found = false, multihop = false, session = false;
    for (const auto& line : reply.lines) {
        if (line.code != details) continue;
        if (const auto address = value_of(line.text, "Neighbor address:")) found = take_address(*address, out);
        if (const auto state = value_of(line.text, "BGP state:")) out.heard = *state == "Established";
        if (const auto source = value_of(line.text, "Source address:"))
            out.local = IpAddress::parse(*source).value_or(IpAddress{});
        if (const auto kind = value_of(line.text, "Session:")) {
            session = true;
            multihop = kind->find("multihop") != std::string_view::npos || kind->starts_with("internal");
        }
    }
    if (!found || !out.remote.is_set()) return std::nullopt;
    out.direct = !out.interface.empty() || (session && !multihop);
    if (!out.heard) out.local = {};
    return out;
}

std::vector<Neighbor> parse_ospf_neighbors(const Reply& reply) {
    std::vector<Neighbor> out;
    OspfColumns columns;
    for (const auto& line : reply.lines) {
        if (line.code != ospf_neighbors) continue;
        const auto words = words_of(line.text);
        if (const auto heading = ospf_columns(words); heading.known) {
            columns = heading;
            continue;
        }
        if (!columns.known || words.size() <= std::max({columns.state, columns.interface, columns.address})) continue;
        Neighbor neighbor;
        if (!take_address(words[columns.address], neighbor)) continue;
        neighbor.interface = words[columns.interface];
        neighbor.direct = true;
        neighbor.heard = is_heard_state(words[columns.state]);
        out.push_back(std::move(neighbor));
    }
    return out;
}

}  // namespace bird
