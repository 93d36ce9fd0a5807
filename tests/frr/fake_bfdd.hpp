// A bfdd that does what a test tells it, byte by byte: the real one is in tests/lab/test_bfdd_dataplane.py.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <boost/asio/io_context.hpp>

#include "base/unique_fd.hpp"
#include "bytes.hpp"
#include "frr/dataplane_address.hpp"

namespace test {

struct Message {
    frr::Header header;
    Buffer bytes;
    std::uint32_t lid() const {
        base::ByteReader in{bytes};
        in.skip(8);
        return in.read<std::uint32_t>();
    }
    int state() const { return std::to_integer<int>(bytes.at(32)); }
};

class TemporaryDirectory {
public:
    TemporaryDirectory() {
        std::string text = (std::filesystem::temp_directory_path() / "wgbfd-frr-XXXXXX").string();
        REQUIRE(::mkdtemp(text.data()) != nullptr);
        path = text;
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    ~TemporaryDirectory() { std::filesystem::remove_all(path); }
    std::filesystem::path path;
};

// Turns the context until `done`; the limit only ends a test that fails.
inline bool run_until(boost::asio::io_context& context, const std::function<bool()>& done) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds{10};
    while (!done()) {
        if (std::chrono::steady_clock::now() > limit) return false;
        context.restart();
        context.run_for(std::chrono::milliseconds{1});
    }
    return true;
}

class Listener {
public:
    explicit Listener(const std::filesystem::path& path) : path_{path} { listen(); }
    ~Listener() { stop(); }
    void listen() {
        const auto address = frr::unix_address(path_.string());
        fd_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        REQUIRE(::bind(fd_.get(), address.get(), address.length) == 0);
        REQUIRE(::listen(fd_.get(), 64) == 0);
    }
    void stop() {
        fd_.reset();
        std::filesystem::remove(path_);
    }
    base::UniqueFd accept() {
        return base::UniqueFd{::accept4(fd_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
    }

private:
    std::filesystem::path path_;
    base::UniqueFd fd_;
};

// bfdd's end of one connection. Answers echoes by itself unless told not to.
class Peer {
public:
    explicit Peer(base::UniqueFd fd) : fd_{std::move(fd)} {}
    void send(base::Bytes bytes) {
        REQUIRE(::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
    }
    // Reads what is there; whole messages only, and says whether one was split.
    void read() {
        std::array<std::byte, 65536> chunk;
        for (;;) {
            const auto n = ::recv(fd_.get(), chunk.data(), chunk.size(), 0);
            if (n == 0) closed = true;
            if (n <= 0) break;
            received_.insert(received_.end(), chunk.begin(), chunk.begin() + n);
        }
        for (;;) {
            const auto next = frr::next_message(received_);
            REQUIRE(next.has_value());
            if (!*next) break;
            const auto length = static_cast<std::ptrdiff_t>((*next)->length);
            Message message{**next, {received_.begin(), received_.begin() + length}};
            received_.erase(received_.begin(), received_.begin() + length);
            if (message.header.type == frr::MessageType::echo_request && answers_echo) {
                message.bytes[3] = std::byte{1};
                if (!closed) send(message.bytes);
                ++echoes;
            } else {
                messages.push_back(std::move(message));
            }
        }
    }
    void close() { fd_.reset(); }
    bool half_message() const { return !received_.empty(); }

    std::vector<Message> messages;
    int echoes = 0;
    bool answers_echo = true;
    bool closed = false;

private:
    base::UniqueFd fd_;
    Buffer received_;
};

}  // namespace test
