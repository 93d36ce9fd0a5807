// toml++ ends here: what leaves this file is Node.
#include "config/parse.hpp"

#include <algorithm>
#include <tuple>

#include <toml++/toml.h>

#include "config/node.hpp"
#include "config/tables.hpp"

namespace config {

namespace {

Place place_of(const toml::source_region& source) { return {source.begin.line, source.begin.column}; }

Node node_of(const toml::node& in);

Table table_of(const toml::table& in) {
    Table out;
    out.reserve(in.size());
    for (const auto& [key, node] : in) out.push_back({std::string{key.str()}, place_of(key.source()), node_of(node)});
    // toml++ sorts by key; the file's own order makes the first of two the first one written.
    std::ranges::stable_sort(out, {}, [](const Entry& e) { return std::tuple{e.place.line, e.place.column}; });
    return out;
}

Node node_of(const toml::node& in) {
    Node out{.value = Other{}, .place = place_of(in.source())};
    if (const auto* table = in.as_table()) {
        out.value = table_of(*table);
    } else if (const auto* array = in.as_array()) {
        Array nodes;
        nodes.reserve(array->size());
        for (const auto& node : *array) nodes.push_back(node_of(node));
        out.value = std::move(nodes);
    } else if (const auto* text = in.as_string()) {
        out.value = text->get();
    } else if (const auto* integer = in.as_integer()) {
        out.value = integer->get();
    } else if (const auto* number = in.as_floating_point()) {
        out.value = number->get();
    } else if (const auto* boolean = in.as_boolean()) {
        out.value = boolean->get();
    }
    return out;
}

}  // namespace

base::Result<Config, Errors> parse(std::string_view text) {
    try {
        return read(table_of(toml::parse(text)));
    } catch (const toml::parse_error& error) {
        const auto place = place_of(error.source());
        return tl::unexpected{Errors{{place.line, place.column, "not TOML: " + std::string{error.description()}}}};
    }
}

std::string to_string(const Error& error, std::string_view file) {
    std::string out{file};
    if (error.line != 0)
        out.append(":").append(std::to_string(error.line)).append(":").append(std::to_string(error.column));
    return out.append(": ").append(error.message);
}

}  // namespace config
