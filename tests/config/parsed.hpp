// What a text parses to, for the tests of this room.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "config/parse.hpp"

inline const std::string key_a = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
inline const std::string key_b = "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

inline std::vector<std::string> bad(const std::string& text) {
    std::vector<std::string> out;
    if (const auto parsed = config::parse(text); !parsed)
        for (const auto& error : parsed.error()) out.push_back(to_string(error, "f"));
    return out;
}

inline config::Config good(const std::string& text) {
    CAPTURE(text);
    const auto parsed = config::parse(text);
    if (!parsed)
        for (const auto& error : bad(text)) FAIL_CHECK(error);
    REQUIRE(parsed.has_value());
    return *parsed;
}
