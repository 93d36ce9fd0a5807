#include "daemon/rp_filters.hpp"

#include <algorithm>
#include <fstream>
#include <utility>

namespace wgbfd {

std::optional<int> RpFilters::read(const std::string& name) const {
    std::ifstream file{folder_ / name / "rp_filter"};
    if (int value = 0; file >> value) return value;
    return std::nullopt;
}

bool RpFilters::look(const std::set<std::string_view>& interfaces) {
    const auto all = read("all").value_or(0);
    bool changed = std::exchange(all_, all) != all;
    changed |= std::erase_if(own_, [&](const auto& item) { return !interfaces.contains(item.first); }) > 0;
    auto next = interfaces.upper_bound(last_);
    for (std::size_t n = std::min(interfaces.size(), at_once); n > 0; --n) {
        if (next == interfaces.end()) next = interfaces.begin();
        last_ = *next++;
        const auto value = read(last_);
        if (!value) {  // it went meanwhile: nothing is known of the next one of that name
            changed |= own_.erase(last_) > 0;
            continue;
        }
        const auto [own, fresh] = own_.try_emplace(last_);
        changed |= std::exchange(own->second, *value) != *value || fresh;
    }
    return (changed || own_.size() != reverse_paths_.size()) && judge();
}

bool RpFilters::is_strict(const std::string& interface) {
    auto own = own_.find(interface);
    if (own == own_.end()) {
        const auto value = read(interface);
        if (!value) return false;
        own = own_.emplace(interface, *value).first;
    }
    return std::max(all_, own->second) == 1;
}

// The kernel takes the greater of `all` and the interface's own; 2 is loose.
bool RpFilters::judge() {
    control::ReversePaths now;
    for (const auto& [name, own] : own_)
        now.emplace(name, std::max(all_, own) == 1 ? quality::ReversePath::strict : quality::ReversePath::open);
    return std::exchange(reverse_paths_, std::move(now)) != reverse_paths_;
}

}  // namespace wgbfd
