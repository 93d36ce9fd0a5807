#include "adjacency/peer.hpp"

#include <cstddef>
#include <utility>

namespace adjacency {

namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::size_t base64_length = 44;  // characters: 43 that carry bits, and one '='

std::optional<std::uint8_t> hex_digit(char c) {
    if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
    if (c >= 'A' && c <= 'F') return static_cast<std::uint8_t>(c - 'A' + 10);
    return std::nullopt;
}

}  // namespace

std::optional<PublicKey> PublicKey::from_base64(std::string_view text) {
    if (text.size() != base64_length || text.back() != '=') return std::nullopt;
    PublicKey key;
    std::uint32_t bits = 0;
    unsigned held = 0;
    std::size_t used = 0;
    for (const char c : text.substr(0, base64_length - 1)) {
        const auto value = alphabet.find(c);
        if (value == std::string_view::npos) return std::nullopt;
        bits = (bits << 6) | static_cast<std::uint32_t>(value);
        held += 6;
        if (held < 8) continue;
        held -= 8;
        key.bytes[used++] = static_cast<std::uint8_t>(bits >> held);
    }
    // 43 × 6 = 258 bits: the last two belong to no byte. Set, they would make a second spelling of one key.
    if ((bits & 0b11U) != 0) return std::nullopt;
    return key;
}

std::optional<PublicKey> PublicKey::from_hex(std::string_view text) {
    PublicKey key;
    if (text.size() != 2 * key.bytes.size()) return std::nullopt;
    for (std::size_t i = 0; i < key.bytes.size(); ++i) {
        const auto high = hex_digit(text[2 * i]);
        const auto low = hex_digit(text[2 * i + 1]);
        if (!high || !low) return std::nullopt;
        key.bytes[i] = static_cast<std::uint8_t>(*high << 4 | *low);
    }
    return key;
}

std::string to_base64(const PublicKey& key) {
    std::string out;
    out.reserve(base64_length);
    std::uint32_t bits = 0;
    unsigned held = 0;
    for (const auto byte : key.bytes) {
        bits = (bits << 8) | byte;
        held += 8;
        while (held >= 6) {
            held -= 6;
            out += alphabet[(bits >> held) & 0x3fU];
        }
    }
    out += alphabet[(bits << (6 - held)) & 0x3fU];
    out += '=';
    return out;
}

}  // namespace adjacency
