#include "daemon/worker_process.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace wgbfd {
namespace {

[[noreturn]] void become_worker(int program, int channel, const WorkerStart& start, std::uint64_t restarts) {
    ::sigprocmask(SIG_SETMASK, &start.signals, nullptr);
    ::fcntl(channel, F_SETFD, 0);
    ::fcntl(start.lock, F_SETFD, 0);
    auto arguments = start.arguments;
    arguments.push_back(std::string{"--"} + channel_option + "=" + std::to_string(channel));
    arguments.push_back(std::string{"--"} + restarts_option + "=" + std::to_string(restarts));
    std::string name = "wgbfd";
    std::vector<char*> argv{name.data()};
    for (auto& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    ::fexecve(program, argv.data(), environ);
    say(channel, Word::failed, std::string{"cannot execute it: "} + std::strerror(errno));
    ::_exit(127);
}

}  // namespace

WorkerProcess start_worker(const base::UniqueFd& program, const WorkerStart& start, std::uint64_t restarts,
                           AtRest at_rest) {
    auto [ours, theirs] = make_channel();
    WorkerProcess out{.pid = ::fork(), .channel = std::move(ours), .started = std::chrono::steady_clock::now()};
    if (out.pid < 0) throw std::system_error{errno, std::system_category(), "fork"};
    if (out.pid == 0) {
        if (at_rest == AtRest::yes) static_cast<void>(rest_from_realtime());
        become_worker(program.get(), theirs.get(), start, restarts);
    }
    return out;
}

void give(const WorkerProcess& worker, const KeptFds& kept) {
    for (const auto& [name, fd] : kept) say(worker.channel.get(), Word::keep, name, fd.get(), Wait::yes);
    say(worker.channel.get(), Word::go, {}, -1, Wait::yes);
}

void set_priority(const WorkerProcess& worker, int below) {
    sched_param mine{};
    const int policy = ::sched_getscheduler(0);
    if ((policy != SCHED_FIFO && policy != SCHED_RR) || ::sched_getparam(0, &mine) != 0) return;
    mine.sched_priority = std::max(mine.sched_priority - below, ::sched_get_priority_min(policy));
    ::sched_setscheduler(worker.pid, policy, &mine);
}

void end(WorkerProcess& worker) {
    if (!worker.runs()) return;
    ::kill(worker.pid, SIGKILL);
    ::waitpid(worker.pid, nullptr, 0);
    worker = {};
}

int status_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

}  // namespace wgbfd
