// TOML text to Config: unknown keys, duplicate names and impossible combinations are errors, and all are reported at
// once, each with its place.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "config/config.hpp"

namespace config {

struct Error {
    std::uint32_t line = 0;    // from 1; 0: the file as a whole
    std::uint32_t column = 0;  // from 1
    std::string message;       // says what to write instead
    friend bool operator==(const Error&, const Error&) = default;
};
using Errors = std::vector<Error>;

base::Result<Config, Errors> parse(std::string_view toml);

// "FILE:LINE:COLUMN: message"
std::string to_string(const Error& error, std::string_view file);

}  // namespace config
