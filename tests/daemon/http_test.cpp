// Clients of /metrics on loopback; the server runs in the same thread, a handler at a time.
#include "daemon/http.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <utility>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

using namespace std::chrono_literals;
using boost::asio::ip::tcp;

namespace {

const std::string get = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";

struct Served {
    boost::asio::io_context context;
    std::uint16_t port = free_port();
    std::vector<wgbfd::Http::Reply> waiting;
    wgbfd::Http::Page page = std::make_shared<const std::string>("some 1\n");
    wgbfd::Http http{context,
                     "127.0.0.1:" + std::to_string(port),
                     "text/plain",
                     {[this](wgbfd::Http::Reply reply) { waiting.push_back(std::move(reply)); }, [](const auto&) {}}};

    static std::uint16_t free_port() {
        boost::asio::io_context none;
        return tcp::acceptor{none, {boost::asio::ip::address_v4::loopback(), 0}}.local_endpoint().port();
    }
    tcp::socket connect() {
        tcp::socket socket{context};
        socket.connect({boost::asio::ip::address_v4::loopback(), port});
        socket.non_blocking(true);
        run();
        return socket;
    }
    void run() {  // what is ready
        context.restart();
        for (int quiet = 0; quiet < 3;) quiet = context.run_one_for(5ms) > 0 ? 0 : quiet + 1;
    }
    void answer() {
        for (const auto& reply : std::exchange(waiting, {})) reply(page);
        run();
    }
    static std::string take(tcp::socket& socket) {
        std::array<char, 4096> bytes{};
        boost::system::error_code error;
        const auto count = socket.read_some(boost::asio::buffer(bytes), error);
        if (error == boost::asio::error::eof) return "closed";
        return {bytes.data(), count};
    }
};

}  // namespace

TEST_CASE("who comes when all places are held by the silent takes the place of the one silent for the longest") {
    Served served;
    std::vector<tcp::socket> silent;
    for (std::size_t i = 0; i < wgbfd::Http::most_clients; ++i) silent.push_back(served.connect());
    auto client = served.connect();
    boost::asio::write(client, boost::asio::buffer(get));
    served.run();
    REQUIRE(served.waiting.size() == 1);
    served.answer();
    CHECK(Served::take(client).find("some 1") != std::string::npos);
    CHECK(Served::take(silent[0]) == "closed");
    for (std::size_t i = 1; i < silent.size(); ++i) CHECK(Served::take(silent[i]).empty());
    // It has asked, and is silent from now on: the others have been for longer.
    for (std::size_t i = 1; i < silent.size(); ++i) {
        silent[0] = served.connect();
        CHECK(Served::take(silent[i]) == "closed");
        silent[i] = std::move(silent[0]);
    }
    CHECK(Served::take(client).empty());
}

TEST_CASE("who waits for a page is not dropped: the next one waits for a place") {
    Served served;
    std::vector<tcp::socket> asking;
    for (std::size_t i = 0; i < wgbfd::Http::most_clients; ++i) {
        asking.push_back(served.connect());
        boost::asio::write(asking.back(), boost::asio::buffer(get));
        served.run();
    }
    auto late = served.connect();
    auto later = served.connect();
    for (auto* one : {&late, &later}) boost::asio::write(*one, boost::asio::buffer(get));
    served.run();
    CHECK(served.waiting.size() == wgbfd::Http::most_clients);
    for (auto& one : asking) CHECK(Served::take(one).empty());
    served.answer();
    for (auto& one : asking) CHECK(Served::take(one).find("some 1") != std::string::npos);
    served.answer();
    CHECK(Served::take(late).find("some 1") != std::string::npos);
    CHECK(Served::take(later).find("some 1") != std::string::npos);
}

TEST_CASE("a page is one for all who wait for it") {
    Served served;
    served.page = std::make_shared<const std::string>(std::string(8 << 20, 'x'));  // more than a socket takes at once
    std::vector<tcp::socket> clients;
    for (int i = 0; i < 3; ++i) {
        clients.push_back(served.connect());
        boost::asio::write(clients.back(), boost::asio::buffer(get));
    }
    served.run();
    REQUIRE(served.waiting.size() == 3);
    const auto before = served.page.use_count();
    served.answer();
    CHECK(served.page.use_count() == before + 3);  // each holds it, none a copy
    clients.clear();
    served.run();
    CHECK(served.page.use_count() == before);
}
