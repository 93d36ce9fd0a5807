// The listener for zebra's FPM stream, with sockets of the test's own on the loopback.
#include "frr/fpm.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>

#include "fake_bfdd.hpp"
#include "support/fpm_frames.hpp"

using namespace std::chrono_literals;
using support::fpm::hex;
namespace fpm = support::fpm;

namespace {

constexpr const char* loopback = "127.0.0.1:";

sockaddr_in address(std::uint16_t port) {
    sockaddr_in out{};
    out.sin_family = AF_INET;
    out.sin_port = htons(port);
    out.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return out;
}

// A socket bound to a port that nobody else has, on which nobody listens before listen().
struct Bound {
    Bound() {
        fd.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        auto at = address(0);
        REQUIRE(::bind(fd.get(), reinterpret_cast<sockaddr*>(&at), sizeof at) == 0);
        socklen_t length = sizeof at;
        REQUIRE(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&at), &length) == 0);
        port = ntohs(at.sin_port);
    }
    base::UniqueFd fd;
    std::uint16_t port = 0;
};

std::uint16_t free_port() { return Bound{}.port; }

base::UniqueFd connected(std::uint16_t port) {
    base::UniqueFd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const auto at = address(port);
    REQUIRE(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0);
    return fd;
}

void send(const base::UniqueFd& fd, base::Bytes bytes) {
    REQUIRE(::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
}

// Our end has closed.
bool is_closed(const base::UniqueFd& fd) {
    char byte = 0;
    return ::recv(fd.get(), &byte, 1, MSG_DONTWAIT) == 0;
}

struct Fixture {
    explicit Fixture(std::uint16_t at = free_port(), base::Duration second = 1s)
        : port{at}, server{context, loopback + std::to_string(at), events(), second} {}
    // Whoever has said something valid.
    base::UniqueFd zebra() {
        auto fd = connected(port);
        send(fd, hex(fpm::connected));
        REQUIRE(until([&] { return said.ends_with("open "); }));
        types.clear();
        return fd;
    }
    frr::Fpm::Events events() {
        frr::Fpm::Events out;
        out.on_open = [this] { said += "open "; };
        out.on_message = [this](const io::NetlinkMessage& m) { types.push_back(m.type); };
        out.on_settled = [] {};
        out.on_replayed = [this] { said += "replayed "; };
        out.on_closed = [this] { said += "closed "; };
        out.on_note = [this](const std::string& note) { notes.push_back(note); };
        return out;
    }
    bool until(const std::function<bool()>& done) { return test::run_until(context, done); }

    boost::asio::io_context context{1};
    std::string said;
    std::vector<std::uint16_t> types;
    std::vector<std::string> notes;
    std::uint16_t port;
    frr::Fpm server;
};

}  // namespace

TEST_CASE("what zebra sends arrives message by message, however TCP cuts it") {
    Fixture f;
    const auto zebra = f.zebra();
    CHECK(f.server.client().starts_with(loopback));
    for (const auto& frame : {fpm::nexthop_v4, fpm::route_v4, fpm::update_v4})
        for (const auto byte : hex(frame)) {
            send(zebra, {&byte, 1});
            f.context.restart();
            f.context.poll();
        }
    REQUIRE(f.until([&] { return f.types.size() == 4; }));
    CHECK(f.types == std::vector<std::uint16_t>{104, 24, 25, 24});
    CHECK(f.server.messages() == 5);
}

TEST_CASE("the replay is over once the stream has been calm, and not before") {
    Fixture f;
    const auto zebra = f.zebra();
    const auto frame = hex(fpm::route_v4);
    const auto begun = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - begun < 3s) {
        for (int i = 0; i < 10; ++i) send(zebra, frame);
        f.context.restart();
        f.context.run_for(10ms);
    }
    CHECK(f.said == "open ");
    CHECK(f.until([&] { return f.said == "open replayed "; }));
}

