// The tables that may have `feeds`, for checks of what a feed needs elsewhere.
#pragma once

#include <optional>
#include <string_view>

#include "config/tables.hpp"

namespace config {

// The place of `feed` in a table's feeds; none when it is not there.
std::optional<Place> place_of_feed(const Table& table, std::string_view feed);

// The interface of an [[adjacency]] names the feed.
bool has_interface_feed(const Table& adjacency, const Config& config, std::string_view feed);

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

}  // namespace config
