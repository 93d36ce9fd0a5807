// A process that runs jobs for a worker, each in a child of its own that is ended when its time is up: so that the
// worker never waits, and never forks. It ends, with every child, when the worker's end of its socket closes. One that
// dies is followed by another, which says so; its jobs die with it.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "base/unique_fd.hpp"

namespace io {

// Runs in the child: what it writes to standard output is the job's output; returns the exit status.
using JobFunction = int (*)(std::span<const std::string> arguments);
using JobKinds = std::map<std::string, JobFunction, std::less<>>;

inline constexpr std::size_t most_jobs = 64;             // at once; one more waits for a place
inline constexpr std::size_t most_waiting_jobs = 4'096;  // one more is not started

// Forks it, and returns the worker's end. To be called while the process has one thread, and before it gives up
// capabilities that jobs need. Throws std::system_error.
base::UniqueFd start_job_runner(const JobKinds& kinds);

}  // namespace io
