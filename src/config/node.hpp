// A TOML document as plain values with their places, so that toml++ stays in parse.cpp and everything that judges keys
// reads this. Dates and times have no use here and arrive as `Other`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace config {

struct Place {
    std::uint32_t line = 0;    // from 1
    std::uint32_t column = 0;  // from 1
};

struct Entry;
struct Node;
using Table = std::vector<Entry>;  // in the order of the file
using Array = std::vector<Node>;
struct Other {};

struct Node {
    std::variant<Other, bool, std::int64_t, double, std::string, Array, Table> value;
    Place place;
};

struct Entry {
    std::string key;
    Place place;
    Node node;
};

constexpr std::string_view kind(const Node& node) {
    constexpr std::string_view names[] = {"a date or time", "true or false", "an integer", "a number",
                                          "a string",       "an array",      "a table"};
    return names[node.value.index()];
}

}  // namespace config
