#include "daemon/guardian.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

#include <systemd/sd-daemon.h>

namespace wgbfd {
namespace {

using namespace std::chrono_literals;

constexpr auto give_up_after = 10s;
constexpr auto long_enough = 1s;                // what lives less has not come up
constexpr auto until_judged = 4s;               // what lives less never gets to judge what it adopted
constexpr auto pause_between_failures = 200ms;  // after a start that never got ready, or died so soon
constexpr int trusted_deaths = 2;               // so soon, one after the other: what they inherited may be the reason

[[noreturn]] void fail(const char* call) { throw std::system_error{errno, std::system_category(), call}; }

template <class F>
void hear_all(WorkerProcess& process, F&& on_message) {
    Message message;
    while (process.channel) {
        const auto heard = hear(process.channel.get(), message);
        if (heard == Heard::nothing) return;
        if (heard == Heard::closed) return process.channel.reset();  // SIGCHLD tells the rest
        on_message(message);
    }
}

}  // namespace

Guardian::Guardian(GuardianSettings settings, const base::UniqueFd& lock, const Log& log)
    : put_back_{std::move(settings.put_back)}, start_{std::move(settings.worker_arguments), lock.get(), {}}, log_{log} {
    sigemptyset(&signals_);
    for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) sigaddset(&signals_, number);
    if (::sigprocmask(SIG_BLOCK, &signals_, &start_.signals) != 0) fail("sigprocmask");
    signal_fd_ = base::UniqueFd{::signalfd(-1, &signals_, SFD_CLOEXEC | SFD_NONBLOCK)};
    if (!signal_fd_) fail("signalfd");
    std::error_code none;  // then a restart says that it cannot be found
    path_ = std::filesystem::read_symlink("/proc/self/exe", none);
    program_ = base::UniqueFd{::open("/proc/self/exe", O_RDONLY | O_CLOEXEC)};
    if (!program_) fail("open /proc/self/exe");
    failing_since_ = Clock::now();
}

int Guardian::run() {
    start();
    for (;;) {
        wait();
        if (exit_status_) return *exit_status_;
    }
}

void Guardian::start() {
    if (quick_deaths_ >= trusted_deaths && !kept_.empty()) {
        log_.write(Level::warning, "worker_start inherits=nothing reason=\"it died twice in a row at once\"");
        kept_.clear();
    }
    try {
        worker_ = start_worker(program_, start_, restarts_);
        give(worker_, kept_);
    } catch (const std::system_error& error) {  // out of processes or files for now: again after a pause, or undo
        log_.write(Level::error, std::string{"worker_start problem=\""} + error.what() + "\"");
        if (Clock::now() >= give_up_at()) give_up();
    }
}

void Guardian::wait() {
    const auto channel_of = [](const WorkerProcess* process) {
        return process != nullptr ? process->channel.get() : -1;
    };
    std::array<pollfd, 3> fds{{{signal_fd_.get(), POLLIN, 0},
                               {channel_of(&worker_), POLLIN, 0},  // a negative one is passed over
                               {channel_of(succession_ ? &succession_->next : nullptr), POLLIN, 0}}};
    const int n = ::poll(fds.data(), fds.size(), static_cast<int>(timeout().count()));
    if (n < 0 && errno != EINTR) fail("poll");
    if (n == 0) return on_time();
    listen();
    if (fds[0].revents != 0) on_signals();
}

auto Guardian::give_up_at() const -> Clock::time_point { return failing_since_ + give_up_after; }

// Until the next thing to do by ourselves; -1: none.
std::chrono::milliseconds Guardian::timeout() const {
    if (!worker_.runs() || stopping_) return pause_between_failures;
    auto at = Clock::time_point::max();
    if (!worker_.ready) at = give_up_at();
    if (succession_) at = std::min(at, succession_->until);
    if (is_watched()) at = std::min(at, look_at_);
    if (at == Clock::time_point::max()) return -1ms;
    return std::max(std::chrono::duration_cast<std::chrono::milliseconds>(at - Clock::now()), 0ms) + 1ms;
}

void Guardian::on_time() {
    if (!worker_.runs()) return start();
    if (succession_ && Clock::now() >= succession_->until) return on_succession_late();
    if (!worker_.ready || stopping_) return on_hang();
    if (is_watched() && Clock::now() >= look_at_) look();
}

bool Guardian::is_watched() const { return worker_.runs() && worker_.ready && !stopping_ && !succession_; }

