#include "cli/bounded_command.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/unique_fd.hpp"

namespace cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t most_output = 32 << 20;  // bytes

class SpawnActions {
public:
    SpawnActions() { ::posix_spawn_file_actions_init(&all_); }
    ~SpawnActions() { ::posix_spawn_file_actions_destroy(&all_); }
    SpawnActions(const SpawnActions&) = delete;
    SpawnActions& operator=(const SpawnActions&) = delete;
    posix_spawn_file_actions_t* get() { return &all_; }

private:
    posix_spawn_file_actions_t all_{};
};

pid_t spawn(const std::vector<std::string>& arguments, int output) {
    std::vector<char*> words;
    words.reserve(arguments.size() + 1);
    for (const auto& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
    words.push_back(nullptr);
    SpawnActions actions;
    ::posix_spawn_file_actions_addopen(actions.get(), 0, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(actions.get(), output, 1);
    ::posix_spawn_file_actions_addopen(actions.get(), 2, "/dev/null", O_WRONLY, 0);
    pid_t pid = 0;
    const int error = ::posix_spawnp(&pid, words.front(), actions.get(), nullptr, words.data(), environ);
    if (error == 0) return pid;
    errno = error;
    return -1;
}

// False: out of time, or it prints without end.
bool read_all(int fd, Clock::time_point end, std::string& out) {
    for (;;) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
        pollfd ready{fd, POLLIN, 0};
        if (left <= 0 || out.size() > most_output || ::poll(&ready, 1, static_cast<int>(left)) <= 0) return false;
        char block[64 * 1024];
        const auto n = ::read(fd, block, sizeof block);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return n == 0;
        out.append(block, static_cast<std::size_t>(n));
    }
}

}  // namespace

base::Result<std::string, std::string> run_bounded(const std::vector<std::string>& arguments,
                                                   std::chrono::milliseconds at_most) {
    const auto& name = arguments.front();
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return tl::unexpected{name + ": pipe: " + std::strerror(errno)};
    base::UniqueFd from{ends[0]}, to{ends[1]};
    const auto end = Clock::now() + at_most;
    const auto pid = spawn(arguments, to.get());
    if (pid < 0) return tl::unexpected{name + ": " + std::strerror(errno)};
    to.reset();
    std::string out;
    const bool done = read_all(from.get(), end, out);
    if (!done) ::kill(pid, SIGKILL);
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (!done) return tl::unexpected{name + ": no answer within " + std::to_string(at_most.count()) + " ms"};
    if (status != 0) return tl::unexpected{name + ": failed (are you root?)"};
    return out;
}

}  // namespace cli
