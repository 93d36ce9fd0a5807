// The guardian: holds the run directory's lock and what must outlive a worker, starts the worker, starts another at
// once when it dies or when somebody asks for a restart, and when it cannot come up for ten seconds puts everything
// back. Small on purpose: it has nothing that could fail with the worker.
#pragma once

#include <signal.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "daemon/handover.hpp"
#include "daemon/log.hpp"
#include "daemon/pulse.hpp"
#include "daemon/worker_process.hpp"

namespace wgbfd {

struct GuardianSettings {
    std::vector<std::string> worker_arguments;  // what the worker is started with: argv without the program
    std::function<void()> put_back;             // undo, when the worker cannot come up
};

class Guardian {
public:
    // `lock` is inherited by the worker; it and `log` outlive this. Throws std::system_error.
    Guardian(GuardianSettings settings, const base::UniqueFd& lock, const Log& log);

    int run();  // until asked to stop; the exit status of the whole daemon

private:
    using Clock = std::chrono::steady_clock;
    struct Succession {
        WorkerProcess next;
        base::UniqueFd program;
        std::string problem;  // what kept it from getting prepared
        bool yielding = false;
        Clock::time_point until;
    };

    void start();
    void wait();
    std::chrono::milliseconds timeout() const;
    Clock::time_point give_up_at() const;
    void on_time();
    bool is_watched() const;
    void look();
    void on_hang();
    void listen();
    void on_word(Message& message);
    void on_ready();
    void on_signals();
    void on_signal(int number);
    void pass_reload();
    void on_death(int status);
    void give_up();
    void put_back();

    void begin_restart();
    void refuse(const std::string& why) const;
    void on_word_of_next(Message& message);
    void on_succession_late();
    void call_off(const std::string& why);
    void succeed();
    void on_death_of_next(int status);

    std::function<void()> put_back_;
    WorkerStart start_;
    const Log& log_;
    sigset_t signals_{};
    base::UniqueFd signal_fd_;
    std::filesystem::path path_;  // of the program
    base::UniqueFd program_;      // of the worker that was ready last
    base::UniqueFd candidate_;    // of one that took over and has yet to get ready
    WorkerProcess worker_;
    std::optional<Succession> succession_;
    KeptFds kept_;
    std::uint64_t restarts_ = 0;
    int quick_deaths_ = 0;  // in a row
    Clock::time_point failing_since_, stopping_since_;
    Pulse pulse_;  // of the worker
    Clock::time_point look_at_{};
    bool ever_ready_ = false, stopping_ = false;
    bool restart_wanted_ = false;  // as soon as this one is ready
    bool reload_wanted_ = false;   // likewise: it may have read its configuration before that was changed
    std::optional<int> exit_status_;
};

}  // namespace wgbfd
