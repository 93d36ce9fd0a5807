// Asks a running daemon over its control socket.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include <nlohmann/json.hpp>

#include "daemon/run_dir.hpp"

namespace cli {

// A daemon that takes longer for an answer hangs.
inline constexpr std::chrono::milliseconds answer_within = std::chrono::seconds{5};

// The result; throws std::runtime_error with the daemon's own error, or that none runs here, or none answers in time.
nlohmann::json ask(const wgbfd::RunDir& run_dir, const nlohmann::json& request,
                   std::chrono::milliseconds within = answer_within);

// Asks for the events and then follows them until the daemon ends or `on_event` returns false. The first call brings
// the result of the request itself, an array; that one has a time limit.
void follow(const wgbfd::RunDir& run_dir, const std::function<bool(const nlohmann::json&)>& on_event,
            std::chrono::milliseconds within = answer_within);

}  // namespace cli
