#include "daemon/guardian.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <system_error>
#include <utility>

#include <systemd/sd-daemon.h>

namespace wgbfd {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto give_up_after = 10s;
constexpr auto long_enough = 1s;                // what lives less has not come up
constexpr auto until_judged = 4s;               // what lives less never gets to judge what it adopted
constexpr auto pause_between_failures = 200ms;  // after a start that never got ready, or died so soon

[[noreturn]] void fail(const char* call) { throw std::system_error{errno, std::system_category(), call}; }

class Guardian {
public:
    Guardian(const GuardianSettings& settings, const base::UniqueFd& lock, const Log& log)
        : settings_{settings}, lock_{lock}, log_{log} {
        sigemptyset(&signals_);
        for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) sigaddset(&signals_, number);
        if (::sigprocmask(SIG_BLOCK, &signals_, &before_) != 0) fail("sigprocmask");
        signal_fd_ = base::UniqueFd{::signalfd(-1, &signals_, SFD_CLOEXEC | SFD_NONBLOCK)};
        if (!signal_fd_) fail("signalfd");
        failing_since_ = Clock::now();
    }

    int run() {
        start();
        for (;;) {
            wait();
            if (exit_status_) return *exit_status_;
        }
    }

private:
    void start() {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) return on_no_start("pipe2");
        ready_ = base::UniqueFd{ends[0]};
        const base::UniqueFd tell{ends[1]};
        started_ready_ = false;
        started_ = Clock::now();
        worker_ = ::fork();
        if (worker_ < 0) return on_no_start("fork");
        if (worker_ == 0) become_worker(tell.get());
    }

    void on_no_start(const char* call) {  // out of processes or files for now: again after a pause, or undo
        log_.write(Level::error, std::string{"worker_start problem=\""} + call + ": " + std::strerror(errno) + "\"");
        worker_ = -1;
        if (Clock::now() >= give_up_at()) give_up();
    }

    [[noreturn]] void become_worker(int tell) const {
        ::sigprocmask(SIG_SETMASK, &before_, nullptr);
        ::fcntl(tell, F_SETFD, 0);
        ::fcntl(lock_.get(), F_SETFD, 0);  // a guardian that dies alone leaves the lock with its worker
        auto arguments = settings_.worker_arguments;
        arguments.push_back(std::string{"--"} + ready_fd_option + "=" + std::to_string(tell));
        arguments.push_back(std::string{"--"} + restarts_option + "=" + std::to_string(restarts_));
        std::string program = "wgbfd";
        std::vector<char*> argv{program.data()};
        for (auto& argument : arguments) argv.push_back(argument.data());
        argv.push_back(nullptr);
        ::execv("/proc/self/exe", argv.data());
        ::_exit(127);
    }

    void wait() {
        std::array<pollfd, 2> fds{{{signal_fd_.get(), POLLIN, 0}, {ready_.get(), POLLIN, 0}}};
        const int n = ::poll(fds.data(), ready_ ? 2 : 1, static_cast<int>(timeout().count()));
        if (n < 0 && errno != EINTR) fail("poll");
        if (n == 0) return worker_ < 0 ? start() : on_hang();
        if (ready_ && fds[1].revents != 0) on_ready();
        if (fds[0].revents != 0) on_signals();
    }

    // Until the next thing to do by ourselves; -1: none.
    std::chrono::milliseconds timeout() const {
        if (worker_ < 0) return pause_between_failures;
        if (stopping_) return pause_between_failures;
        if (started_ready_) return -1ms;
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(give_up_at() - Clock::now());
        return std::max(left, 0ms) + 1ms;
    }
    Clock::time_point give_up_at() const { return failing_since_ + give_up_after; }

    // It neither gets ready nor dies.
    void on_hang() {
        if (Clock::now() < (stopping_ ? stopping_since_ + give_up_after : give_up_at())) return;
        ::kill(worker_, SIGKILL);
        ::waitpid(worker_, nullptr, 0);
        worker_ = -1;
        give_up();
    }

    void on_ready() {
        char byte = 0;
        const auto n = ::read(ready_.get(), &byte, 1);
        ready_.reset();
        if (n != 1) return;  // it died first: SIGCHLD tells the rest
        started_ready_ = ever_ready_ = true;
        ::sd_notify(0, "READY=1");
    }

    void on_signals() {
        signalfd_siginfo info{};
        while (::read(signal_fd_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
            if (info.ssi_signo == SIGCHLD) continue;
            if (info.ssi_signo == SIGHUP && !started_ready_) continue;  // it has yet to read its configuration anyway
            if (info.ssi_signo != SIGHUP && !std::exchange(stopping_, true)) stopping_since_ = Clock::now();
            if (worker_ > 0)
                ::kill(worker_, static_cast<int>(info.ssi_signo));
            else if (stopping_) {
                put_back();  // a worker that died before may have left something
                exit_status_ = 0;
            }
        }
        int status = 0;
        if (worker_ > 0 && ::waitpid(worker_, &status, WNOHANG) == worker_) on_death(status);
    }

    void on_death(int status) {
        worker_ = -1;
        const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        if (stopping_ || code == 0) {
            exit_status_ = stopping_ && code != 0 ? 1 : 0;
            if (code != 0) put_back();  // it died while stopping: what it had to withdraw may still stand
            return;
        }
        if (!ever_ready_ && WIFEXITED(status)) {  // a start that cannot succeed, and it has said why
            put_back();                           // nobody else would: what a daemon before us left is not adopted now
            exit_status_ = code;
            return;
        }
        log_.write(Level::error,
                   "worker_died status=" + std::to_string(code) + " restarts=" + std::to_string(restarts_ + 1));
        ++restarts_;
        const auto lived = started_ready_ ? Clock::now() - started_ : 0s;
        if (lived >= until_judged) failing_since_ = Clock::now();
        if (Clock::now() >= give_up_at()) return give_up();
        if (lived >= long_enough) start();  // else again after a pause
    }

    void give_up() {
        log_.write(Level::error, "worker_gives_up after_s=10 action=undo");
        put_back();
        exit_status_ = 1;
    }

    void put_back() {
        if (settings_.put_back) settings_.put_back();
    }

    const GuardianSettings& settings_;
    const base::UniqueFd& lock_;
    const Log& log_;
    sigset_t signals_{}, before_{};
    base::UniqueFd signal_fd_, ready_;
    pid_t worker_ = -1;
    std::uint64_t restarts_ = 0;
    Clock::time_point failing_since_, started_, stopping_since_;
    bool started_ready_ = false, ever_ready_ = false, stopping_ = false;
    std::optional<int> exit_status_;
};

}  // namespace

int run_guardian(const GuardianSettings& settings, const base::UniqueFd& lock, const Log& log) {
    return Guardian{settings, lock, log}.run();
}

}  // namespace wgbfd
