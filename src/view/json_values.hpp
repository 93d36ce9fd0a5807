// Values as the JSON of status and events has them.
#pragma once

#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

#include "base/time.hpp"

namespace view {

nlohmann::json or_null(const std::string& text);  // null: empty
std::int64_t micros(base::Duration d);

}  // namespace view