// One that hangs is replaced as if it had died: its probe thread lived, so peers notice nothing. When nobody reads the
// log it is most likely that which it waits for, and the next worker, and we, would do so too.
void Guardian::look() {
    look_at_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(Pulse::interval);
    if (!pulse_.hangs(Clock::now(), beat_of(worker_.pid))) return;
    pollfd log{STDERR_FILENO, POLLOUT, 0};
    if (::poll(&log, 1, 0) != 1) return;
    log_.write(Level::error, "worker_hangs action=kill");
    ::kill(worker_.pid, SIGKILL);  // SIGCHLD tells the rest
}

// It neither gets ready nor dies.
void Guardian::on_hang() {
    if (Clock::now() < (stopping_ ? stopping_since_ + give_up_after : give_up_at())) return;
    end(worker_);
    give_up();
}

void Guardian::listen() {
    hear_all(worker_, [this](Message& message) { on_word(message); });
    if (succession_) hear_all(succession_->next, [this](Message& message) { on_word_of_next(message); });
}

void Guardian::on_word(Message& message) {
    switch (message.word) {
        case Word::keep:
            if (message.fd) kept_.insert_or_assign(message.text, std::move(message.fd));
            return;
        case Word::drop: kept_.erase(message.text); return;
        case Word::ready: return on_ready();
        case Word::restart: return begin_restart();
        case Word::yielded:
            if (succession_ && succession_->yielding) succeed();
            return;
        default: return;
    }
}

void Guardian::on_ready() {
    worker_.ready = ever_ready_ = true;
    pulse_ = {};
    look_at_ = Clock::now();
    if (candidate_) program_ = std::move(candidate_);
    set_priority(worker_, 1);
    ::sd_notify(0, "READY=1");
    pass_reload();
    if (restart_wanted_) begin_restart();
}

void Guardian::on_signals() {
    signalfd_siginfo info{};
    while (::read(signal_fd_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
        if (info.ssi_signo != SIGCHLD) on_signal(static_cast<int>(info.ssi_signo));
    }
    listen();  // what a dead one said last
    int status = 0;
    for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
        if (pid == worker_.pid) on_death(status);
        if (succession_ && pid == succession_->next.pid) on_death_of_next(status);
    }
}

void Guardian::on_signal(int number) {
    if (number == SIGHUP && (!worker_.ready || succession_)) {
        reload_wanted_ = true;
        return;
    }
    if (number != SIGHUP && !std::exchange(stopping_, true)) {
        stopping_since_ = Clock::now();
        if (succession_) call_off("wgbfd is stopping");
    }
    if (worker_.runs()) {
        ::kill(worker_.pid, number);
    } else if (stopping_) {
        put_back();  // a worker that died before may have left something
        exit_status_ = 0;
    }
}

// To who reads the configuration next.
void Guardian::pass_reload() {
    if (worker_.runs() && worker_.ready && std::exchange(reload_wanted_, false)) ::kill(worker_.pid, SIGHUP);
}

void Guardian::on_death(int status) {
    const bool was_ready = worker_.ready;
    const auto started = worker_.started;
    const int code = status_of(status);
    const bool withdrew = code == 0 && !worker_.told_to_yield;
    worker_ = {};
    candidate_.reset();
    if (stopping_ || withdrew) {
        exit_status_ = code != 0 ? 1 : 0;
        if (!withdrew) put_back();  // it died while stopping, or gave way: what it had to withdraw may still stand
        return;
    }
    if (!ever_ready_ && WIFEXITED(status)) {  // a start that cannot succeed, and it has said why
        put_back();                           // nobody else would: what a daemon before us left is not adopted now
        exit_status_ = code;
        return;
    }
    log_.write(Level::error,
               "worker_died status=" + std::to_string(code) + " restarts=" + std::to_string(restarts_ + 1));
    const auto lived = was_ready ? Clock::now() - started : 0s;
    if (lived >= until_judged) failing_since_ = Clock::now();
    quick_deaths_ = lived >= long_enough ? 0 : quick_deaths_ + 1;
    if (succession_ && succession_->yielding) return succeed();
    if (succession_) call_off("the worker died meanwhile");
    ++restarts_;
    if (Clock::now() >= give_up_at()) return give_up();
    if (quick_deaths_ < trusted_deaths) start();  // else again after a pause
}

void Guardian::give_up() {
    log_.write(Level::error, "worker_gives_up after_s=10 action=undo");
    put_back();
    exit_status_ = 1;
}

void Guardian::put_back() {
    kept_.clear();
    if (put_back_) put_back_();
}

}  // namespace wgbfd