TEST_CASE("a large replay is read a slice at a time") {
    Fixture f;
    const auto zebra = connected(f.port);
    const auto frame = hex(fpm::route_v4);
    std::vector<std::byte> many;
    for (int i = 0; i < 20'000; ++i) many.insert(many.end(), frame.begin(), frame.end());
    std::size_t sent = 0;
    REQUIRE(f.until([&] {
        const auto n = ::send(zebra.get(), many.data() + sent, many.size() - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0) sent += static_cast<std::size_t>(n);
        return f.types.size() == 20'000;
    }));
    CHECK(f.server.most_bytes_a_turn() <= 16 * 1024);
}

TEST_CASE("one zebra is served: a second one is turned away and told of, once, until the first has gone") {
    Fixture f;
    auto first = f.zebra();
    const auto served = f.server.client();
    for (int i = 0; i < 3; ++i) {
        const auto second = connected(f.port);
        REQUIRE(f.until([&] { return is_closed(second); }));
    }
    CHECK(f.server.client() == served);
    CHECK(f.server.problem().find(served) != std::string::npos);
    CHECK(f.server.problem().find("turned away") != std::string::npos);
    CHECK(f.notes.size() == 2);  // connected, and one refusal
    send(first, hex(fpm::route_v4));
    REQUIRE(f.until([&] { return f.types.size() == 1; }));
    first.reset();
    REQUIRE(f.until([&] { return f.said == "open closed "; }));
    CHECK(f.server.problem().empty());
    CHECK(f.server.client().empty());
    const auto next = f.zebra();
    CHECK(f.said == "open closed open ");
}

TEST_CASE("a zebra that is back before its end was noticed is no second one") {
    Fixture f;
    auto first = f.zebra();
    const auto frame = hex(fpm::route_v4);
    for (int i = 0; i < 2'000; ++i) send(first, frame);  // turns away from its end
    first.reset();
    const auto second = connected(f.port);
    send(second, frame);
    CHECK(f.until([&] { return f.said == "open closed open "; }));
    CHECK(!is_closed(second));
}

TEST_CASE("garbage ends the connection, after what was whole before it") {
    Fixture f;
    const auto zebra = connected(f.port);
    auto bytes = hex(fpm::route_v4);
    const auto garbage = hex("ff ff ff ff");
    bytes.insert(bytes.end(), garbage.begin(), garbage.end());
    send(zebra, bytes);
    REQUIRE(f.until([&] { return f.said == "open closed "; }));
    CHECK(f.types.size() == 1);
    CHECK(f.notes.back().find("another version") != std::string::npos);
}

TEST_CASE("a port that is taken is said, with what to do, and tried again") {
    Bound other;
    REQUIRE(::listen(other.fd.get(), 1) == 0);
    Fixture f{other.port};
    CHECK(f.server.problem().find("Address already in use") != std::string::npos);
    CHECK(f.server.problem().find("[frr] fpm") != std::string::npos);
    other.fd.reset();
    REQUIRE(f.until([&] { return f.server.problem().empty(); }));
    const auto zebra = f.zebra();
    CHECK(f.said == "open ");
}

TEST_CASE("whoever connects and says nothing is not zebra: dropped after 5 s and told of once, while others wait") {
    Fixture f{free_port(), 2ms};
    const auto silent = connected(f.port);
    REQUIRE(f.until([&] { return is_closed(silent); }));
    REQUIRE(f.notes.size() == 1);
    CHECK(f.notes.front().starts_with("fpm turned away=127.0.0.1:"));
    CHECK(f.notes.front().ends_with("reason=\"it sent no valid frame for 5 s\""));
    CHECK(f.said.empty());
    CHECK(f.server.client().empty());
    CHECK(f.server.problem().find("it sent no valid frame for 5 s") != std::string::npos);
    const auto another = connected(f.port);
    const auto zebra = connected(f.port);
    send(zebra, hex(fpm::route_v4));
    REQUIRE(f.until([&] { return f.said.starts_with("open "); }));
    CHECK(is_closed(another));
    CHECK(!is_closed(zebra));
    CHECK(f.server.problem().empty());
    CHECK(f.types.size() == 1);
}

TEST_CASE("neither a frame without a message nor garbage makes a zebra; one after the other is told of once") {
    Fixture f;
    for (const auto* bytes : {"ff ff ff ff", "01 01 00 04 ff ff ff ff", "01 02 00 04"}) {
        const auto other = connected(f.port);
        send(other, hex(bytes));
        REQUIRE(f.until([&] { return is_closed(other); }));
    }
    { const auto gone = connected(f.port); }
    const auto zebra = f.zebra();
    CHECK(f.said == "open ");
    CHECK(f.notes.size() == 2);
    CHECK(f.notes.front().find("another version") != std::string::npos);
    CHECK(f.notes.back().starts_with("fpm connected="));
}

TEST_CASE("who connected in vain is forgotten 10 s later") {
    Fixture f{free_port(), 1ms};
    { const auto gone = connected(f.port); }
    REQUIRE(f.until([&] { return f.server.problem().find("left without a valid frame") != std::string::npos; }));
    CHECK(f.until([&] { return f.server.problem().empty(); }));
}

TEST_CASE("a replay under churn that never ends is over after 60 s") {
    Fixture f{free_port(), 2ms};
    const auto zebra = f.zebra();
    std::vector<std::byte> many;
    for (int i = 0; i < 100; ++i)
        for (const auto byte : hex(fpm::route_v4)) many.push_back(byte);
    CHECK(f.until([&] {
        static_cast<void>(::send(zebra.get(), many.data(), many.size(), MSG_NOSIGNAL));
        return f.said == "open replayed ";
    }));
}
