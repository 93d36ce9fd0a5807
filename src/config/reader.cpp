#include "config/reader.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace config {

namespace {

using namespace std::string_view_literals;

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i + 1;
        for (std::size_t j = 0; j < b.size(); ++j) {
            const auto above = row[j + 1];
            row[j + 1] = std::min({above + 1, row[j] + 1, diagonal + (a[i] == b[j] ? 0U : 1U)});
            diagonal = above;
        }
    }
    return row.back();
}

std::string listed(std::span<const std::string_view> words) {
    std::string out;
    for (const auto word : words) out.append(out.empty() ? "" : ", ").append(word);
    return out;
}

std::string must_be(std::string_view key, std::string_view what, const Node& node) {
    std::string out{key};
    return out.append(" must be ").append(what).append(", not ").append(kind(node));
}

// A key that stands in the wrong table: where it belongs. Empty when no table has it.
std::string_view home_of(std::string_view key) {
    struct Home {
        std::string_view key, table;
    };
    static constexpr Home homes[] = {
        {"interval", "[probe]"},
        {"multiplier", "[probe]"},
        {"padding", "[probe] or [[adjacency]]"},
        {"protocol", "[probe] or [[adjacency]]"},
        {"require_proof", "[probe] or [[adjacency]]"},
        {"bind", "[probe]"},
        {"up_delay", "[probe] or [[adjacency]]"},
        {"method", "[quality]"},
        {"degraded", "[quality]"},
        {"half_life", "[damping]"},
        {"suppress", "[damping]"},
        {"reuse", "[damping]"},
        {"cost", "[[adjacency]]"},
        {"unsolicited", "[interface.NAME]"},
        {"unsolicited_max", "[interface.NAME]"},
        {"feeds", "[interface.NAME] or [[adjacency]]"},
        {"peer", "[[adjacency]]"},
        {"address", "[[adjacency]]"},
        {"local", "[[session]]"},
        {"remote", "[[session]]"},
        {"multihop", "[[session]]"},
        {"minimum_ttl", "[[session]]"},
        {"bfd_dataplane", "[frr]"},
        {"vty", "[frr]"},
        {"fpm", "[frr]"},
        {"control", "[bird]"},
        {"nexthop_table", "[bird]"},
        {"bird_protocol", "[[adjacency]]"},
        {"endpoints", "[[adjacency]]"},
        {"fail_back", "[endpoint]"},
        {"resolve", "[endpoint]"},
        {"kick", "[endpoint]"},
        {"command", "[hook]"},
        {"at_most", "[hook]"},
    };
    const auto found = std::ranges::find(homes, key, &Home::key);
    return found == std::end(homes) ? ""sv : found->table;
}

template <class T>
const T* value_at(const Table& table, std::string_view key, std::string_view what, Report& report) {
    const auto* entry = find(table, key);
    if (entry == nullptr) return nullptr;
    const auto* value = std::get_if<T>(&entry->node.value);
    if (value == nullptr) report.add(entry->node.place, must_be(key, what, entry->node));
    return value;
}

Place place_of(const Table& table, std::string_view key) { return find(table, key)->node.place; }

}  // namespace

Errors Report::take() && {
    std::ranges::stable_sort(errors_, {}, [](const Error& e) { return std::tuple{e.line, e.column}; });
    return std::move(errors_);
}

