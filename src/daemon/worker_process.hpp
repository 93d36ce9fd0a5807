// A worker as the guardian sees it: a process, and the channel to it.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "daemon/handover.hpp"

namespace wgbfd {

// The worker's hidden options, which the guardian adds.
inline constexpr const char* channel_option = "worker-channel";  // see handover
inline constexpr const char* restarts_option = "worker-restarts";

struct WorkerProcess {
    pid_t pid = -1;
    base::UniqueFd channel;
    std::chrono::steady_clock::time_point started{};
    bool ready = false;
    bool told_to_yield = false;  // then it ends with 0, and withdraws nothing

    bool runs() const { return pid > 0; }
};

// What every worker is started with.
struct WorkerStart {
    std::vector<std::string> arguments;  // argv without the program and the hidden options
    int lock = -1;                       // inherited: a guardian that dies alone leaves it with its worker
    sigset_t signals{};                  // that are blocked in it
};

enum class AtRest : bool { no, yes };  // yes: not under the guardian's real-time policy
// Throws std::system_error when there is no process or file to be had.
WorkerProcess start_worker(const base::UniqueFd& program, const WorkerStart& start, std::uint64_t restarts,
                           AtRest at_rest = AtRest::no);
void give(const WorkerProcess& worker, const KeptFds& kept);  // and the word to begin
// Its control thread has the priority so much below ours (see net::Loop).
void set_priority(const WorkerProcess& worker, int below);
void end(WorkerProcess& worker);  // at once
int status_of(int status);        // of waitpid(), as a shell tells it

}  // namespace wgbfd
