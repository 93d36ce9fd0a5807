#include "wireguard/name_cache.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace wireguard {
namespace {

constexpr std::size_t most_addresses = 8;  // of one name
const std::vector<base::IpAddress> none;

}  // namespace

std::optional<Looked> parse_looked(std::string_view text) {
    Looked out;
    while (!text.empty()) {
        const auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        if (line.starts_with("ttl ")) {
            std::uint32_t seconds = 0;
            const auto digits = line.substr(4);
            const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), seconds);
            if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
            out.ttl = std::chrono::seconds{seconds};
            continue;
        }
        const auto address = base::IpAddress::parse(line);
        if (!address) return std::nullopt;
        if (!address->is_unspecified() && !address->is_multicast() && !address->is_link_local() &&
            std::ranges::find(out.addresses, *address) == out.addresses.end() && out.addresses.size() < most_addresses)
            out.addresses.push_back(*address);
    }
    if (out.addresses.empty()) return std::nullopt;
    return out;
}

void NameCache::want(std::set<std::string> names) {
    std::erase_if(names_, [&](const auto& entry) { return !names.contains(entry.first); });
    for (const auto& name : names) names_.try_emplace(name);
}

std::vector<std::string> NameCache::due(base::TimePoint now, const std::set<std::string>& urgent) {
    struct Due {
        bool waits;  // nobody is in a hurry
        base::TimePoint asked;
        std::string text;
        auto operator<=>(const Due&) const = default;
    };
    std::vector<Due> all;
    for (auto& [text, name] : names_) {
        const bool hurry =
            urgent.contains(text) && (name.asked == base::TimePoint::min() || now >= name.asked + soonest);
        if (!name.asking && (now >= name.due || hurry)) all.push_back({!urgent.contains(text), name.asked, text});
    }
    std::ranges::sort(all);
    std::vector<std::string> out;
    for (auto left = places(); const auto& due : all) {
        if (left-- == 0) break;
        auto& name = names_.at(due.text);
        name.asking = true;
        name.asked = now;
        out.push_back(due.text);
    }
    return out;
}

std::size_t NameCache::places() const {
    const auto asking = std::ranges::count_if(names_, [](const auto& entry) { return entry.second.asking; });
    return most_at_once - std::min(most_at_once, static_cast<std::size_t>(asking));
}

bool NameCache::on_answer(base::TimePoint now, const std::string& text, std::optional<Looked> answer,
                          base::Duration longest) {
    const auto at = names_.find(text);
    if (at == names_.end()) return false;
    auto& name = at->second;
    name.asking = false;
    name.failed = !answer.has_value();
    if (!answer) {
        name.due = now + std::min<base::Duration>(longest, 3 * soonest);
        return false;
    }
    name.due = now + std::clamp<base::Duration>(answer->ttl.value_or(longest), soonest, longest);
    // A resolver that turns its answers round says nothing new.
    auto sorted = [](std::vector<base::IpAddress> all) {
        std::ranges::sort(all);
        return all;
    };
    if (sorted(name.addresses) == sorted(answer->addresses)) return false;
    name.addresses = std::move(answer->addresses);
    return true;
}

const std::vector<base::IpAddress>& NameCache::addresses(const std::string& name) const {
    const auto at = names_.find(name);
    return at == names_.end() ? none : at->second.addresses;
}

std::vector<std::string> NameCache::unknown() const {
    std::vector<std::string> out;
    for (const auto& [text, name] : names_)
        if (name.failed && name.addresses.empty()) out.push_back(text);
    return out;
}

base::TimePoint NameCache::deadline() const {
    auto earliest = base::never;
    if (places() == 0) return earliest;  // an answer comes first
    for (const auto& [text, name] : names_)
        if (!name.asking) earliest = std::min(earliest, name.due);
    return earliest;
}

}  // namespace wireguard
