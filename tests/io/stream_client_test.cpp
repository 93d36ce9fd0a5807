#include "io/stream_client.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "base/unique_fd.hpp"

using namespace std::chrono_literals;

namespace {

struct Server {
    Server() {
        char name[] = "/dev/shm/wgbfd-stream-XXXXXX";
        folder = ::mkdtemp(name);
        path = folder + "/s";
    }
    ~Server() { std::filesystem::remove_all(folder); }
    void listen(int backlog = 4) {
        std::filesystem::remove(path);
        listener.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.data(), path.size());
        REQUIRE(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(::listen(listener.get(), backlog) == 0);
    }
    bool accept() {
        peer.reset(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK));
        return static_cast<bool>(peer);
    }
    std::string folder, path;
    base::UniqueFd listener, peer;
};

struct Fixture {
    // Runs the loop until `done`, at most five seconds.
    bool until(const std::function<bool()>& done) {
        const auto limit = std::chrono::steady_clock::now() + 5s;
        while (!done()) {
            if (std::chrono::steady_clock::now() > limit) return false;
            context.restart();
            context.run_one_for(10ms);
        }
        return true;
    }
    io::StreamClient::Handlers handlers() {
        return {.connected = [this] { ++connects; },
                .received =
                    [this](std::span<std::byte> bytes) {
                        const auto use = bytes.size() / unit * unit;
                        text.append(reinterpret_cast<const char*>(bytes.data()), use);
                        return use;
                    },
                .closed =
                    [this](std::error_code why) {
                        ++closes;
                        last = why;
                    }};
    }
    boost::asio::io_context context{1};
    Server server;
    std::size_t unit = 1;
    std::string text;
    int connects = 0, closes = 0;
    std::error_code last;
};

base::Bytes bytes(const std::string& text) { return std::as_bytes(std::span{text}); }

}  // namespace

TEST_CASE("a client that finds nobody tries again until somebody listens, and again after a close") {
    Fixture f;
    io::StreamClient client{
        f.context, {.path = f.server.path, .first_retry = 5ms, .longest_retry = 20ms}, f.handlers()};
    CHECK(f.closes == 0);  // nothing happens inside the constructor
    REQUIRE(f.until([&] { return f.closes == 3; }));
    CHECK(f.last == std::errc::no_such_file_or_directory);
    f.server.listen();
    REQUIRE(f.until([&] { return f.connects == 1 && f.server.accept(); }));
    f.server.peer.reset();
    const int before = f.closes;
    REQUIRE(f.until([&] { return f.closes == before + 1; }));
    CHECK_FALSE(f.last);
    CHECK_FALSE(client.send(bytes("x")));
    REQUIRE(f.until([&] { return f.connects == 2; }));
    CHECK(client.send(bytes("x")));
}

TEST_CASE("what the handler does not use comes again in front of more") {
    Fixture f;
    f.unit = 4;
    f.server.listen();
    io::StreamClient client{f.context, {.path = f.server.path}, f.handlers()};
    REQUIRE(f.until([&] { return f.connects == 1 && f.server.accept(); }));
    REQUIRE(::write(f.server.peer.get(), "abcdef", 6) == 6);
    REQUIRE(f.until([&] { return f.text == "abcd"; }));
    REQUIRE(::write(f.server.peer.get(), "gh", 2) == 2);
    REQUIRE(f.until([&] { return f.text == "abcdefgh"; }));
}

TEST_CASE("a message longer than the buffer ends the connection; one as long as the buffer allows does not") {
    Fixture f;
    f.unit = 8;
    f.server.listen();
    io::StreamClient client{f.context, {.path = f.server.path, .first_retry = 5ms, .receive_buffer = 8}, f.handlers()};
    REQUIRE(f.until([&] { return f.connects == 1 && f.server.accept(); }));
    REQUIRE(::write(f.server.peer.get(), "abcdefgh", 8) == 8);
    REQUIRE(f.until([&] { return f.text.size() == 8; }));
    CHECK(f.closes == 0);
    f.unit = 9;
    REQUIRE(::write(f.server.peer.get(), "abcdefgh", 8) == 8);
    REQUIRE(f.until([&] { return f.closes == 1; }));
    CHECK(f.last == std::errc::message_size);
}

TEST_CASE("messages arrive whole and in order through a socket that takes them slowly") {
    Fixture f;
    f.server.listen();
    io::StreamClient client{f.context, {.path = f.server.path, .most_queued = 8 << 20}, f.handlers()};
    REQUIRE(f.until([&] { return f.connects == 1 && f.server.accept(); }));
    std::string sent, got;
    for (int i = 0; i < 3000; ++i) {
        const std::string message(1000, static_cast<char>('a' + i % 26));
        REQUIRE(client.send(bytes(message)));
        sent += message;
    }
    CHECK(client.queued() > 0);
    std::vector<char> buffer(10'000);
    REQUIRE(f.until([&] {
        const auto n = ::read(f.server.peer.get(), buffer.data(), buffer.size());
        if (n > 0) got.append(buffer.data(), static_cast<std::size_t>(n));
        return got.size() == sent.size();
    }));
    CHECK(got == sent);
    CHECK(client.queued() == 0);
}

TEST_CASE("a listener that stops reading is left once the queue is full, in a turn of its own") {
    Fixture f;
    f.server.listen();
    io::StreamClient client{
        f.context, {.path = f.server.path, .first_retry = 5ms, .most_queued = 100'000}, f.handlers()};
    REQUIRE(f.until([&] { return f.connects == 1 && f.server.accept(); }));
    const std::string message(1000, 'm');
    while (client.send(bytes(message))) REQUIRE(client.queued() <= 100'000);
    CHECK(f.closes == 0);
    REQUIRE(f.until([&] { return f.closes == 1; }));
    CHECK(f.last == std::errc::no_buffer_space);
    REQUIRE(f.until([&] { return f.connects == 2; }));
    CHECK(client.queued() == 0);  // the rest of a half-written message is never sent to a new connection
    CHECK(client.send(bytes(message)));
}

TEST_CASE("a listener with a full backlog is an error to retry, not a wait") {
    Fixture f;
    f.server.listen(0);
    std::vector<std::unique_ptr<io::StreamClient>> clients;
    for (int i = 0; i < 3; ++i)
        clients.push_back(std::make_unique<io::StreamClient>(
            f.context, io::StreamClient::Options{.path = f.server.path, .first_retry = 5ms}, f.handlers()));
    REQUIRE(f.until([&] { return f.closes > 0; }));
    CHECK(f.last == std::errc::resource_unavailable_try_again);
}

TEST_CASE("a handler may destroy its client") {
    Fixture f;
    f.server.listen();
    std::optional<io::StreamClient> client;
    auto handlers = f.handlers();
    SUBCASE("when it connects") {
        handlers.connected = [&] { client.reset(); };
    }
    SUBCASE("when bytes arrive") {
        handlers.received = [&](std::span<std::byte> in) {
            client.reset();
            return in.size();
        };
    }
    SUBCASE("when it is closed") {
        handlers.closed = [&](std::error_code) { client.reset(); };
    }
    client.emplace(f.context, io::StreamClient::Options{.path = f.server.path}, std::move(handlers));
    REQUIRE(f.until([&] { return f.server.accept(); }));
    (void)::send(f.server.peer.get(), "x", 1, MSG_NOSIGNAL);
    f.context.run_for(10ms);
    f.server.peer.reset();
    CHECK(f.until([&] { return !client; }));
    f.context.restart();
    f.context.run_for(10ms);
}
