// [[adjacency]] and [[session]]: the tables that name one path each.
#include <algorithm>
#include <array>
#include <string_view>

#include "config/tables.hpp"

namespace config {

namespace {

using namespace std::string_view_literals;

constexpr std::array adjacency_keys{
    "name"sv,          "interface"sv,  "peer"sv,         "address"sv,    "probe"sv,
    "feeds"sv,         "interval"sv,   "multiplier"sv,   "padding"sv,    "require_proof"sv,
    "bird_protocol"sv, "local_pref"sv, "dn42_latency"sv, "dn42_loss"sv,  "group"sv,
    "cost"sv,          "up_delay"sv,   "quality"sv,      "trust_data"sv, "endpoints"sv,
    "hook"sv,          "protocol"sv,   "priority"sv,     "weight"sv,     "source_table"sv};
constexpr std::array session_keys{"name"sv,        "interface"sv, "local"sv,    "remote"sv,    "multihop"sv,
                                  "minimum_ttl"sv, "vrf"sv,       "interval"sv, "multiplier"sv};

bool report_missing(const Node& node, std::string_view title, std::initializer_list<std::string_view> keys,
                    Report& report) {
    bool missing = false;
    for (const auto key : keys) {
        if (find(std::get<Table>(node.value), key) != nullptr) continue;
        report.add(node.place, std::string{title}.append(" needs ").append(key));
        missing = true;
    }
    return missing;
}

// Remembers `what`; false, and an error at `place`, when it stood in the file before.
template <class Map>
void once(Map& seen, const typename Map::key_type& what, Place place, const std::string& message, Report& report) {
    const auto [first, fresh] = seen.emplace(what, place);
    if (!fresh) report.add(place, message + ": first in line " + std::to_string(first->second.line));
}

}  // namespace

std::optional<std::string> name_in(const Table& table, std::map<std::string, Place>& seen, std::string_view what,
                                   Report& report) {
    constexpr std::size_t longest = 64;  // bytes
    const auto name = string_at(table, "name", report);
    if (!name) return std::nullopt;
    const auto place = find(table, "name")->node.place;
    const auto bad = [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; };
    if (name->empty() || name->size() > longest || std::ranges::any_of(*name, bad)) {
        report.add(place, "name must be 1 to 64 characters without spaces, not " + quoted(*name));
        return std::nullopt;
    }
    once(seen, *name, place, "duplicate " + std::string{what} + " " + quoted(*name), report);
    return name;
}

namespace {

std::optional<std::string> interface_at(const Table& table, Report& report, std::string_view key = "interface") {
    auto name = string_at(table, key, report);
    if (!name) return std::nullopt;
    return interface_name(std::move(*name), find(table, key)->node.place, report);
}

std::optional<adjacency::PublicKey> peer_at(const Table& table, Report& report) {
    const auto text = string_at(table, "peer", report);
    if (!text) return std::nullopt;
    const auto key = adjacency::PublicKey::from_base64(*text);
    if (!key) {
        // The text is not repeated: it may be a private key pasted by mistake.
        report.add(find(table, "peer")->node.place,
                   "peer must be a public key as `wg show` prints it: 44 characters of base64");
    }
    return key;
}

// What nobody probes can prove nothing; its timers may wait until it is probed again.
void check_left_alone(const Table& table, const Probe& timers, Report& report) {
    const auto* proof = find(table, "require_proof");
    if (proof != nullptr && timers.require_proof)
        report.add(proof->place, "require_proof = true and probe = false exclude each other: remove one");
}

void check_padding(const Table& table, const Adjacency& adjacency, Report& report) {
    const auto* padding = find(table, "padding");
    const bool is_short = adjacency.timers.padding != 0 && adjacency.timers.padding < least_padding_v6;
    if (padding != nullptr && is_short && adjacency.address && adjacency.address->is_v6())
        report.add(padding->node.place, "padding must be 0 (none) or " + std::to_string(least_padding_v6) +
                                            "..65535 over IPv6, not " + std::to_string(adjacency.timers.padding));
}

void check_place(const Table& table, const Session& session, Report& report) {
    const auto at = [&](std::string_view key) { return find(table, key)->node.place; };
    const bool link_local = session.local.is_link_local() || session.remote.is_link_local();
    if (session.local.family != session.remote.family)
        report.add(at("remote"), "local and remote must be of one family, IPv4 or IPv6");
    else if (session.local == session.remote)
        report.add(at("remote"), "local and remote must be two addresses");
    else if (session.multihop && link_local)
        report.add(at("multihop"), "a link-local address is never several hops away: remove multihop");
    else if (!session.multihop && link_local && find(table, "interface") == nullptr)
        report.add(at(session.remote.is_link_local() ? "remote" : "local"),
                   "a link-local address needs its interface: add interface = \"...\"");
}

void read_multihop(const Table& table, Session& session, Report& report) {
    session.multihop = bool_at(table, "multihop", report).value_or(false);
    if (const auto ttl = integer_at(table, "minimum_ttl", 1, 255, report)) {
        session.minimum_ttl = static_cast<std::uint8_t>(*ttl);
        if (!session.multihop)
            report.add(find(table, "minimum_ttl")->place,
                       "minimum_ttl needs multihop = true: one hop always requires 255 (RFC 5881 §5)");
    }
    session.vrf = interface_at(table, report, "vrf").value_or("");
    if (!session.multihop && find(table, "vrf") != nullptr)
        report.add(find(table, "vrf")->place, "vrf needs multihop = true: of one hop the interface says it");
    if (session.multihop && find(table, "interface") != nullptr)
        report.add(find(table, "interface")->place, "interface and multihop = true exclude each other: remove one");
}

}  // namespace

std::optional<Adjacency> read_adjacency(const Node& node, const Config& defaults, Seen& seen, Report& report) {
    const auto& table = std::get<Table>(node.value);
    refuse_unknown(table, {"in [[adjacency]]", adjacency_keys}, report);
    const bool missing = report_missing(node, "[[adjacency]]", {"interface", "peer"}, report);
    Adjacency out;
    out.timers = defaults.probe;
    overlay_probe(table, out.timers, report);
    overlay_policy(table, defaults, out, report);
    out.own_timers = find(table, "interval") != nullptr || find(table, "multiplier") != nullptr;
    out.name = name_in(table, seen.names, "name", report);
    out.address = address_at(table, "address", report);
    out.probe = bool_at(table, "probe", report).value_or(true);
    if (!out.probe) check_left_alone(table, out.timers, report);
    check_padding(table, out, report);
    out.feeds = feeds_at(table, report);
    out.bird_protocol = bird_protocol_at(table, report);
    overlay_bird_include(table, out, report);
    out.endpoints = endpoints_at(table, report);
    overlay_hook(table, defaults, out, report);
    overlay_routes(table, out, report);
    const auto interface = interface_at(table, report);
    const auto peer = peer_at(table, report);
    if (missing || !interface || !peer) return std::nullopt;
    out.interface = *interface;
    out.peer = *peer;
    once(seen.peers, {*interface, *peer}, find(table, "peer")->node.place,
         "this peer of " + *interface + " has an [[adjacency]] already", report);
    if (out.address)
        once(seen.addresses, {*interface, *out.address}, find(table, "address")->node.place,
             "another peer of " + *interface + " has the address " + to_string(*out.address), report);
    return out;
}

std::optional<Session> read_session(const Node& node, const Probe& defaults, Seen& seen, Report& report) {
    const auto& table = std::get<Table>(node.value);
    refuse_unknown(table, {"in [[session]]", session_keys}, report);
    report_missing(node, "[[session]]", {"local", "remote"}, report);
    Session out;
    out.timers = defaults;
    overlay_timers(table, out.timers, report);
    out.name = name_in(table, seen.names, "name", report);
    out.interface = interface_at(table, report).value_or("");
    read_multihop(table, out, report);
    const auto local = address_at(table, "local", report);
    const auto remote = address_at(table, "remote", report);
    if (!local || !remote) return std::nullopt;
    out.local = *local;
    out.remote = *remote;
    check_place(table, out, report);
    once(seen.sessions, {out.multihop ? out.vrf : out.interface, *local, *remote, out.multihop}, node.place,
         "duplicate [[session]] from " + to_string(*local) + " to " + to_string(*remote), report);
    return out;
}

}  // namespace config
