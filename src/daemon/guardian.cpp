#include "daemon/guardian.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
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

#include "daemon/handover.hpp"
#include "daemon/pulse.hpp"

namespace wgbfd {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto give_up_after = 10s;
constexpr auto long_enough = 1s;                // what lives less has not come up
constexpr auto until_judged = 4s;               // what lives less never gets to judge what it adopted
constexpr auto pause_between_failures = 200ms;  // after a start that never got ready, or died so soon
constexpr int trusted_deaths = 2;               // so soon, one after the other: what they inherited may be the reason
constexpr auto prepared_within = 10s;           // another program may be slow to load
constexpr auto yields_within = 2s;

[[noreturn]] void fail(const char* call) { throw std::system_error{errno, std::system_category(), call}; }

// Gives a worker's control thread the priority it has under ours (see net::Loop).
void set_priority(pid_t pid, int below) {
    sched_param mine{};
    const int policy = ::sched_getscheduler(0);
    if ((policy != SCHED_FIFO && policy != SCHED_RR) || ::sched_getparam(0, &mine) != 0) return;
    mine.sched_priority = std::max(mine.sched_priority - below, ::sched_get_priority_min(policy));
    ::sched_setscheduler(pid, policy, &mine);
}

int status_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

struct Process {
    pid_t pid = -1;
    base::UniqueFd channel;
    Clock::time_point started{};
    bool ready = false;
    bool told_to_yield = false;  // then it ends with 0, and withdraws nothing

    bool runs() const { return pid > 0; }
};

// Between two workers: the next one is started beside the one that runs, and takes over when it is prepared.
struct Succession {
    Process next;
    base::UniqueFd program;
    std::string problem;  // what kept it from getting prepared
    bool yielding = false;
    Clock::time_point until;
};

class Guardian {
public:
    Guardian(const GuardianSettings& settings, const base::UniqueFd& lock, const Log& log)
        : settings_{settings}, lock_{lock}, log_{log} {
        sigemptyset(&signals_);
        for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) sigaddset(&signals_, number);
        if (::sigprocmask(SIG_BLOCK, &signals_, &before_) != 0) fail("sigprocmask");
        signal_fd_ = base::UniqueFd{::signalfd(-1, &signals_, SFD_CLOEXEC | SFD_NONBLOCK)};
        if (!signal_fd_) fail("signalfd");
        std::error_code none;  // then a restart says that it cannot be found
        path_ = std::filesystem::read_symlink("/proc/self/exe", none);
        program_ = base::UniqueFd{::open("/proc/self/exe", O_RDONLY | O_CLOEXEC)};
        if (!program_) fail("open /proc/self/exe");
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
        if (quick_deaths_ >= trusted_deaths && !kept_.empty()) {
            log_.write(Level::warning, "worker_start inherits=nothing reason=\"it died twice in a row at once\"");
            kept_.clear();
        }
        try {
            worker_ = launch(program_, restarts_);
            give(worker_);
        } catch (const std::system_error& error) {  // out of processes or files for now: again after a pause, or undo
            log_.write(Level::error, std::string{"worker_start problem=\""} + error.what() + "\"");
            if (Clock::now() >= give_up_at()) give_up();
        }
    }

    Process launch(const base::UniqueFd& program, std::uint64_t restarts, bool at_rest = false) const {
        auto [ours, theirs] = make_channel();
        Process out{.pid = ::fork(), .channel = std::move(ours), .started = Clock::now()};
        if (out.pid < 0) fail("fork");
        if (out.pid == 0) {
            if (at_rest) static_cast<void>(rest_from_realtime());
            become_worker(program.get(), theirs.get(), restarts);
        }
        return out;
    }

