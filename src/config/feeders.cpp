#include "config/feeders.hpp"

namespace config {

std::optional<Place> place_of_feed(const Table& table, std::string_view feed) {
    const auto* entry = find(table, "feeds");
    const auto* array = entry == nullptr ? nullptr : std::get_if<Array>(&entry->node.value);
    if (array == nullptr) return std::nullopt;
    for (const auto& node : *array)
        if (const auto* text = std::get_if<std::string>(&node.value); text != nullptr && *text == feed)
            return node.place;
    return std::nullopt;
}

}  // namespace config
