// Asks a running daemon over its control socket.
#pragma once

#include <functional>
#include <string>

#include <nlohmann/json.hpp>

#include "daemon/run_dir.hpp"

namespace cli {

// The result; throws std::runtime_error with the daemon's own error, or that none runs here.
nlohmann::json ask(const wgbfd::RunDir& run_dir, const nlohmann::json& request);

// Asks for the events and then follows them until the daemon ends or `on_event` returns false. The first call brings
// the result of the request itself, an array.
void follow(const wgbfd::RunDir& run_dir, const std::function<bool(const nlohmann::json&)>& on_event);

}  // namespace cli