std::string quoted(std::string_view text) {
    constexpr std::size_t most = 80;  // bytes of a message spent on repeating what is wrong
    std::string out = "\"";
    for (const char c : text.substr(0, most)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
    // Not in the middle of a character: UTF-8 continuation bytes start with the bits 10.
    if (text.size() > most) {
        while ((static_cast<unsigned char>(out.back()) & 0xc0U) == 0x80U) out.pop_back();
        if (static_cast<unsigned char>(out.back()) >= 0xc0U) out.pop_back();
        out += "...";
    }
    return out += '"';
}

std::string_view nearest(std::string_view name, std::span<const std::string_view> known) {
    constexpr std::size_t longest_worth_comparing = 64;
    if (name.size() > longest_worth_comparing) return {};
    std::string_view best;
    std::size_t least = 3;  // two slips are close, three are another word
    for (const auto candidate : known) {
        const auto distance = edit_distance(name, candidate);
        if (distance >= least || distance >= candidate.size()) continue;
        least = distance;
        best = candidate;
    }
    return best;
}

void refuse_unknown(const Table& table, const Known& known, Report& report) {
    const auto in = [](std::span<const std::string_view> list, const std::string& key) {
        return std::ranges::find(list, std::string_view{key}) != list.end();
    };
    for (const auto& entry : table) {
        if (in(known.keys, entry.key)) continue;
        std::string message = "unknown key ";
        message.append(quoted(entry.key)).append(" ").append(known.where);
        if (const auto home = home_of(entry.key); !home.empty())
            message.append("; it belongs in ").append(home);
        else if (const auto close = nearest(entry.key, known.keys); !close.empty())
            message.append("; did you mean ").append(quoted(close)).append("?");
        else
            message.append("; known are ").append(listed(known.keys));
        report.add(entry.place, std::move(message));
    }
}

const Entry* find(const Table& table, std::string_view key) {
    const auto found = std::ranges::find(table, key, &Entry::key);
    return found == table.end() ? nullptr : &*found;
}

std::optional<std::string> string_at(const Table& table, std::string_view key, Report& report) {
    const auto* text = value_at<std::string>(table, key, "a string", report);
    return text == nullptr ? std::nullopt : std::optional{*text};
}

std::optional<bool> bool_at(const Table& table, std::string_view key, Report& report) {
    const auto* value = value_at<bool>(table, key, "true or false", report);
    return value == nullptr ? std::nullopt : std::optional{*value};
}

std::optional<std::int64_t> integer_at(const Table& table, std::string_view key, std::int64_t least,
                                       std::int64_t greatest, Report& report) {
    const auto range = "an integer from " + std::to_string(least) + " to " + std::to_string(greatest);
    const auto* value = value_at<std::int64_t>(table, key, range, report);
    if (value == nullptr) return std::nullopt;
    if (*value >= least && *value <= greatest) return *value;
    report.add(place_of(table, key), std::string{key} + " must be " + range + ", not " + std::to_string(*value));
    return std::nullopt;
}

std::optional<std::chrono::microseconds> parse_duration(std::string_view text) {
    constexpr std::size_t most_digits = 9;
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    const auto digits_of = [&](std::string_view in) {
        return static_cast<std::size_t>(std::ranges::find_if_not(in, is_digit) - in.begin());
    };
    const auto whole = text.substr(0, digits_of(text));
    text.remove_prefix(whole.size());
    if (whole.empty() || whole.size() > most_digits) return std::nullopt;
    std::string_view fraction;
    if (text.starts_with('.')) {
        fraction = text.substr(1, digits_of(text.substr(1)));
        text.remove_prefix(1 + fraction.size());
        if (fraction.empty() || fraction.size() > most_digits) return std::nullopt;
    }
    if (text != "us"sv && text != "ms"sv && text != "s"sv) return std::nullopt;
    const std::int64_t scale = text == "us"sv ? 1 : text == "ms"sv ? 1'000 : 1'000'000;
    std::int64_t micros = 0;
    for (const char c : whole) micros = micros * 10 + (c - '0');
    micros *= scale;
    std::int64_t unit = scale;
    for (const char c : fraction) {
        if (unit == 1 && c != '0') return std::nullopt;  // finer than a microsecond, which the wire cannot say
        if (unit == 1) continue;
        unit /= 10;
        micros += unit * (c - '0');
    }
    return std::chrono::microseconds{micros};
}

std::optional<std::chrono::microseconds> duration_at(const Table& table, std::string_view key,
                                                     const DurationLimits& limits, Report& report) {
    const auto* text = value_at<std::string>(table, key, "a duration such as \"50ms\"", report);
    if (text == nullptr) return std::nullopt;
    const auto duration = parse_duration(*text);
    if (duration && *duration >= limits.least && *duration <= limits.greatest) return duration;
    const auto rule = duration ? " must be " + std::string{limits.written} + ", not "
                               : std::string{" must be a duration such as \"50ms\", \"3.3ms\" or \"1s\", not "};
    report.add(place_of(table, key), std::string{key}.append(rule).append(quoted(*text)));
    return std::nullopt;
}

std::optional<bfd::Microseconds> interval_at(const Table& table, std::string_view key, Report& report) {
    const auto duration = duration_at(table, key, {least_interval, greatest_interval, "3.3ms..60s"}, report);
    if (!duration) return std::nullopt;
    return std::chrono::duration_cast<bfd::Microseconds>(*duration);
}

std::optional<base::IpAddress> address_at(const Table& table, std::string_view key, Report& report) {
    const auto text = string_at(table, key, report);
    if (!text) return std::nullopt;
    const auto refuse = [&](std::string_view why) {
        report.add(place_of(table, key), std::string{key}.append(" ").append(quoted(*text)).append(why));
        return std::nullopt;
    };
    if (text->find('%') != std::string::npos) return refuse(" must stand without %zone: the interface has its own key");
    if (text->find('/') != std::string::npos) return refuse(" must be one address, without a prefix length");
    const auto address = base::IpAddress::parse(*text);
    if (!address) return refuse(" is no IPv4 or IPv6 address");
    if (address->is_unspecified() || address->is_multicast()) return refuse(" is not the address of one host");
    return address;
}

std::vector<Word> words_at(const Table& table, std::string_view key, Report& report) {
    const auto* array = value_at<Array>(table, key, "an array of strings", report);
    std::vector<Word> out;
    if (array == nullptr) return out;
    for (const auto& node : *array) {
        const auto* text = std::get_if<std::string>(&node.value);
        if (text == nullptr) {
            report.add(node.place, must_be(key, "an array of strings alone", node));
        } else if (std::ranges::find(out, *text, &Word::text) != out.end()) {
            report.add(node.place, std::string{key} + " lists " + quoted(*text) + " twice");
        } else {
            out.push_back({*text, node.place});
        }
    }
    return out;
}

}  // namespace config
