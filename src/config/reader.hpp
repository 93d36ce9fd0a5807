// Typed reading of one TOML table: every mistake becomes an error with its place, every key nobody asked for too.
#pragma once

#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "config/node.hpp"
#include "config/parse.hpp"

namespace config {

class Report {
public:
    void add(Place place, std::string message) { errors_.push_back({place.line, place.column, std::move(message)}); }
    Errors take() &&;  // in the order of the file

private:
    Errors errors_;
};

struct Known {
    std::string_view where;  // "in [probe]", as the file writes it; "at the top level"
    std::span<const std::string_view> keys;
};

// Reports each key of `table` that is not in `known`, with the table it belongs in or the nearest key that is.
void refuse_unknown(const Table& table, const Known& known, Report& report);

// `name` is at most a slip of the finger away from one of `known`: that one, else "".
std::string_view nearest(std::string_view name, std::span<const std::string_view> known);

const Entry* find(const Table& table, std::string_view key);

// Each answers nothing when the key is absent or wrong; wrong has been reported then.
std::optional<std::string> string_at(const Table& table, std::string_view key, Report& report);
std::optional<bool> bool_at(const Table& table, std::string_view key, Report& report);
std::optional<std::int64_t> integer_at(const Table& table, std::string_view key, std::int64_t least,
                                       std::int64_t greatest, Report& report);
std::optional<bfd::Microseconds> interval_at(const Table& table, std::string_view key, Report& report);
// A duration between these two, which the error names as they are written.
struct DurationLimits {
    std::chrono::microseconds least, greatest;
    std::string_view written;  // "3.3ms..60s"
};
std::optional<std::chrono::microseconds> duration_at(const Table& table, std::string_view key,
                                                     const DurationLimits& limits, Report& report);
std::optional<base::IpAddress> address_at(const Table& table, std::string_view key, Report& report);

struct Word {
    std::string text;
    Place place;
};
// An array of strings; an empty one and an absent one are the same. A string listed twice is an error.
std::vector<Word> words_at(const Table& table, std::string_view key, Report& report);

// "50ms", "3.3ms", "1s", "500us": digits, at most one point, a unit, nothing else, in whole microseconds.
std::optional<std::chrono::microseconds> parse_duration(std::string_view text);

std::string quoted(std::string_view text);  // with control characters made visible, cut when long

}  // namespace config
