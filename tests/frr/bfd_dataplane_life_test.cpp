// Connections: how many, lost ones, a bfdd that hangs or goes, and the end.
#include <filesystem>

#include <doctest/doctest.h>

#include "dataplane_talk.hpp"

using namespace frr;
using bfd::State;
using test::Talk;

TEST_CASE("connections are opened while a new one brings sessions, then one more is kept") {
    Talk t;
    std::uint32_t lid = 0;
    t.on_accept = [&](test::Peer& peer) {
        const std::uint32_t burst = t.peers.size() <= 3 ? 58 : t.peers.size() == 4 ? 27 : 0;
        for (std::uint32_t i = 0; i < burst; ++i) peer.send(test::add(++lid));
    };
    REQUIRE(t.until([&] { return t.peers.size() == 5 && t.peers[4]->echoes == 1; }));
    CHECK(t.client.sessions() == 201);
    REQUIRE(t.until([&] { return t.client.connections() == 5 && t.peers[4]->echoes == 2; }));  // a second later
    CHECK(t.peers.size() == 5);
    t.tell(1, State::up);
    t.tell(59, State::up);
    t.tell(201, State::up);
    REQUIRE(t.until([&] { return t.heard(0) + t.heard(1) + t.heard(3) == 3; }));
    CHECK(t.heard(0) == 1);
    CHECK(t.heard(1) == 1);
    CHECK(t.heard(3) == 1);
}

TEST_CASE("a connection that closes gives its sessions to the others without on_gone") {
    Talk t;
    t.settle();
    t.peers[0]->send(test::add(7));
    REQUIRE(t.until([&] { return t.added.contains(7); }));
    t.tell(7, State::up);
    REQUIRE(t.until([&] { return t.heard(0) == 1; }));
    t.peers[0]->closed = true;
    t.peers[0]->close();
    t.peers[1]->send(test::add(7));
    REQUIRE(t.until([&] { return t.heard(1) == 1; }));
    CHECK(t.peers[1]->messages[0].state() == 3);
    REQUIRE(t.until([&] { return t.peers.size() == 3 && t.client.connections() == 2; }));
    CHECK(t.gone == 0);
    CHECK(t.deleted.empty());
}

TEST_CASE("a bfdd that goes and comes back hears the latest state of the lids it adds again") {
    Talk t;
    t.settle();
    t.peers[0]->send(test::add(7));
    REQUIRE(t.until([&] { return t.added.contains(7); }));
    t.listener.stop();
    for (auto& peer : t.peers) {
        peer->closed = true;
        peer->close();
    }
    REQUIRE(t.until([&] { return t.gone == 1; }));
    CHECK_FALSE(t.client.connected());
    CHECK(t.client.sessions() == 0);
    t.tell(7, State::up);
    REQUIRE(t.until([&] { return t.problems.back().find("--dplaneaddr") != std::string::npos; }));
    t.peers.clear();
    t.listener.listen();
    t.on_accept = [&](test::Peer& peer) {
        if (t.peers.size() == 1) peer.send(test::add(7));
    };
    REQUIRE(t.until([&] { return t.peers.size() >= 1 && t.heard(0) == 1; }));
    CHECK(t.peers[0]->messages[0].state() == 3);
    REQUIRE(t.until([&] { return t.problems.back().empty(); }));
    CHECK(t.gone == 1);
}

TEST_CASE("a bfdd that does not answer is a problem, no reason to close, and none once it answers") {
    Talk t;
    t.settle();
    t.reads = false;
    REQUIRE(
        t.until([&] { return !t.problems.empty() && t.problems.back().find("does not answer") != std::string::npos; }));
    CHECK(t.client.connections() == 2);
    t.reads = true;
    REQUIRE(t.until([&] { return t.problems.back().empty(); }));
    CHECK(t.gone == 0);
}

TEST_CASE("stop tells AdminDown for every lid, waits until bfdd has read it, then closes") {
    Talk t;
    t.settle();
    t.peers[0]->send(test::add(7));
    t.peers[1]->send(test::add(8));
    REQUIRE(t.until([&] { return t.adds == 2; }));
    t.tell(7, State::up);
    bool done = false;
    t.client.stop([&] { done = true; });
    CHECK_FALSE(done);
    REQUIRE(t.until([&] { return done; }));
    REQUIRE(t.until([&] { return t.peers[0]->closed && t.peers[1]->closed; }));
    CHECK(t.peers[0]->messages.back().state() == 0);
    CHECK(t.peers[0]->messages.back().lid() == 7);
    CHECK(t.peers[1]->messages.back().state() == 0);
    CHECK_FALSE(t.client.connected());
    CHECK(t.gone == 0);
}

TEST_CASE("stop does not wait for ever for a bfdd that hangs, nor for one that is not there") {
    Talk t;
    t.settle();
    t.reads = false;
    bool done = false;
    t.client.stop([&] { done = true; });
    REQUIRE(t.until([&] { return done; }));

    boost::asio::io_context context{1};
    BfdDataplane alone{context, "unix:" + (t.directory.path / "nobody").string(), {}};
    bool also_done = false;
    alone.stop([&] { also_done = true; });
    REQUIRE(test::run_until(context, [&] { return also_done; }));
}

TEST_CASE("an address that is none is a problem, said once") {
    boost::asio::io_context context{1};
    std::vector<std::string> problems;
    BfdDataplane client{context, "unixc:/x", {.on_problem = [&](std::string text) { problems.push_back(text); }}};
    REQUIRE(test::run_until(context, [&] { return !problems.empty(); }));
    CHECK(problems[0].find("unixc:/x") != std::string::npos);
}

TEST_CASE("a client that dies in the middle of everything leaves no handler behind") {
    test::TemporaryDirectory directory;
    test::Listener listener{directory.path / "dp.sock"};
    boost::asio::io_context context{1};
    for (int turns = 0; turns < 6; ++turns) {
        BfdDataplane client{context, "unix:" + (directory.path / "dp.sock").string(), {}};
        context.restart();
        for (int i = 0; i < turns; ++i) context.poll_one();
    }
    context.restart();
    context.poll();
    CHECK(context.stopped());
}
