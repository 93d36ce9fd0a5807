#include "config/tables.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace config {

namespace {

using namespace std::string_view_literals;

constexpr std::array top_keys{"process"sv, "probe"sv,   "quality"sv, "interface"sv, "adjacency"sv, "session"sv, "frr"sv,
                              "bird"sv,    "damping"sv, "group"sv,   "metrics"sv,   "endpoint"sv,  "hook"sv};
constexpr std::array probe_keys{"interval"sv,      "multiplier"sv, "protocol"sv, "padding"sv,
                                "require_proof"sv, "trust_data"sv, "up_delay"sv, "bind"sv};
constexpr std::array interface_keys{"feeds"sv, "unsolicited"sv, "unsolicited_max"sv};
constexpr std::array feeds{"repair"sv,        "routes"sv,       "link"sv,     "frr-vty"sv, "bird-nexthop"sv,
                           "bird-protocol"sv, "bird-include"sv, "endpoint"sv, "hook"sv};

template <class List>
bool in(const List& list, std::string_view word) {
    return std::ranges::find(list, word) != list.end();
}

// The table of `[key]`; anything else under that name is reported.
const Table* table_at(const Table& root, std::string_view key, Report& report) {
    const auto* entry = find(root, key);
    if (entry == nullptr) return nullptr;
    const auto* table = std::get_if<Table>(&entry->node.value);
    if (table == nullptr) {
        const auto header = '[' + std::string{key} + (key == "interface" ? ".NAME]" : "]");
        report.add(entry->place, std::string{key} + " must be a table: write " + header + " once");
    }
    return table;
}

// The entries of `[[key]]`.
const Array* tables_at(const Table& root, std::string_view key, Report& report) {
    const auto* entry = find(root, key);
    if (entry == nullptr) return nullptr;
    const auto* array = std::get_if<Array>(&entry->node.value);
    const auto is_table = [](const Node& node) { return std::holds_alternative<Table>(node.value); };
    if (array != nullptr && std::ranges::all_of(*array, is_table)) return array;
    const auto header = "[[" + std::string{key} + "]]";
    report.add(entry->place, std::string{key} + " must be a list of tables: write " + header + " above each");
    return nullptr;
}

Bind read_bind(const Table& table, Report& report) {
    const auto text = string_at(table, "bind", report);
    if (!text || *text == "any") return Bind::any;
    if (*text == "addresses") return Bind::addresses;
    report.add(find(table, "bind")->node.place, "bind must be \"any\" or \"addresses\", not " + quoted(*text));
    return Bind::any;
}

void read_probe(const Table& table, Config& config, Report& report) {
    refuse_unknown(table, {"in [probe]", probe_keys}, report);
    overlay_probe(table, config.probe, report);
    config.bind = read_bind(table, report);
}

std::optional<Interface> read_interface(const Entry& entry, Report& report) {
    const auto title = "[interface." + entry.key + "]";
    const auto name = interface_name(entry.key, entry.place, report);
    const auto* table = std::get_if<Table>(&entry.node.value);
    if (table == nullptr) {
        report.add(entry.place, "interface " + quoted(entry.key) + " must be a table: write " + title + " once");
        return std::nullopt;
    }
    const auto where = "in " + title;
    refuse_unknown(*table, {where, interface_keys}, report);
    Interface out;
    out.feeds = feeds_at(*table, report);
    out.unsolicited = prefixes_at(*table, "unsolicited", report);
    if (const auto most = integer_at(*table, "unsolicited_max", 1, 65'535, report)) {
        out.unsolicited_max = static_cast<std::uint32_t>(*most);
        if (find(*table, "unsolicited") == nullptr)
            report.add(find(*table, "unsolicited_max")->place,
                       "unsolicited_max says nothing without unsolicited: add unsolicited = [prefixes] or remove it");
    }
    if (!name) return std::nullopt;
    out.name = *name;
    return out;
}

std::optional<Protocol> protocol_at(const Table& table, Report& report) {
    const auto text = string_at(table, "protocol", report);
    if (!text) return std::nullopt;
    if (*text == "bfd") return Protocol::bfd;
    if (*text == "icmp") return Protocol::icmp;
    report.add(find(table, "protocol")->node.place, "protocol must be \"bfd\" or \"icmp\", not " + quoted(*text));
    return std::nullopt;
}

// The address may be IPv6's, which takes more: see check_padding() of an [[adjacency]].
std::optional<std::uint16_t> padding_at(const Table& table, Report& report) {
    const auto* entry = find(table, "padding");
    if (entry == nullptr) return std::nullopt;
    const auto* bytes = std::get_if<std::int64_t>(&entry->node.value);
    const bool fits = bytes != nullptr && *bytes >= least_padding_v4 && *bytes <= UINT16_MAX;
    if (fits || (bytes != nullptr && *bytes == 0)) return static_cast<std::uint16_t>(*bytes);
    report.add(entry->node.place, "padding must be 0 (none) or " + std::to_string(least_padding_v4) +
                                      "..65535, the bytes of an IP packet with BFD in it" +
                                      (bytes != nullptr ? ", not " + std::to_string(*bytes) : std::string{}));
    return std::nullopt;
}

}  // namespace

bool is_interface_name(std::string_view name) {
    constexpr std::size_t longest = 15;  // IFNAMSIZ without its NUL
    const auto bad = [](char c) { return c == '/' || c == ':' || static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; };
    return !name.empty() && name.size() <= longest && name != "." && name != ".." && std::ranges::none_of(name, bad);
}

std::optional<std::string> interface_name(std::string name, Place place, Report& report) {
    if (is_interface_name(name)) return name;
    report.add(place, quoted(name) + " is no interface name: 1 to 15 characters without spaces, '/' and ':'");
    return std::nullopt;
}

std::vector<base::Prefix> prefixes_at(const Table& table, std::string_view key, Report& report) {
    std::vector<base::Prefix> out;
    for (const auto& word : words_at(table, key, report)) {
        const auto prefix = base::Prefix::parse(word.text);
        if (!prefix) {
            report.add(word.place,
                       std::string{key} + " " + quoted(word.text) + " is no prefix such as \"10.8.0.0/24\"");
            continue;
        }
        auto first = *prefix;
        for (unsigned bit = first.length; bit < first.address.bits(); ++bit)
            first.address.bytes[bit / 8] &= static_cast<std::uint8_t>(~(0x80U >> (bit % 8)));
        if (first != *prefix)
            report.add(word.place, std::string{key} + " " + quoted(word.text) + " has bits beyond its length: write " +
                                       quoted(to_string(first)));
        else
            out.push_back(first);
    }
    return out;
}

std::vector<std::string> feeds_at(const Table& table, Report& report) {
    std::vector<std::string> out;
    for (auto& word : words_at(table, "feeds", report)) {
        if (in(feeds, word.text)) {
            out.push_back(std::move(word.text));
        } else if (word.text == "frr-bfd") {
            report.add(word.place, "\"frr-bfd\" is no feed: set bfd_dataplane in [frr] instead");
        } else {
            const auto close = nearest(word.text, feeds);
            const auto hint =
                close.empty() ? "; known are repair, routes, link, frr-vty, bird-nexthop, bird-protocol, bird-include, "
                                "endpoint, hook"
                              : "; did you mean " + quoted(close) + "?";
            report.add(word.place, "unknown feed " + quoted(word.text) + hint);
        }
    }
    return out;
}

void overlay_timers(const Table& table, Probe& probe, Report& report) {
    if (const auto interval = interval_at(table, "interval", report)) probe.interval = *interval;
    if (const auto multiplier = integer_at(table, "multiplier", 1, 255, report))
        probe.multiplier = static_cast<std::uint8_t>(*multiplier);
}

void overlay_probe(const Table& table, Probe& probe, Report& report) {
    overlay_timers(table, probe, report);
    if (const auto proof = bool_at(table, "require_proof", report)) probe.require_proof = *proof;
    if (const auto trust = bool_at(table, "trust_data", report)) probe.trust_data = *trust;
    constexpr DurationLimits an_hour{std::chrono::microseconds{0}, std::chrono::hours{1}, "0s..3600s"};
    if (const auto delay = duration_at(table, "up_delay", an_hour, report)) probe.up_delay = *delay;
    if (const auto protocol = protocol_at(table, report)) probe.protocol = *protocol;
    if (const auto padding = padding_at(table, report)) probe.padding = *padding;
}

bool has_feed(const Config& config, const Adjacency& adjacency, std::string_view feed) {
    if (in(adjacency.feeds, feed)) return true;
    const auto interface = std::ranges::find(config.interfaces, adjacency.interface, &Interface::name);
    return interface != config.interfaces.end() && in(interface->feeds, feed);
}

base::Result<Config, Errors> read(const Table& root) {
    Config config;
    Report report;
    Seen seen;
    refuse_unknown(root, {"at the top level", top_keys}, report);
    if (const auto* table = table_at(root, "process", report)) config.process = read_process(*table, report);
    if (const auto* table = table_at(root, "probe", report)) read_probe(*table, config, report);
    if (const auto* table = table_at(root, "quality", report))
        overlay_quality(*table, "in [quality]", config.quality, report);
    if (const auto* table = table_at(root, "damping", report)) config.damping = read_damping(*table, report);
    if (const auto* array = tables_at(root, "group", report))
        for (const auto& node : *array)
            if (auto found = read_group(node, seen, report)) config.groups.push_back(std::move(*found));
    if (const auto* table = table_at(root, "endpoint", report)) config.endpoint = read_endpoint(*table, report);
    if (const auto* table = table_at(root, "hook", report)) config.hook = read_hook(*table, report);
    if (const auto* table = table_at(root, "interface", report))
        for (const auto& entry : *table)
            if (auto found = read_interface(entry, report)) config.interfaces.push_back(std::move(*found));
    if (const auto* array = tables_at(root, "adjacency", report))
        for (const auto& node : *array)
            if (auto found = read_adjacency(node, config, seen, report))
                config.adjacencies.push_back(std::move(*found));
    if (const auto* array = tables_at(root, "session", report))
        for (const auto& node : *array)
            if (auto found = read_session(node, config.probe, seen, report))
                config.sessions.push_back(std::move(*found));
    if (const auto* table = table_at(root, "frr", report)) config.frr = read_frr(*table, report);
    if (const auto* table = table_at(root, "bird", report)) config.bird = read_bird(*table, report);
    if (const auto* table = table_at(root, "metrics", report)) config.metrics = read_metrics(*table, report);
    check_bird_feeds(root, config, report);
    check_frr_feeds(root, config, report);
    check_endpoint_feeds(root, config, report);
    check_hook_feeds(root, config, report);
    check_group_feeds(root, config, report);
    auto errors = std::move(report).take();
    if (!errors.empty()) return tl::unexpected{std::move(errors)};
    return config;
}

}  // namespace config
