// The guardian: holds the run directory's lock and what must outlive a worker, starts the worker, starts another at
// once when it dies or when somebody asks for a restart, and when it cannot come up for ten seconds puts everything
// back. Small on purpose: it has nothing that could fail with the worker.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "daemon/log.hpp"

namespace wgbfd {

struct GuardianSettings {
    std::vector<std::string> worker_arguments;  // what the worker is started with: argv without the program
    std::function<void()> put_back;             // undo, when the worker cannot come up
};

// The worker's hidden options, which the guardian adds.
inline constexpr const char* channel_option = "worker-channel";  // see handover
inline constexpr const char* restarts_option = "worker-restarts";

// Runs until asked to stop. `lock` is inherited by the worker. The exit status of the whole daemon.
int run_guardian(const GuardianSettings& settings, const base::UniqueFd& lock, const Log& log);

}  // namespace wgbfd
