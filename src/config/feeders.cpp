#include "config/feeders.hpp"

#include <algorithm>

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

bool has_interface_feed(const Table& adjacency, const Config& config, std::string_view feed) {
    const auto* entry = find(adjacency, "interface");
    const auto* name = entry == nullptr ? nullptr : std::get_if<std::string>(&entry->node.value);
    if (name == nullptr) return false;
    const auto interface = std::ranges::find(config.interfaces, *name, &Interface::name);
    return interface != config.interfaces.end() && std::ranges::find(interface->feeds, feed) != interface->feeds.end();
}

}  // namespace config
