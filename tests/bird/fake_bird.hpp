// A BIRD that does what a test tells it, behind a control socket in a folder of the test's own.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <boost/asio/io_context.hpp>

#include "base/unique_fd.hpp"
#include "captures.hpp"

namespace bird_test {

class TemporaryDirectory {
public:
    TemporaryDirectory() {
        char name[] = "/dev/shm/wgbfd-bird-XXXXXX";
        REQUIRE(::mkdtemp(name) != nullptr);
        path = name;
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    ~TemporaryDirectory() { std::filesystem::remove_all(path); }
    std::filesystem::path path;
};

class FakeBird {
public:
    explicit FakeBird(std::filesystem::path path) : path_{std::move(path)} { start(); }
    FakeBird(const FakeBird&) = delete;
    FakeBird& operator=(const FakeBird&) = delete;
    ~FakeBird() { stop(); }

    void start() {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
        listener_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        REQUIRE(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(::listen(listener_.get(), 8) == 0);
    }
    void stop() {
        listener_.reset();
        connection_.reset();
        std::filesystem::remove(path_);
    }
    void hang_up() { connection_.reset(); }

    void turn() {
        if (listener_) {
            base::UniqueFd fd{::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
            if (fd) {
                connection_ = std::move(fd);
                received_.clear();
                ++connections;
                send(greeting);
            }
        }
        if (!connection_) return;
        std::array<char, 4096> chunk;
        const auto n = ::recv(connection_.get(), chunk.data(), chunk.size(), 0);
        if (n > 0) received_.append(chunk.data(), static_cast<std::size_t>(n));
        for (auto end = received_.find('\n'); end != std::string::npos; end = received_.find('\n')) {
            const auto command = received_.substr(0, end);
            received_.erase(0, end + 1);
            commands.push_back(command);
            if (on_command) send(on_command(command));
        }
    }
    void send(const std::string& text) {
        if (connection_ && !text.empty())
            REQUIRE(::send(connection_.get(), text.data(), text.size(), MSG_NOSIGNAL) ==
                    static_cast<ssize_t>(text.size()));
    }

    // Turns both ends until `done`; the limit only ends a test that fails.
    bool until(boost::asio::io_context& context, const std::function<bool()>& done) {
        const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds{10};
        while (!done()) {
            if (std::chrono::steady_clock::now() > limit) return false;
            turn();
            context.restart();
            context.run_for(std::chrono::milliseconds{1});
        }
        return true;
    }

    std::string greeting = captures::greeting;
    std::function<std::string(const std::string&)> on_command;  // "": does not answer
    std::vector<std::string> commands;
    int connections = 0;

private:
    std::filesystem::path path_;
    base::UniqueFd listener_, connection_;
    std::string received_;
};

}  // namespace bird_test
