#include "io/job_runner.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <deque>
#include <memory>
#include <new>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "io/job.hpp"

namespace io {
namespace {

using Clock = std::chrono::steady_clock;

struct Pipe {
    base::UniqueFd read, write;
};

std::optional<Pipe> make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return std::nullopt;
    return Pipe{base::UniqueFd{ends[0]}, base::UniqueFd{ends[1]}};
}

// Whole, or the pipe would have had to hold more than a pipe does.
bool fill(const base::UniqueFd& fd, std::string_view text) {
    return text.empty() || ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

struct Running {
    JobId id = 0;
    pid_t pid = -1;
    base::UniqueFd process;  // readable once it has ended
    base::UniqueFd output;
    std::size_t output_limit = 0;
    Clock::time_point deadline;
    JobResult result;
    bool is_timed_out = false;
};

std::vector<char*> pointers(std::vector<std::string>& words) {
    std::vector<char*> out;
    for (auto& word : words) out.push_back(word.data());
    out.push_back(nullptr);
    return out;
}

[[noreturn]] void execute(Job job) {
    const auto argv = pointers(job.arguments);
    const auto environment = pointers(job.environment);
    ::execve(argv[0], argv.data(), environment.data());
    const std::string why = job.arguments[0] + ": " + std::strerror(errno);
    static_cast<void>(!::write(STDOUT_FILENO, why.data(), why.size()));
    ::_exit(127);
}

class Runner {
public:
    // `last`: of the jobs that a runner has taken up, in memory that it shares with the one that follows.
    Runner(int socket, const JobKinds& kinds, JobId& last)
        : socket_{socket}, kinds_{kinds}, pid_{::getpid()}, last_{last}, lost_{last} {}

    [[noreturn]] void run() {
        if (lost_ != 0) report({lost_, {}, true});
        for (;;) {
            wait();
            for (auto& job : running_) read_output(*job);
            if (fds_[0].revents != 0) receive();
            reap();
            flush();
        }
    }

private:
    void wait();
    void receive();
    void take(RunJob request);
    void start(RunJob request);
    void refuse(JobId id, const char* why) { report({id, {JobEnd::not_started, 0, why, false}}); }
    [[noreturn]] void become(Job job, const Pipe& in, const Pipe& out, JobFunction function) const;
    static void read_output(Running& job);
    void reap();
    void report(const JobReport& report) { unsent_.push_back(encode(report)); }
    void flush();
    [[noreturn]] void leave();
    static void end(const Running& job) { ::kill(-job.pid, SIGKILL); }

    int socket_;
    const JobKinds& kinds_;
    pid_t pid_;
    JobId& last_;
    JobId lost_;
    std::vector<std::unique_ptr<Running>> running_;
    std::deque<RunJob> waiting_;  // for a place
    std::deque<std::vector<std::byte>> unsent_;
    std::vector<pollfd> fds_;
};

void Runner::wait() {
    auto next = Clock::time_point::max();
    fds_.assign(1, {socket_, static_cast<short>(unsent_.empty() ? POLLIN : POLLIN | POLLOUT), 0});
    for (const auto& job : running_) {
        fds_.push_back({job->process.get(), POLLIN, 0});
        fds_.push_back({job->output.get(), POLLIN, 0});  // -1 once it is closed: passed over
        if (!job->is_timed_out) next = std::min(next, job->deadline);
    }
    int timeout = -1;
    if (next != Clock::time_point::max())
        timeout = static_cast<int>(
            std::max<std::int64_t>(std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now()).count(), 0));
    if (::poll(fds_.data(), fds_.size(), timeout) < 0) fds_[0].revents = 0;
}

void Runner::receive() {
    std::vector<std::byte> buffer(longest_job + 1);
    auto n = ::recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT | MSG_PEEK);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) leave();
    // Known as taken up before it is: whenever we die, it is either lost or the next runner's.
    if (const auto id = id_of_run(std::span{buffer}.first(static_cast<std::size_t>(n)))) last_ = *id;
    n = ::recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (n <= 0) return;
    auto request = decode_request(std::span{buffer}.first(static_cast<std::size_t>(n)));
    if (!request) return;
    if (auto* run = std::get_if<RunJob>(&*request)) return take(std::move(*run));
    const auto id = std::get<CancelJob>(*request).id;
    std::erase_if(waiting_, [&](const RunJob& job) { return job.id == id; });
    for (const auto& job : running_)
        if (job->id == id) end(*job);  // its report finds nobody
}

void Runner::take(RunJob request) {
    if (request.id <= lost_) return;  // that has been said
    if (running_.size() < most_jobs) return start(std::move(request));
    if (waiting_.size() >= most_waiting_jobs) return refuse(request.id, "too many jobs at once");
    waiting_.push_back(std::move(request));
}

