// The follower of neighbours against daemons that answer, refuse, hang and restart.
#include "frr/neighbors.hpp"

#include <doctest/doctest.h>

#include <map>
#include <optional>

#include "fake_bfdd.hpp"

using namespace std::string_literals;
using adjacency::Neighbor;

namespace {

base::IpAddress ip(std::string_view text) { return base::IpAddress::parse(text).value(); }

// A daemon's vty socket; a command it has no answer for it keeps to itself.
struct Daemon {
    explicit Daemon(const std::filesystem::path& path) : listener{path} {}

    void turn() {
        if (auto fd = listener.accept()) {
            connection = std::move(fd);
            received.clear();
        }
        if (!connection) return;
        std::array<char, 4096> chunk;
        const auto n = ::recv(connection.get(), chunk.data(), chunk.size(), 0);
        if (n > 0) received.append(chunk.data(), static_cast<std::size_t>(n));
        for (auto end = received.find('\0'); end != std::string::npos; end = received.find('\0')) {
            const auto command = received.substr(0, end);
            received.erase(0, end + 1);
            if (command != "enable") asked.push_back(command);
            const auto answer = command == "enable" ? std::optional{""s} : answer_to(command);
            if (!answer) continue;
            const auto text = *answer + "\0\0\0\0"s;
            REQUIRE(::send(connection.get(), text.data(), text.size(), MSG_NOSIGNAL) ==
                    static_cast<ssize_t>(text.size()));
        }
    }
    std::optional<std::string> answer_to(const std::string& command) const {
        const auto found = answers.find(command);
        return found == answers.end() ? std::nullopt : std::optional{found->second};
    }

    test::Listener listener;
    base::UniqueFd connection;
    std::string received;
    std::vector<std::string> asked;
    std::map<std::string, std::string> answers;
};

struct Router {
    Router() {
        bgpd.answers["show bgp neighbors json"] =
            R"({"fe80::2":{"nbrExternalLink":true,"externalBgpNbrMaxHopsAway":1,"bgpState":"Active"}})";
        bgpd.answers["show running-config"] = "router bgp 1\n neighbor fe80::2 interface wg0\n";
        ospfd.answers["show ip ospf neighbor json"] =
            R"({"neighbors":{"1.1.1.1":[{"nbrState":"Full/-","ifaceAddress":"10.8.0.2","ifaceName":"wg0:10.8.0.1"}]}})";
    }
    bool until(const std::function<bool()>& done) {
        return test::run_until(context, [&] {
            bgpd.turn();
            ospfd.turn();
            return done();
        });
    }

    test::TemporaryDirectory directory;
    Daemon bgpd{directory.path / "bgpd.vty"}, ospfd{directory.path / "ospfd.vty"};
    boost::asio::io_context context{1};
    std::vector<std::vector<Neighbor>> told;
    frr::Neighbors neighbors{context, directory.path.string(),
                             [this](std::vector<Neighbor> all) { told.push_back(std::move(all)); }};
};

}  // namespace

TEST_CASE("nobody is asked until somebody wants to know") {
    Router router;
    int turns = 0;
    REQUIRE(router.until([&] { return ++turns > 50; }));
    CHECK(router.bgpd.asked.empty());
    CHECK(router.told.empty());
}

TEST_CASE("daemons that run are asked in turn, and one that is not enabled is no problem") {
    Router router;
    router.neighbors.follow(true);
    REQUIRE(router.until([&] { return router.told.size() == 1; }));
    CHECK(router.told[0] == std::vector{Neighbor{"wg0", {}, ip("fe80::2"), true, false},
                                        Neighbor{"wg0", ip("10.8.0.1"), ip("10.8.0.2"), true, true}});
    CHECK(router.bgpd.asked == std::vector{"show bgp neighbors json"s, "show running-config"s});
    CHECK(router.neighbors.problems().empty());  // ospf6d
}

TEST_CASE("a daemon that does not answer is a problem; the others are heard all the same") {
    Router router;
    router.bgpd.answers.clear();
    router.neighbors.follow(true);
    REQUIRE(router.until([&] { return router.told.size() == 1; }));  // bgpd had its 3 s
    CHECK(router.told[0].size() == 1);
    REQUIRE(router.neighbors.problems().size() == 1);
    CHECK(router.neighbors.problems()[0] == "neighbours: bgpd does not answer within 3 s");
    router.neighbors.follow(false);
    CHECK(router.neighbors.problems().empty());
}

TEST_CASE("a daemon that was there and is gone is missed, and what it said stands") {
    Router router;
    router.neighbors.follow(true);
    REQUIRE(router.until([&] { return router.told.size() == 1; }));
    router.bgpd.listener.stop();
    router.bgpd.connection.reset();
    router.neighbors.follow(false);
    router.neighbors.follow(true);  // asks at once
    REQUIRE(router.until([&] { return !router.neighbors.problems().empty(); }));
    CHECK(router.neighbors.problems()[0].starts_with("neighbours: bgpd is not running"));
    CHECK(router.told.size() == 1);
}

TEST_CASE("where no routing daemon runs the problem says what to do, once for all") {
    test::TemporaryDirectory directory;
    boost::asio::io_context context{1};
    frr::Neighbors neighbors{context, directory.path.string(), [](const auto&) { FAIL("nobody spoke"); }};
    neighbors.follow(true);
    REQUIRE(test::run_until(context, [&] { return !neighbors.problems().empty(); }));
    REQUIRE(neighbors.problems().size() == 1);
    CHECK(neighbors.problems()[0].find("neither bgpd, ospfd nor ospf6d runs") != std::string::npos);
}

TEST_CASE("an answer that is no JSON is a problem that names the question") {
    Router router;
    router.ospfd.answers["show ip ospf neighbor json"] = "{\"neighbors\":{\"1.1.1.1\":[";
    router.neighbors.follow(true);
    REQUIRE(router.until([&] { return router.told.size() == 1; }));
    REQUIRE(router.neighbors.problems().size() == 1);
    CHECK(router.neighbors.problems()[0].find("show ip ospf neighbor json") != std::string::npos);
}
