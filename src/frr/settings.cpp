#include "frr/settings.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace frr {
namespace {

constexpr std::array all_settings{Setting::ospf_cost, Setting::ospf6_cost, Setting::ipv4_weight, Setting::ipv6_weight,
                                  Setting::graceful_shutdown};
constexpr std::string_view no_line = "none";

std::optional<std::uint32_t> number(std::string_view text) {
    std::uint16_t out = 0;  // no cost and no weight is greater
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return out;
}

std::optional<Setting> parse_setting(std::string_view text) {
    for (const auto setting : all_settings)
        if (to_string(setting) == text) return setting;
    return std::nullopt;
}

// The last word, which is taken off `text`.
std::string last_word(std::string& text) {
    const auto space = text.rfind(' ');
    if (space == std::string::npos) return {};
    auto word = text.substr(space + 1);
    text.resize(space);
    return word;
}

// The line itself; without a value its beginning, which `no` takes.
std::string line_of(const Place& place, const Value& value) {
    const auto with = [&](const std::string& line) { return value ? line + ' ' + std::to_string(*value) : line; };
    switch (place.setting) {
        using enum Setting;
        case ospf_cost: return with("ip ospf cost");
        case ospf6_cost: return with("ipv6 ospf6 cost");
        case ipv4_weight:
        case ipv6_weight: return with("neighbor " + place.where + " weight");
        case graceful_shutdown: return "neighbor " + place.where + " graceful-shutdown";
    }
    return {};
}

// "50"; "none"; "none 10" where OSPF took 10 by itself.
std::string before_text(const Held& held) {
    if (held.before) return std::to_string(*held.before);
    std::string out{no_line};
    if (held.reckoned != 0) out.append(1, ' ').append(std::to_string(held.reckoned));
    return out;
}

bool parse_before(std::string_view text, Held& out) {
    if (!text.starts_with(no_line)) return (out.before = number(text)).has_value();
    text.remove_prefix(no_line.size());
    if (text.empty()) return true;
    const auto reckoned = text.front() == ' ' ? number(text.substr(1)) : std::nullopt;
    out.reckoned = reckoned.value_or(0);
    return reckoned.has_value();
}

bool parse_ours(std::string_view text, Held& out) {
    while (!text.empty()) {
        const auto space = std::min(text.find(' '), text.size());
        const auto one = number(text.substr(0, space));
        if (!one) return false;
        out.ours.push_back(*one);
        text.remove_prefix(std::min(space + 1, text.size()));
    }
    return true;
}

}  // namespace

NeighborSource source_of(Setting setting) {
    switch (setting) {
        using enum Setting;
        case ospf_cost: return NeighborSource::ospf;
        case ospf6_cost: return NeighborSource::ospf6;
        case ipv4_weight:
        case ipv6_weight:
        case graceful_shutdown: return NeighborSource::bgp;
    }
    return NeighborSource::bgp;
}

std::string to_string(const Place& place) {
    switch (place.setting) {
        using enum Setting;
        case ospf_cost: return place.where + "'s OSPF cost";
        case ospf6_cost: return place.where + "'s OSPFv3 cost";
        case ipv4_weight: return "the IPv4 weight of neighbour " + place.where;
        case ipv6_weight: return "the IPv6 weight of neighbour " + place.where;
        case graceful_shutdown: return "graceful-shutdown of neighbour " + place.where;
    }
    return {};
}

std::string to_string(const Place& place, const Value& value) {
    if (!value) return "none";
    return place.setting == Setting::graceful_shutdown ? "on" : std::to_string(*value);
}

std::vector<std::string> commands_for(const Place& place, const Value& value, const std::string& block) {
    std::vector<std::string> out{block};
    if (place.setting == Setting::ipv4_weight) out.emplace_back("address-family ipv4 unicast");
    if (place.setting == Setting::ipv6_weight) out.emplace_back("address-family ipv6 unicast");
    out.push_back(value ? line_of(place, value) : "no " + line_of(place, value));
    return out;
}

bool is_ours(const Held& held, const Value& present) {
    return present && std::ranges::find(held.ours, *present) != held.ours.end();
}

std::string to_subject(const std::string& directory, const Place& place) {
    return directory + ' ' + place.where + ' ' + std::string{to_string(place.setting)};
}

io::UndoRecord to_record(const std::string& directory, const Place& place, const Held& held) {
    std::string ours;
    for (const auto value : held.ours) {
        if (!ours.empty()) ours += ' ';
        ours += std::to_string(value);
    }
    return {vty_feed, to_subject(directory, place), before_text(held), ours};
}

std::optional<HeldRecord> parse_record(const io::UndoRecord& record) {
    if (record.feed != vty_feed) return std::nullopt;
    HeldRecord out{.directory = record.subject, .place = {}, .held = {}};
    const auto setting = parse_setting(last_word(out.directory));
    if (!setting) return std::nullopt;
    out.place = {*setting, last_word(out.directory)};  // a directory may hold spaces, an interface or a neighbour none
    if (out.place.where.empty() || out.directory.empty()) return std::nullopt;
    if (!parse_before(record.before, out.held) || !parse_ours(record.ours, out.held)) return std::nullopt;
    return out;
}

}  // namespace frr
