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

}  // namespace adjacency