    [[noreturn]] void become_worker(int program, int channel, std::uint64_t restarts) const {
        ::sigprocmask(SIG_SETMASK, &before_, nullptr);
        ::fcntl(channel, F_SETFD, 0);
        ::fcntl(lock_.get(), F_SETFD, 0);  // a guardian that dies alone leaves the lock with its worker
        auto arguments = settings_.worker_arguments;
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

    // Everything that is kept, and the word to begin.
    void give(const Process& worker) const {
        for (const auto& [name, fd] : kept_) say(worker.channel.get(), Word::keep, name, fd.get(), Wait::yes);
        say(worker.channel.get(), Word::go, {}, -1, Wait::yes);
    }

    void wait() {
        const auto channel_of = [](const Process* process) { return process != nullptr ? process->channel.get() : -1; };
        std::array<pollfd, 3> fds{{{signal_fd_.get(), POLLIN, 0},
                                   {channel_of(&worker_), POLLIN, 0},  // a negative one is passed over
                                   {channel_of(succession_ ? &succession_->next : nullptr), POLLIN, 0}}};
        const int n = ::poll(fds.data(), fds.size(), static_cast<int>(timeout().count()));
        if (n < 0 && errno != EINTR) fail("poll");
        if (n == 0) return on_time();
        listen();
        if (fds[0].revents != 0) on_signals();
    }

    // Until the next thing to do by ourselves; -1: none.
    std::chrono::milliseconds timeout() const {
        if (!worker_.runs() || stopping_) return pause_between_failures;
        auto at = Clock::time_point::max();
        if (!worker_.ready) at = give_up_at();
        if (succession_) at = std::min(at, succession_->until);
        if (is_watched()) at = std::min(at, look_at_);
        if (at == Clock::time_point::max()) return -1ms;
        return std::max(std::chrono::duration_cast<std::chrono::milliseconds>(at - Clock::now()), 0ms) + 1ms;
    }
    Clock::time_point give_up_at() const { return failing_since_ + give_up_after; }

    void on_time() {
        if (!worker_.runs()) return start();
        if (succession_ && Clock::now() >= succession_->until) return on_succession_late();
        if (!worker_.ready || stopping_) return on_hang();
        if (is_watched() && Clock::now() >= look_at_) look();
    }

    bool is_watched() const { return worker_.runs() && worker_.ready && !stopping_ && !succession_; }

    // One that hangs is replaced as if it had died: its probe thread lived, so peers notice nothing. When nobody reads
    // the log it is most likely that which it waits for, and the next worker, and we, would do so too.
    void look() {
        look_at_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(Pulse::interval);
        if (!pulse_.hangs(Clock::now(), beat_of(worker_.pid))) return;
        pollfd log{STDERR_FILENO, POLLOUT, 0};
        if (::poll(&log, 1, 0) != 1) return;
        log_.write(Level::error, "worker_hangs action=kill");
        ::kill(worker_.pid, SIGKILL);  // SIGCHLD tells the rest
    }

    // It neither gets ready nor dies.
    void on_hang() {
        if (Clock::now() < (stopping_ ? stopping_since_ + give_up_after : give_up_at())) return;
        end(worker_);
        give_up();
    }

    static void end(Process& process) {
        if (!process.runs()) return;
        ::kill(process.pid, SIGKILL);
        ::waitpid(process.pid, nullptr, 0);
        process = {};
    }

    void listen() {
        hear_all(worker_, [this](Message& message) { on_word(message); });
        if (succession_) hear_all(succession_->next, [this](Message& message) { on_word_of_next(message); });
    }

    template <class F>
    static void hear_all(Process& process, F&& on_message) {
        Message message;
        while (process.channel) {
            const auto heard = hear(process.channel.get(), message);
            if (heard == Heard::nothing) return;
            if (heard == Heard::closed) return process.channel.reset();  // SIGCHLD tells the rest
            on_message(message);
        }
    }

    void on_word(Message& message) {
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

    void on_ready() {
        worker_.ready = ever_ready_ = true;
        pulse_ = {};
        look_at_ = Clock::now();
        if (candidate_) program_ = std::move(candidate_);
        set_priority(worker_.pid, 1);
        ::sd_notify(0, "READY=1");
        if (restart_wanted_) begin_restart();
    }

    // The program as it stands on disk now, so that an upgrade takes effect; until it is ready the former one is the
    // one to fall back to.
    void begin_restart() {
        if (stopping_) return refuse("wgbfd is stopping");
        if (succession_) return;  // one is under way
        restart_wanted_ = !worker_.ready;
        if (restart_wanted_) return;
        base::UniqueFd program{::open(path_.c_str(), O_RDONLY | O_CLOEXEC)};
        if (!program) return refuse("cannot open " + path_.string() + ": " + std::strerror(errno));
        try {
            auto next = launch(program, restarts_ + 1, true);
            succession_.emplace(Succession{.next = std::move(next),
                                           .program = std::move(program),
                                           .problem = {},
                                           .until = Clock::now() + prepared_within});
        } catch (const std::system_error& error) {
            refuse(error.what());
        }
    }

    void refuse(const std::string& why) const {
        log_.write(Level::error, "restart problem=\"" + why + "\"");
        say(worker_.channel.get(), Word::refused, why);
    }

    void on_word_of_next(Message& message) {
        if (message.word == Word::failed) succession_->problem = message.text;
        if (message.word != Word::prepared || succession_->yielding) return;
        succession_->yielding = true;
        succession_->until = Clock::now() + yields_within;
        worker_.told_to_yield = true;
        say(worker_.channel.get(), Word::yield);
    }

    void on_succession_late() {
        if (succession_->yielding) {  // the worker hangs: it is replaced as if it had died
            log_.write(Level::error, "worker_hangs action=kill");
            end(worker_);
            return succeed();
        }
        call_off("the new worker does not get prepared within " + std::to_string(prepared_within.count()) + " s");
    }

    void call_off(const std::string& why) {
        end(succession_->next);
        succession_.reset();
        refuse(why);
    }

    void succeed() {
        worker_ = std::move(succession_->next);  // the former one ends by itself
        candidate_ = std::move(succession_->program);
        succession_.reset();
        ++restarts_;
        worker_.started = Clock::now();
        failing_since_ = Clock::now();
        set_priority(worker_.pid, 0);
        give(worker_);
    }

    void on_signals() {
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

    void on_signal(int number) {
        if (number == SIGHUP && !worker_.ready) return;  // it has yet to read its configuration anyway
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

    void on_death_of_next(int status) {
        succession_->next.pid = -1;
        const auto why = succession_->problem;
        const bool fatal = succession_->yielding && !worker_.runs();
        call_off(!why.empty() ? why : "the new worker ended with status " + std::to_string(status_of(status)));
        if (fatal) start();
    }

    void on_death(int status) {
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

    void give_up() {
        log_.write(Level::error, "worker_gives_up after_s=10 action=undo");
        put_back();
        exit_status_ = 1;
    }

    void put_back() {
        kept_.clear();
        if (settings_.put_back) settings_.put_back();
    }

    const GuardianSettings& settings_;
    const base::UniqueFd& lock_;
    const Log& log_;
    sigset_t signals_{}, before_{};
    base::UniqueFd signal_fd_;
    std::filesystem::path path_;  // of the program
    base::UniqueFd program_;      // of the worker that was ready last
    base::UniqueFd candidate_;    // of one that took over and has yet to get ready
    Process worker_;
    std::optional<Succession> succession_;
    KeptFds kept_;
    std::uint64_t restarts_ = 0;
    int quick_deaths_ = 0;  // in a row
    Clock::time_point failing_since_, stopping_since_;
    Pulse pulse_;  // of the worker
    Clock::time_point look_at_{};
    bool ever_ready_ = false, stopping_ = false;
    bool restart_wanted_ = false;  // as soon as this one is ready
    std::optional<int> exit_status_;
};

}  // namespace

int run_guardian(const GuardianSettings& settings, const base::UniqueFd& lock, const Log& log) {
    return Guardian{settings, lock, log}.run();
}

}  // namespace wgbfd
