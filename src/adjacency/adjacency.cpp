#include "adjacency/adjacency.hpp"

#include <algorithm>
#include <cstddef>

namespace adjacency {

std::string default_name(const std::string& interface, const PublicKey& key, const std::vector<PublicKey>& others) {
    constexpr std::size_t least = 8;
    const auto text = to_base64(key);
    std::size_t length = least;
    for (const auto& other : others) {
        if (other == key) continue;
        const auto theirs = to_base64(other);
        const auto [differs, _] = std::ranges::mismatch(text, theirs);
        const auto shared = static_cast<std::size_t>(differs - text.begin());
        length = std::max(length, shared + 1);
    }
    return interface + "/" + text.substr(0, length);
}

bool is_bird_name(std::string_view name) {
    constexpr std::size_t longest = 63;  // BIRD's SYM_MAX_LEN without its NUL
    const auto good = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-' ||
               c == '.' || c == ':';
    };
    return !name.empty() && name.size() <= longest && std::ranges::all_of(name, good);
}

std::string bird_constant(std::string_view name, std::string_view what) {
    const auto plain = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    };
    std::string out = "wgbfd_";
    for (const char c : name) out += plain(c) ? c : '_';
    return out.append("_").append(what);
}

}  // namespace adjacency
