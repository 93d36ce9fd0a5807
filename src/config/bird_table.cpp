// [bird]: where BIRD's control socket is, and which kernel table it learns next hops from; and what the feeds for BIRD
// need of each other's tables.
#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "adjacency/adjacency.hpp"
#include "config/feeders.hpp"
#include "config/tables.hpp"

namespace config {

namespace {

using namespace std::string_view_literals;

constexpr std::array bird_keys{"control"sv,          "nexthop_table"sv,        "include"sv,
                               "include_interval"sv, "communities_interval"sv, "communities"sv};
constexpr std::array include_keys{"local_pref"sv, "dn42_latency"sv, "dn42_loss"sv};  // of an [[adjacency]]
constexpr std::size_t longest_socket = 107;                                          // what a socket address holds
constexpr std::int64_t last_table = 0xffff'ffff;                                     // RTA_TABLE has 32 bits

bool interface_names(const Config& config, const Table& adjacency, std::string_view feed) {
    const auto* entry = find(adjacency, "interface");
    const auto* name = entry == nullptr ? nullptr : std::get_if<std::string>(&entry->node.value);
    if (name == nullptr) return false;
    const auto found = std::ranges::find(config.interfaces, *name, &Interface::name);
    return found != config.interfaces.end() && std::ranges::find(found->feeds, feed) != found->feeds.end();
}

// A place in BIRD's configuration too: in quotes there, and in one word of an undo record.
bool is_include_path(std::string_view path) {
    const auto good = [](char c) { return c > 0x20 && c < 0x7f && c != '"' && c != '\\'; };
    return path.starts_with('/') && !path.ends_with('/') && std::ranges::all_of(path, good);
}

void read_include(const Table& table, Bird& out, Report& report) {
    out.include = string_at(table, "include", report);
    if (out.include && !is_include_path(*out.include))
        report.add(find(table, "include")->node.place,
                   "include " + quoted(*out.include) +
                       " must be the absolute path of a file, without spaces and quotes, such as "
                       "\"/etc/bird/wgbfd.conf\"");
    constexpr auto day = std::chrono::hours{24};
    if (const auto interval =
            duration_at(table, "include_interval", {std::chrono::milliseconds{100}, day, "100ms..86400s"}, report))
        out.include_interval = *interval;
    if (const auto interval =
            duration_at(table, "communities_interval", {std::chrono::seconds{1}, day, "1s..86400s"}, report))
        out.communities_interval = *interval;
    if (const auto text = string_at(table, "communities", report)) {
        out.measured_communities = *text == "measured";
        if (!out.measured_communities && *text != "configured")
            report.add(find(table, "communities")->node.place,
                       "communities must be \"measured\" or \"configured\", not " + quoted(*text));
    }
    for (const auto key : {"include_interval", "communities_interval", "communities"})
        if (const auto* entry = find(table, key); entry != nullptr && !out.include)
            report.add(entry->place, std::string{key} + " says nothing without include: add include or remove it");
}

void check_protocol(const Table& table, const Config& config, Report& report) {
    const auto protocol = place_of_feed(table, "bird-protocol");
    const auto* name = find(table, "bird_protocol");
    if (protocol && name == nullptr)
        report.add(*protocol,
                   "the feed \"bird-protocol\" needs the protocol that runs over this peer: add bird_protocol = "
                   "\"NAME\", one that `birdc show protocols` lists");
    if (name != nullptr && !protocol && !interface_names(config, table, "bird-protocol"))
        report.add(name->place,
                   "bird_protocol says nothing without the feed \"bird-protocol\": add it to feeds, or "
                   "remove bird_protocol");
}

// By the constants' common part: where they stood first.
using Constants = std::map<std::string, std::pair<std::string, Place>>;

void check_constants(const Node& node, Constants& constants, Report& report) {
    const auto* const text = std::get_if<std::string>(&node.value);
    if (text == nullptr) return;
    if (text->size() > adjacency::longest_bird_constant) {
        report.add(node.place, "the name " + quoted(*text) +
                                   " is too long for the feed \"bird-include\": BIRD's constants "
                                   "are made of it, write at most 46 characters");
        return;
    }
    const auto constant = adjacency::bird_constant(*text, "up");
    const auto [first, fresh] = constants.try_emplace(constant, *text, node.place);
    if (!fresh && first->second.first != *text)
        report.add(node.place, "the names " + quoted(first->second.first) + " (line " +
                                   std::to_string(first->second.second.line) + ") and " + quoted(*text) +
                                   " make one constant of BIRD's, " + constant + ": change one of them");
}

void check_include(const Table& table, const Config& config, Constants& constants, Report& report) {
    const auto feed = place_of_feed(table, "bird-include");
    const bool has_it = feed || interface_names(config, table, "bird-include");
    const auto* const name = find(table, "name");
    if (has_it && name != nullptr) check_constants(name->node, constants, report);
    if (feed && name == nullptr)
        report.add(*feed,
                   "the feed \"bird-include\" needs a name: BIRD's constants are made of it, add name = \"...\"");
    for (const auto key : include_keys)
        if (const auto* entry = find(table, key); entry != nullptr && !has_it)
            report.add(entry->place, std::string{key} +
                                         " says nothing without the feed \"bird-include\": add it to "
                                         "feeds, or remove " +
                                         std::string{key});
}

}  // namespace

Bird read_bird(const Table& table, Report& report) {
    refuse_unknown(table, {"in [bird]", bird_keys}, report);
    Bird out;
    out.present = true;
    if (auto path = string_at(table, "control", report)) {
        const bool good =
            path->starts_with('/') && path->size() <= longest_socket && path->find('\0') == std::string::npos;
        if (!good)
            report.add(find(table, "control")->node.place,
                       "control " + quoted(*path) +
                           " must be an absolute path of at most 107 characters, such as \"/run/bird/bird.ctl\"");
        out.control = std::move(*path);
    }
    if (const auto number = integer_at(table, "nexthop_table", 1, last_table, report)) {
        if (*number >= 253 && *number <= 255)
            report.add(find(table, "nexthop_table")->node.place,
                       "nexthop_table must not be 253 to 255, the kernel's own default, main and local: choose a table "
                       "that nobody uses, such as 4242");
        out.nexthop_table = static_cast<std::uint32_t>(*number);
    }
    read_include(table, out, report);
    return out;
}

std::string bird_protocol_at(const Table& table, Report& report) {
    auto name = string_at(table, "bird_protocol", report);
    if (!name) return {};
    if (!adjacency::is_bird_name(*name))
        report.add(find(table, "bird_protocol")->node.place,
                   "bird_protocol " + quoted(*name) +
                       " is no name that BIRD gives to a protocol: write one that `birdc show protocols` lists");
    return std::move(*name);
}

void overlay_bird_include(const Table& table, Adjacency& out, Report& report) {
    constexpr std::int64_t greatest = 0xffff'ffff;
    if (const auto number = integer_at(table, "local_pref", 0, greatest, report))
        out.local_pref = static_cast<std::uint32_t>(*number);
    if (const auto number = integer_at(table, "dn42_latency", 1, 9, report))
        out.dn42_latency = static_cast<std::uint32_t>(*number);
    if (const auto number = integer_at(table, "dn42_loss", 91, 94, report))
        out.dn42_loss = static_cast<std::uint32_t>(*number);
}

void check_bird_feeds(const Table& root, const Config& config, Report& report) {
    Constants constants;
    for_each_feeder(root, [&](const Table& table, bool is_adjacency) {
        const auto nexthop = place_of_feed(table, "bird-nexthop");
        if (nexthop && !config.bird.nexthop_table)
            report.add(*nexthop,
                       "the feed \"bird-nexthop\" needs a kernel table of its own: write nexthop_table = 4242 "
                       "into [bird], and learn that table in BIRD");
        const auto include = place_of_feed(table, "bird-include");
        if (include && !config.bird.include)
            report.add(*include,
                       "the feed \"bird-include\" needs a file: write include = \"/etc/bird/wgbfd.conf\" into [bird], "
                       "and include it in BIRD's configuration");
        if (!is_adjacency) return;
        check_protocol(table, config, report);
        check_include(table, config, constants, report);
    });
}

}  // namespace config
