// A guardian in a process of its own, whose workers are this program again: each plays the case "a worker" below.
#include "daemon/guardian.hpp"

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/handover.hpp"
#include "daemon/memory_file.hpp"

namespace {

using namespace wgbfd;

constexpr int patience = 60'000;  // milliseconds; the machine may be busy
constexpr const char* pipe_variable = "WGBFD_TEST_PIPE";

// What workers and the guardian say to the test, with their process.
enum class What : char { heard_yield, prepared, goes_on, goes_on_bare, reloads, put_back };
struct Said {
    What what{};
    pid_t pid = -1;
};

void tell(What what) {
    const Said said{what, ::getpid()};
    if (::write(std::stoi(std::getenv(pipe_variable)), &said, sizeof said) != sizeof said) std::abort();
}

bool is_readable(int fd) {
    pollfd one{fd, POLLIN, 0};
    return ::poll(&one, 1, patience) == 1;
}

std::string option(std::string_view name) {
    std::ifstream in{"/proc/self/cmdline", std::ios::binary};
    const std::string all{std::istreambuf_iterator<char>{in}, {}};
    const auto at = all.find("--" + std::string{name} + "=");
    return at == std::string::npos ? "" : all.substr(all.find('=', at) + 1).c_str();
}

void wait_for(int channel, Word word) {
    for (Message message; is_readable(channel);) {
        if (hear(channel, message) == Heard::closed) break;
        if (message.word == word) return;
    }
    ::_exit(99);
}

sigset_t awaited_signals() {
    sigset_t out;
    sigemptyset(&out);
    sigaddset(&out, SIGTERM);
    sigaddset(&out, SIGHUP);
    return out;
}

int first_channel = -1;
[[noreturn]] void yield(int /*signal*/) {
    say(first_channel, Word::yielded);
    ::_exit(0);
}

// Holds a file that its guardian keeps, asks for a restart, and gives way once that is called off, or SIGUSR1 comes.
[[noreturn]] void be_first(int channel) {
    first_channel = channel;
    std::signal(SIGUSR1, yield);
    static_cast<void>(inherit(channel));
    const MemoryFile file{4096};
    say(channel, Word::keep, "a file", file.fd());
    say(channel, Word::ready);
    say(channel, Word::restart);
    wait_for(channel, Word::yield);
    tell(What::heard_yield);
    wait_for(channel, Word::refused);
    say(channel, Word::yielded);
    ::_exit(0);
}

[[noreturn]] void be_next(int channel) {
    tell(What::prepared);  // before anybody is told to yield
    say(channel, Word::prepared);
    const bool bare = inherit(channel).empty();
    say(channel, Word::ready);
    tell(bare ? What::goes_on_bare : What::goes_on);
    const auto awaited = awaited_signals();
    const timespec limit{.tv_sec = patience / 1'000, .tv_nsec = 0};
    for (;;) {
        const int number = ::sigtimedwait(&awaited, nullptr, &limit);
        if (number != SIGHUP) ::_exit(number == SIGTERM ? 0 : 99);
        tell(What::reloads);
    }
}

class Daemon {
public:
    Daemon() {
        REQUIRE(::pipe(ends_.data()) == 0);
        ::setenv(pipe_variable, std::to_string(ends_[1]).c_str(), 1);
        pid_ = ::fork();
        REQUIRE(pid_ >= 0);
        if (pid_ != 0) return;
        const base::UniqueFd lock{::dup(ends_[1])};
        const Log log;
        Guardian guardian{
            {.worker_arguments = {"--no-skip", "--test-case=a worker"}, .put_back = [] { tell(What::put_back); }},
            lock,
            log};
        ::_exit(guardian.run());
    }
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;
    ~Daemon() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
        }
        ::close(ends_[0]);
    }

    void stop() const { ::kill(pid_, SIGTERM); }
    void reload() const { ::kill(pid_, SIGHUP); }

    // The next that says so, whatever others say before; -1: nobody.
    pid_t wait_for(What what) {
        for (Said said; is_readable(ends_[0]) && ::read(ends_[0], &said, sizeof said) == sizeof said;)
            if (said.what == what) return said.pid;
        return -1;
    }
    // It ended so, and nothing more is said; after that the pipe has no writers.
    int exit_status() {
        ::close(ends_[1]);
        int status = -1;
        ::waitpid(pid_, &status, 0);
        pid_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }

private:
    std::array<int, 2> ends_{};
    pid_t pid_ = -1;
};

}  // namespace

TEST_CASE("a worker" * doctest::skip()) {
    const auto awaited = awaited_signals();
    ::sigprocmask(SIG_BLOCK, &awaited, nullptr);
    const auto channel = option(channel_option);
    if (channel.empty()) return;  // the whole of the tests, with those that are passed over
    option(restarts_option) == "0" ? be_first(std::stoi(channel)) : be_next(std::stoi(channel));
}

TEST_CASE("a stop while a worker gives way: it withdraws nothing, so the guardian puts everything back") {
    Daemon daemon;
    REQUIRE(daemon.wait_for(What::heard_yield) > 0);
    daemon.stop();
    CHECK(daemon.exit_status() == 0);
    CHECK(daemon.wait_for(What::put_back) > 0);
}

TEST_CASE("a successor that dies while a worker gives way to it: another one goes on with what that one held") {
    Daemon daemon;
    const auto successor = daemon.wait_for(What::prepared);
    REQUIRE(successor > 0);
    REQUIRE(daemon.wait_for(What::heard_yield) > 0);
    REQUIRE(::kill(successor, SIGKILL) == 0);
    const auto next = daemon.wait_for(What::goes_on);
    REQUIRE(next > 0);
    CHECK(next != successor);
    daemon.stop();
    CHECK(daemon.exit_status() == 0);
    CHECK(daemon.wait_for(What::put_back) == -1);
}

TEST_CASE("a reload amid a restart reaches the worker that goes on: it has read the configuration of before") {
    Daemon daemon;
    const auto first = daemon.wait_for(What::heard_yield);
    REQUIRE(first > 0);
    daemon.reload();
    REQUIRE(::kill(first, SIGUSR1) == 0);
    const auto next = daemon.wait_for(What::reloads);
    CHECK(next > 0);
    CHECK(next != first);
    daemon.stop();
    CHECK(daemon.exit_status() == 0);
}
