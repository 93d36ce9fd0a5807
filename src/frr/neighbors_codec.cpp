#include "frr/neighbors_codec.hpp"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include <nlohmann/json.hpp>

namespace frr {

namespace {

using adjacency::Neighbor;
using base::IpAddress;
using nlohmann::json;

std::string text_at(const json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

IpAddress address_at(const json& object, const char* name) {
    return IpAddress::parse(text_at(object, name)).value_or(IpAddress{});
}

// Of the members of an object the wanted ones alone: bgpd prints 3 kB of a neighbour.
json only(std::string_view text, std::initializer_list<std::string_view> wanted) {
    auto out = json::object();
    JsonMembers members{text};
    while (const auto member = members.next())
        if (std::ranges::find(wanted, member->name) != wanted.end())
            out[std::string{member->name}] = json::parse(member->value, nullptr, false);
    return members.bad() ? json() : out;
}

bool is_true(const json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_boolean() && found->get<bool>();
}

// The name is the neighbour's address, or the interface of an unnumbered one ("none" until its address is heard of).
std::optional<Neighbor> bgp_neighbor(std::string_view name, std::string_view text) {
    const auto shown = only(text, {"bgpNeighborAddr", "updateSource", "nbrExternalLink", "externalBgpNbrMaxHopsAway",
                                   "bgpState", "hostLocal"});
    if (!shown.is_object()) return std::nullopt;
    Neighbor out;
    if (const auto address = IpAddress::parse(name)) {
        out.remote = *address;
        // The source of a link-local neighbour may be named by its interface.
        const auto source = text_at(shown, "updateSource");
        if (out.remote.is_v6() && out.remote.is_link_local() && !IpAddress::parse(source)) out.interface = source;
    } else {
        out.interface = name;
        out.remote = address_at(shown, "bgpNeighborAddr");
    }
    if (!out.remote.is_set()) return std::nullopt;
    const auto hops = shown.find("externalBgpNbrMaxHopsAway");
    out.direct = is_true(shown, "nbrExternalLink") && hops != shown.end() && *hops == 1;
    out.heard = text_at(shown, "bgpState") == "Established";
    if (out.heard) out.local = address_at(shown, "hostLocal");
    return out;
}

// A neighbour that is only configured (point-to-multipoint, NBMA) is Down or in Attempt: RFC 2328 §10.1.
bool is_heard_state(std::string_view state) {
    state = state.substr(0, state.find('/'));
    return !state.empty() && state != "Down" && state != "Attempt" && state != "Deleted";
}

std::optional<Neighbor> ospf_neighbor(const json& shown) {
    if (!shown.is_object()) return std::nullopt;
    Neighbor out;
    // "wg0:10.8.0.1": the interface, and its address that OSPF speaks from.
    const auto place = text_at(shown, "ifaceName");
    const auto colon = place.find(':');
    out.interface = place.substr(0, colon);
    if (colon != std::string::npos) out.local = IpAddress::parse(place.substr(colon + 1)).value_or(IpAddress{});
    out.remote = address_at(shown, "ifaceAddress");
    if (!out.remote.is_set()) out.remote = address_at(shown, "address");  // older versions have this one alone
    if (!out.remote.is_set() || out.interface.empty()) return std::nullopt;
    auto state = text_at(shown, "nbrState");
    if (state.empty()) state = text_at(shown, "state");
    out.direct = true;
    out.heard = is_heard_state(state);
    return out;
}

std::optional<Neighbor> ospf6_neighbor(std::string_view text) {
    const auto shown = only(text, {"interface", "linkLocalAddress", "neighborState"});
    if (!shown.is_object()) return std::nullopt;
    Neighbor out;
    out.interface = text_at(shown, "interface");
    out.remote = address_at(shown, "linkLocalAddress");
    if (!out.remote.is_set() || out.remote.is_unspecified() || out.interface.empty()) return std::nullopt;
    out.direct = true;
    out.heard = is_heard_state(text_at(shown, "neighborState"));
    return out;
}

// ospfd wraps its neighbours into one object; their members are what is read.
std::string_view unwrapped(NeighborSource source, std::string_view text) {
    if (source != NeighborSource::ospf) return text;
    JsonMembers outer{text};
    while (const auto member = outer.next())
        if (member->name == "neighbors") return member->value;
    return text;
}

}  // namespace

NeighborReader::NeighborReader(NeighborSource source, std::string reply)
    : source_{source}, text_{std::move(reply)}, members_{unwrapped(source, text_)} {}

bool NeighborReader::read(std::size_t at_most) {
    for (std::size_t i = 0; i < at_most; ++i) {
        const auto member = members_.next();
        if (!member) return false;
        one(*member);
    }
    return true;
}

void NeighborReader::one(const JsonMember& member) {
    const auto keep = [this](std::optional<Neighbor> neighbor) {
        if (neighbor) found_.push_back(std::move(*neighbor));
    };
    switch (source_) {
        case NeighborSource::bgp: return keep(bgp_neighbor(member.name, member.value));
        case NeighborSource::ospf:  // a router identifier, with a list: one entry an interface
            if (const auto shown = json::parse(member.value, nullptr, false); shown.is_array())
                for (const auto& entry : shown) keep(ospf_neighbor(entry));
            return;
        case NeighborSource::ospf6: return keep(ospf6_neighbor(member.value));
    }
}

base::Result<std::vector<Neighbor>, std::string> NeighborReader::take() {
    if (members_.bad())
        return tl::unexpected{std::string{daemon_of(source_)} + "'s `" + std::string{question_of(source_)} +
                              "` is no JSON object"};
    return std::move(found_);
}

base::Result<std::vector<Neighbor>, std::string> read_neighbors(NeighborSource source, std::string reply) {
    NeighborReader reader{source, std::move(reply)};
    while (reader.read(64)) continue;
    return reader.take();
}

std::map<IpAddress, std::string> parse_neighbor_interfaces(std::string_view running_config) {
    std::map<IpAddress, std::string> out;
    const auto word = [](std::string_view& line) {
        line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
        const auto found = line.substr(0, line.find(' '));
        line.remove_prefix(found.size());
        return found;
    };
    for (auto rest = running_config; !rest.empty();) {
        const auto end = std::min(rest.find('\n'), rest.size());
        auto line = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
        if (word(line) != "neighbor") continue;
        const auto address = IpAddress::parse(word(line));
        if (!address || word(line) != "interface") continue;
        if (const auto name = word(line); !name.empty()) out[*address] = name;
    }
    return out;
}

bool lacks_interface(const Neighbor& neighbor) {
    return neighbor.interface.empty() && neighbor.remote.is_v6() && neighbor.remote.is_link_local();
}

}  // namespace frr
