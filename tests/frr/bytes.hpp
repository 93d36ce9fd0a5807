// Bytes as a packet dump writes them, and messages as bfdd writes them.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "frr/dataplane_codec.hpp"

namespace test {

using Buffer = std::vector<std::byte>;

// "01 00 00 02", any white space between.
inline Buffer hex(std::string_view text) {
    Buffer out;
    int high = -1;
    for (const char c : text) {
        const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0) continue;
        if (high >= 0) out.push_back(static_cast<std::byte>(high * 16 + digit));
        high = high >= 0 ? -1 : digit;
    }
    return out;
}

// DP_ADD_SESSION as FRR 8.4.4 sent it for `peer 10.9.0.2 interface ffv0`, profile tx 50, rx 60, multiplier 4.
inline Buffer captured_add() {
    auto out = hex(R"(01 00 00 02 00 00 00 8c 00 00 00 00 00 00 00 00
                      00 00 00 00 00 00 00 00 00 00 00 00 0a 09 00 02
                      00 00 00 00 00 00 00 00 00 00 00 00 b2 b6 da 96
                      00 00 c3 50 00 00 ea 60 00 00 c3 50 00 00 c3 50
                      00 00 00 00 ff 04 00 00 00 00 00 02 66 66 76 30)");
    out.resize(frr::session_length);
    return out;
}

inline void put32(Buffer& out, std::size_t at, std::uint32_t value) {
    for (std::size_t i = 0; i < 4; ++i) out[at + i] = static_cast<std::byte>(value >> (8 * (3 - i)));
}

inline Buffer add(std::uint32_t lid, std::uint32_t flags = 0) {
    auto out = captured_add();
    put32(out, 8, flags);
    put32(out, 44, lid);
    return out;
}
inline Buffer remove(std::uint32_t lid) {
    auto out = add(lid);
    out[3] = std::byte{3};
    return out;
}
inline Buffer counters_request(std::uint16_t id, std::uint32_t lid) {
    auto out = hex("01 00 00 05 00 00 00 0c 00 00 00 00");
    out[4] = static_cast<std::byte>(id >> 8);
    out[5] = static_cast<std::byte>(id);
    put32(out, 8, lid);
    return out;
}

}  // namespace test
