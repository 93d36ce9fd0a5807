// [[group]] and what an [[adjacency]] says of its place in one: for the feeds `routes` and `repair`.
#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "config/feeders.hpp"
#include "config/tables.hpp"

namespace config {

namespace {

using namespace std::string_view_literals;

constexpr std::array group_keys{"name"sv,          "prefixes"sv,        "mode"sv,      "table"sv,
                                "metric"sv,        "fail_back_after"sv, "when_down"sv, "keep_on_exit"sv,
                                "rule_priority"sv, "source"sv};
// Of the feed routes: they say nothing without prefixes.
constexpr std::array route_keys{"mode"sv,      "table"sv,        "metric"sv,        "fail_back_after"sv,
                                "when_down"sv, "keep_on_exit"sv, "rule_priority"sv, "source"sv};
constexpr std::array place_keys{"weight"sv, "source_table"sv};  // of an [[adjacency]]
constexpr std::int64_t last_number = 0xffff'ffff;

std::uint32_t number_or(const Table& table, std::string_view key, std::int64_t least, std::int64_t greatest,
                        std::uint32_t otherwise, Report& report) {
    const auto number = integer_at(table, key, least, greatest, report);
    return number ? static_cast<std::uint32_t>(*number) : otherwise;
}

// The index of one of two words; 0 when it is not there, or wrong.
std::size_t one_of(const Table& table, std::string_view key, std::string_view first, std::string_view second,
                   Report& report) {
    const auto text = string_at(table, key, report);
    if (!text || *text == first) return 0;
    if (*text == second) return 1;
    report.add(find(table, key)->node.place,
               std::string{key} + " must be " + quoted(first) + " or " + quoted(second) + ", not " + quoted(*text));
    return 0;
}

// The kernel's own tables: default, main, local.
void refuse_kernels(const Table& table, std::string_view key, std::uint32_t number, bool main_too, Report& report) {
    if (number == 253 || number == 255 || (number == 254 && main_too))
        report.add(find(table, key)->node.place,
                   std::string{key} + (main_too ? " must not be 253 to 255, the kernel's own default, main and local"
                                                : " must not be 253 or 255, the kernel's own default and local"));
}

void read_routes(const Table& table, Group& out, Report& report) {
    out.prefixes = prefixes_at(table, "prefixes", report);
    out.mode = static_cast<GroupMode>(one_of(table, "mode", "active-passive", "active-active", report));
    out.when_down = static_cast<WhenDown>(one_of(table, "when_down", "keep", "withdraw", report));
    out.table = number_or(table, "table", 1, last_number, out.table, report);
    refuse_kernels(table, "table", out.table, false, report);
    out.metric = number_or(table, "metric", 1, last_number, out.metric, report);
    out.rule_priority = number_or(table, "rule_priority", 1, 32'765, out.rule_priority, report);
    out.source = address_at(table, "source", report);
    out.keep_on_exit = bool_at(table, "keep_on_exit", report).value_or(false);
    constexpr DurationLimits an_hour{std::chrono::microseconds{0}, std::chrono::hours{1}, "0s..3600s"};
    if (const auto after = duration_at(table, "fail_back_after", an_hour, report)) out.fail_back_after = *after;
    for (const auto key : route_keys)
        if (const auto* entry = find(table, key); entry != nullptr && find(table, "prefixes") == nullptr)
            report.add(entry->place, std::string{key} +
                                         " says nothing without prefixes, for the feed \"routes\": add "
                                         "prefixes = [...] or remove it");
    const auto is_same = [&](const base::Prefix& prefix) { return prefix.address.family == out.source->family; };
    if (out.source && !out.prefixes.empty() && std::ranges::none_of(out.prefixes, is_same))
        report.add(find(table, "source")->node.place, "source must be of the family of some prefix, IPv4 or IPv6");
}

std::vector<const Adjacency*> members(const Config& config, std::string_view group) {
    std::vector<const Adjacency*> out;
    for (const auto& adjacency : config.adjacencies)
        if (adjacency.group == group) out.push_back(&adjacency);
    return out;
}

// Of the [[adjacency]] that this table is; null: it has errors of its own.
const Adjacency* entry_of(const Table& table, const Config& config) {
    const auto* interface = find(table, "interface");
    const auto* peer = find(table, "peer");
    if (interface == nullptr || peer == nullptr) return nullptr;
    const auto* name = std::get_if<std::string>(&interface->node.value);
    const auto* key = std::get_if<std::string>(&peer->node.value);
    if (name == nullptr || key == nullptr) return nullptr;
    for (const auto& adjacency : config.adjacencies)
        if (adjacency.interface == *name && adjacency::PublicKey::from_base64(*key) == adjacency.peer)
            return &adjacency;
    return nullptr;
}

void check_routes(const Table& table, const Adjacency& adjacency, const Config& config, Report& report) {
    const auto feed = place_of_feed(table, "routes");
    const auto group = std::ranges::find(config.groups, adjacency.group, &Group::name);
    if (feed && adjacency.group.empty())
        report.add(*feed, "the feed \"routes\" needs a group with prefixes: add group = \"...\"");
    else if (feed && group != config.groups.end() && group->prefixes.empty())
        report.add(*feed, "the feed \"routes\" needs the prefixes of the group " + quoted(adjacency.group) +
                              ": add prefixes = [...] to its [[group]]");
    if (const auto* entry = find(table, "priority"); entry != nullptr && adjacency.group.empty())
        report.add(entry->place, "priority says nothing without a group: add group = \"...\" or remove priority");
    if (has_feed(config, adjacency, "routes")) return;
    for (const auto key : place_keys)
        if (const auto* entry = find(table, key); entry != nullptr)
            report.add(entry->place, std::string{key} +
                                         " says nothing without the feed \"routes\": add it to feeds, or "
                                         "remove " +
                                         std::string{key});
}

void check_repair(const Table& table, const Adjacency& adjacency, const Config& config, Report& report) {
    const auto feed = place_of_feed(table, "repair");
    if (!feed) return;
    if (adjacency.group.empty())
        return report.add(*feed,
                          "the feed \"repair\" needs a group, whose others back this one up: add group = \"...\"");
    const auto all = members(config, adjacency.group);
    if (std::ranges::none_of(all, [&](const Adjacency* other) { return other->interface != adjacency.interface; }))
        report.add(*feed, "the feed \"repair\" needs another adjacency of the group " + quoted(adjacency.group) +
                              ", on another interface");
}

// By table: whose it is, and where that stands.
using Tables = std::map<std::uint32_t, std::pair<std::string, Place>>;

void check_source_table(const Table& table, const Adjacency& adjacency, const Config& config, Tables& tables,
                        Report& report) {
    const auto* entry = find(table, "source_table");
    if (entry == nullptr || adjacency.source_table == 0) return;
    const auto place = entry->node.place;
    const auto [first, fresh] = tables.try_emplace(adjacency.source_table, "line " + std::to_string(place.line), place);
    if (!fresh)
        report.add(place, "source_table " + std::to_string(adjacency.source_table) + " is used already (" +
                              first->second.first + "): choose another table");
    if (config.bird.nexthop_table == adjacency.source_table)
        report.add(place, "source_table must not be BIRD's nexthop_table: choose another table");
}

}  // namespace

std::optional<Group> read_group(const Node& node, Seen& seen, Report& report) {
    const auto& table = std::get<Table>(node.value);
    refuse_unknown(table, {"in [[group]]", group_keys}, report);
    if (find(table, "name") == nullptr) report.add(node.place, "[[group]] needs name");
    Group out;
    read_routes(table, out, report);
    auto name = name_in(table, seen.groups, "group", report);
    if (!name) return std::nullopt;
    out.name = std::move(*name);
    return out;
}

void overlay_routes(const Table& table, Adjacency& out, Report& report) {
    out.priority = number_or(table, "priority", 1, 65'535, out.priority, report);
    out.weight = number_or(table, "weight", 1, 256, out.weight, report);
    out.source_table = number_or(table, "source_table", 1, last_number, out.source_table, report);
    refuse_kernels(table, "source_table", out.source_table, true, report);
}

namespace {

// The tables that groups name, each of which no source_table may be; and two groups never share a route in them. Groups
// that name none may be of two VRFs, with the same prefixes: the feed tells where they are not.
void check_groups(const Array& groups, const Config& config, Tables& tables, Report& report) {
    std::map<std::tuple<std::uint32_t, std::uint32_t, base::Prefix>, std::string> routes;
    for (const auto& node : groups) {
        const auto* table = std::get_if<Table>(&node.value);
        const auto* name = table == nullptr ? nullptr : find(*table, "name");
        const auto* text = name == nullptr ? nullptr : std::get_if<std::string>(&name->node.value);
        const auto group =
            text == nullptr ? config.groups.end() : std::ranges::find(config.groups, *text, &Group::name);
        if (group == config.groups.end()) continue;
        if (const auto* number = find(*table, "table")) {
            tables.try_emplace(group->table, "of the group " + quoted(group->name), number->node.place);
            if (config.bird.nexthop_table == group->table)
                report.add(number->node.place, "table must not be BIRD's nexthop_table: choose another table");
        }
        if (group->table == 0) continue;
        for (const auto& prefix : group->prefixes) {
            const auto [first, fresh] = routes.try_emplace({group->table, group->metric, prefix}, group->name);
            if (!fresh && first->second != group->name)
                report.add(find(*table, "prefixes")->node.place,
                           "the group " + quoted(first->second) + " has " + to_string(prefix) +
                               " already, with the same table and metric: change one of them");
        }
    }
}

}  // namespace

void check_group_feeds(const Table& root, const Config& config, Report& report) {
    Tables tables;
    if (const auto* entry = find(root, "group"))
        if (const auto* groups = std::get_if<Array>(&entry->node.value)) check_groups(*groups, config, tables, report);
    for_each_feeder(root, [&](const Table& table, bool is_adjacency) {
        if (!is_adjacency) return;
        const auto* adjacency = entry_of(table, config);
        if (adjacency == nullptr) return;
        check_routes(table, *adjacency, config, report);
        check_repair(table, *adjacency, config, report);
        check_source_table(table, *adjacency, config, tables, report);
    });
}

}  // namespace config
