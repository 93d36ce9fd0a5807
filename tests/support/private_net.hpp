// For tests that need real interfaces: namespaces of the test's own (network, and mounts with an empty /run, so that no
// socket of the host is seen or touched), programs that end with the test, and waiting for a state.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <string>

#include <boost/asio/io_context.hpp>

#include "base/unique_fd.hpp"

namespace support {

inline bool is_root() { return ::geteuid() == 0; }

class PrivateNet {
public:
    PrivateNet()
        : net_{::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)},
          mounts_{::open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC)} {
        REQUIRE(::unshare(CLONE_NEWNET | CLONE_NEWNS) == 0);
        REQUIRE(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0);
        REQUIRE(::mount("tmpfs", "/run", "tmpfs", 0, nullptr) == 0);
        REQUIRE(::mkdir("/run/wireguard", 0700) == 0);
    }
    PrivateNet(const PrivateNet&) = delete;
    PrivateNet& operator=(const PrivateNet&) = delete;
    ~PrivateNet() {
        ::setns(net_.get(), CLONE_NEWNET);
        ::setns(mounts_.get(), CLONE_NEWNS);
    }

private:
    base::UniqueFd net_, mounts_;
};

inline void sh(const std::string& command) {
    CAPTURE(command);
    REQUIRE(::system(command.c_str()) == 0);
}

// A function in a child process, which may become a program; killed when it leaves scope.
class Process {
public:
    explicit Process(const std::function<void()>& body) : pid_{::fork()} {
        REQUIRE(pid_ >= 0);
        if (pid_ != 0) return;
        body();
        ::_exit(0);
    }
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    ~Process() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    pid_t pid() const { return pid_; }

private:
    pid_t pid_;
};

// Runs the loop until `done`, for `limit` at most.
inline bool until(boost::asio::io_context& context, const std::function<bool()>& done,
                  std::chrono::milliseconds limit = std::chrono::seconds{60}) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!done()) {
        if (std::chrono::steady_clock::now() > end) return false;
        context.restart();
        context.run_one_for(std::chrono::milliseconds{10});
    }
    return true;
}

// A userspace WireGuard with its interface NAME and its socket /var/run/wireguard/NAME.sock.
class WireguardGo {
public:
    explicit WireguardGo(const std::string& name)
        : process_{[&name] {
              const int quiet = ::open("/dev/null", O_WRONLY);  // it greets at length
              ::dup2(quiet, STDOUT_FILENO);
              ::dup2(quiet, STDERR_FILENO);
              ::execlp("wireguard-go", "wireguard-go", "-f", name.c_str(), nullptr);
          }} {
        const auto socket = "/var/run/wireguard/" + name + ".sock";
        boost::asio::io_context idle;
        REQUIRE(until(idle, [&] {
            ::usleep(2000);
            return ::access(socket.c_str(), F_OK) == 0;
        }));
    }
    pid_t pid() const { return process_.pid(); }

private:
    Process process_;
};

}  // namespace support
