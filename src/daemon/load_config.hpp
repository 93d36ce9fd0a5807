// The configuration, from its file.
#pragma once

#include <filesystem>

#include "config/config.hpp"

namespace wgbfd {

// Reads and parses; throws std::runtime_error with every error, one a line, as FILE:LINE:COLUMN: message.
config::Config load_config(const std::filesystem::path& path);

}  // namespace wgbfd
