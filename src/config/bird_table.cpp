// [bird]: where BIRD's control socket is, and which kernel table it learns next hops from; and what the feeds for BIRD
// need of each other's tables.
#include <algorithm>
#include <array>
#include <string_view>

#include "adjacency/adjacency.hpp"
#include "config/tables.hpp"

namespace config {

namespace {

using namespace std::string_view_literals;

constexpr std::array bird_keys{"control"sv, "nexthop_table"sv};
constexpr std::size_t longest_socket = 107;       // what a socket address holds
constexpr std::int64_t last_table = 0xffff'ffff;  // RTA_TABLE has 32 bits

// The place of `feed` in a table's feeds; none when it is not there.
std::optional<Place> place_of_feed(const Table& table, std::string_view feed) {
    const auto* entry = find(table, "feeds");
    const auto* array = entry == nullptr ? nullptr : std::get_if<Array>(&entry->node.value);
    if (array == nullptr) return std::nullopt;
    for (const auto& node : *array)
        if (const auto* text = std::get_if<std::string>(&node.value); text != nullptr && *text == feed)
            return node.place;
    return std::nullopt;
}

bool interface_names_it(const Config& config, const Table& adjacency) {
    const auto* entry = find(adjacency, "interface");
    const auto* name = entry == nullptr ? nullptr : std::get_if<std::string>(&entry->node.value);
    if (name == nullptr) return false;
    const auto found = std::ranges::find(config.interfaces, *name, &Interface::name);
    return found != config.interfaces.end() && std::ranges::find(found->feeds, "bird-protocol") != found->feeds.end();
}

// Every table that may have `feeds`, with whether it is an [[adjacency]].
template <class Visit>
void for_each_feeder(const Table& root, const Visit& visit) {
    if (const auto* entry = find(root, "interface"))
        if (const auto* interfaces = std::get_if<Table>(&entry->node.value))
            for (const auto& interface : *interfaces)
                if (const auto* table = std::get_if<Table>(&interface.node.value)) visit(*table, false);
    if (const auto* entry = find(root, "adjacency"))
        if (const auto* adjacencies = std::get_if<Array>(&entry->node.value))
            for (const auto& node : *adjacencies)
                if (const auto* table = std::get_if<Table>(&node.value)) visit(*table, true);
}

}  // namespace

Bird read_bird(const Table& table, Report& report) {
    refuse_unknown(table, {"in [bird]", bird_keys, {}}, report);
    Bird out;
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

void check_bird_feeds(const Table& root, const Config& config, Report& report) {
    for_each_feeder(root, [&](const Table& table, bool is_adjacency) {
        const auto nexthop = place_of_feed(table, "bird-nexthop");
        if (nexthop && !config.bird.nexthop_table)
            report.add(*nexthop,
                       "the feed \"bird-nexthop\" needs a kernel table of its own: write nexthop_table = 4242 "
                       "into [bird], and learn that table in BIRD");
        if (!is_adjacency) return;
        const auto protocol = place_of_feed(table, "bird-protocol");
        const auto* name = find(table, "bird_protocol");
        if (protocol && name == nullptr)
            report.add(*protocol,
                       "the feed \"bird-protocol\" needs the protocol that runs over this peer: add bird_protocol = "
                       "\"NAME\", one that `birdc show protocols` lists");
        if (name != nullptr && !protocol && !interface_names_it(config, table))
            report.add(name->place,
                       "bird_protocol says nothing without the feed \"bird-protocol\": add it to feeds, or "
                       "remove bird_protocol");
    });
}

}  // namespace config
