// A record as a line of `events --json`, as a line a person reads, and as a line of the log.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "control/controller.hpp"

namespace view {

nlohmann::json event(const control::Record& record);  // at, adjacency, event, from, to, cause; failover
std::string event_text(const nlohmann::json& event);
std::string log_line(const control::Record& record);  // "verdict adjacency=paris from=up to=down cause=detect-timeout"

}  // namespace view
