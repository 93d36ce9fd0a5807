// Work that may block or take long, and is therefore done in child processes: what is asked, what came of it, and how
// both cross the socket between a worker and its job runner (the same program, so that no version is told). Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

namespace io {

inline constexpr std::size_t longest_job = 64UL * 1024;        // all its words and its input, encoded
inline constexpr std::size_t longest_job_input = 32UL * 1024;  // fits a pipe, so that nobody waits for the reader
inline constexpr std::size_t longest_job_output = 64UL * 1024;

inline constexpr const char* exec_job = "exec";  // its arguments are a program, by its path, and that one's arguments

struct Job {
    std::string kind;  // exec_job, or one that the runner was given
    std::vector<std::string> arguments;
    std::vector<std::string> environment;  // of exec_job: "NAME=value", all there is
    std::string input;                     // its standard input
    base::Duration time_limit = std::chrono::seconds{10};
    std::uint32_t output_limit = 4096;  // what comes beyond is dropped
    friend bool operator==(const Job&, const Job&) = default;
};

enum class JobEnd : std::uint8_t { exited, killed, timed_out, not_started };

struct JobResult {
    JobEnd end = JobEnd::not_started;
    std::int32_t status = 0;  // exited: its exit status; killed: the signal
    std::string output;       // standard output, and of exec_job standard error too
    bool truncated = false;
    friend bool operator==(const JobResult&, const JobResult&) = default;
};

using JobId = std::uint64_t;
struct RunJob {
    JobId id = 0;
    Job job;
};
struct CancelJob {
    JobId id = 0;
};
using JobRequest = std::variant<RunJob, CancelJob>;
struct JobReport {
    JobId id = 0;
    JobResult result;
    bool is_last_lost = false;  // a runner died: no more is heard of the jobs up to that id, which grow
};

std::vector<std::byte> encode(const JobRequest& request);
std::vector<std::byte> encode(const JobReport& report);
std::optional<JobId> id_of_run(base::Bytes request);  // none: it asks for no job
enum class JobRefusal : std::uint8_t { malformed };
base::Result<JobRequest, JobRefusal> decode_request(base::Bytes in);
base::Result<JobReport, JobRefusal> decode_report(base::Bytes in);

}  // namespace io