void Runner::start(RunJob request) {
    const auto kind = kinds_.find(request.job.kind);
    const bool is_exec = request.job.kind == exec_job && !request.job.arguments.empty();
    if (!is_exec && kind == kinds_.end()) return refuse(request.id, "no such job");
    auto in = make_pipe();
    auto out = make_pipe();
    if (!in || !out || !fill(in->write, request.job.input)) return refuse(request.id, "out of file descriptors");
    in->write.reset();
    const auto pid = ::fork();
    if (pid < 0) return refuse(request.id, std::strerror(errno));
    if (pid == 0) become(std::move(request.job), *in, *out, is_exec ? nullptr : kind->second);
    ::setpgid(pid, pid);  // by both, whoever comes first
    auto job = std::make_unique<Running>();
    job->id = request.id;
    job->pid = pid;
    job->process = base::UniqueFd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
    job->output = std::move(out->read);
    job->output_limit = std::min<std::size_t>(request.job.output_limit, longest_job_output);
    job->deadline = Clock::now() + request.job.time_limit;
    running_.push_back(std::move(job));
}

void Runner::become(Job job, const Pipe& in, const Pipe& out, JobFunction function) const {
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != pid_) ::_exit(127);
    ::fcntl(in.read.get(), F_SETFL, 0);
    ::fcntl(out.write.get(), F_SETFL, 0);
    ::dup2(in.read.get(), STDIN_FILENO);
    ::dup2(out.write.get(), STDOUT_FILENO);
    if (function == nullptr) ::dup2(out.write.get(), STDERR_FILENO);
    ::close_range(STDERR_FILENO + 1, ~0U, 0);
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) ::signal(number, SIG_DFL);
    if (function == nullptr) {
        const sched_param ordinary{};
        ::sched_setscheduler(0, SCHED_OTHER, &ordinary);  // whatever the daemon runs at: a hook has no deadline
        execute(std::move(job));
    }
    int status = 1;
    try {
        status = function(job.arguments);
    } catch (const std::exception& error) {
        static_cast<void>(!::write(STDOUT_FILENO, error.what(), std::strlen(error.what())));
    }
    ::_exit(status);
}

void Runner::read_output(Running& job) {
    std::array<char, 4096> block{};
    while (job.output) {
        const auto n = ::read(job.output.get(), block.data(), block.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) return job.output.reset();
        const auto room = job.output_limit - job.result.output.size();
        job.result.truncated |= static_cast<std::size_t>(n) > room;
        job.result.output.append(block.data(), std::min(static_cast<std::size_t>(n), room));
        if (n < static_cast<ssize_t>(block.size())) return;  // one that never stops writing must not hold us
    }
}

void Runner::reap() {
    const auto now = Clock::now();
    std::erase_if(running_, [&](const std::unique_ptr<Running>& job) {
        int status = 0;
        if (::waitpid(job->pid, &status, WNOHANG) != job->pid) {
            if (now < job->deadline || job->is_timed_out) return false;
            job->is_timed_out = true;
            end(*job);
            return false;
        }
        read_output(*job);
        end(*job);  // what it left running in its process group
        auto& result = job->result;
        result.end = job->is_timed_out ? JobEnd::timed_out : WIFEXITED(status) ? JobEnd::exited : JobEnd::killed;
        result.status = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
        report({job->id, std::move(result)});
        return true;
    });
    for (; running_.size() < most_jobs && !waiting_.empty(); waiting_.pop_front()) start(std::move(waiting_.front()));
}

void Runner::flush() {
    while (!unsent_.empty()) {
        const auto n = ::send(socket_, unsent_.front().data(), unsent_.front().size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && (errno == EAGAIN || errno == ENOBUFS)) return;
        if (n < 0) leave();
        unsent_.pop_front();
    }
}

void Runner::leave() {
    for (const auto& job : running_) end(*job);
    ::_exit(0);
}

// Does nothing that could fail but to start a runner, and another when that dies; ends with the one that leaves.
[[noreturn]] void keep_running(int socket, const JobKinds& kinds) {
    auto* const memory = ::mmap(nullptr, sizeof(JobId), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) ::_exit(1);
    auto& last = *new (memory) JobId{0};
    const auto me = ::getpid();
    for (;; ::usleep(100'000)) {
        const auto pid = ::fork();
        if (pid == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (::getppid() != me) ::_exit(0);
            Runner{socket, kinds, last}.run();
        }
        int status = 0;
        while (pid > 0 && ::waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
        if (pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0) ::_exit(0);
    }
}

[[noreturn]] void become_runner(base::UniqueFd socket, const JobKinds& kinds) {
    ::prctl(PR_SET_NAME, "wgbfd-jobs");
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::signal(number, SIG_IGN);  // it ends with its worker alone
    ::signal(SIGPIPE, SIG_IGN);
    sigset_t none{};
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    // Neither the run directory's lock nor the pipe that tells the guardian of the worker may live on in here.
    constexpr int mine = STDERR_FILENO + 1;
    if (socket.get() != mine) ::dup3(socket.get(), mine, O_CLOEXEC);
    ::close_range(mine + 1, ~0U, 0);
    keep_running(mine, kinds);
}

}  // namespace

base::UniqueFd start_job_runner(const JobKinds& kinds) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0)
        throw std::system_error{errno, std::generic_category(), "socketpair"};
    base::UniqueFd ours{ends[0]}, theirs{ends[1]};
    const auto pid = ::fork();
    if (pid < 0) throw std::system_error{errno, std::generic_category(), "fork"};
    if (pid == 0) {
        ours.release();  // closed with all others
        become_runner(std::move(theirs), kinds);
    }
    return ours;
}

}  // namespace io
