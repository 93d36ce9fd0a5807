// What is said on a connection: sessions, states, counters, and bad input.
#include <algorithm>
#include <map>

#include <doctest/doctest.h>

#include "dataplane_talk.hpp"

using namespace frr;
using bfd::State;
using test::Talk;

TEST_CASE("a session bfdd adds is asked for, told Up, told Down, and deleted") {
    Talk t;
    t.settle();
    t.peers[0]->send(test::add(7));
    REQUIRE(t.until([&] { return t.added.contains(7); }));
    CHECK(t.client.sessions() == 1);
    t.tell(7, State::down);  // bfdd believes that already
    t.tell(7, State::init);
    t.tell(7, State::up);
    t.tell(7, State::up);  // the same again is no message
    t.tell(7, State::init);
    t.tell(7, State::down);
    REQUIRE(t.until([&] { return t.heard(0) >= 2; }));
    t.peers[0]->send(test::remove(7));
    REQUIRE(t.until([&] { return !t.deleted.empty(); }));
    t.tell(7, State::up);
    t.peers[0]->send(test::counters_request(3, 5));
    REQUIRE(t.until([&] { return t.heard(0) >= 3; }));
    CHECK(t.heard(0) == 3);
    CHECK(t.peers[0]->messages[0].lid() == 7);
    CHECK(t.peers[0]->messages[0].state() == 3);
    CHECK(t.peers[0]->messages[1].state() == 1);
    CHECK(t.peers[0]->messages[2].header.type == MessageType::counters);
    CHECK(t.heard(1) == 0);
    CHECK(t.client.sessions() == 0);
}

TEST_CASE("an ADD that arrives byte by byte is one session") {
    Talk t;
    t.settle();
    const auto bytes = test::add(7);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        CHECK(t.adds == 0);
        t.peers[0]->send(base::Bytes{bytes}.subspan(i, 1));
        t.context.restart();
        t.context.poll();
    }
    REQUIRE(t.until([&] { return t.adds == 1; }));
}

TEST_CASE("unknown types, longer ADDs, short ADDs and later versions do not disturb the next message") {
    Talk t;
    t.settle();
    auto longer = test::add(8);
    longer.resize(348);
    longer[0] = std::byte{2};
    longer[6] = std::byte{1};
    longer[7] = std::byte{0x5c};
    auto shorter = test::add(9);
    shorter.resize(40);
    shorter[7] = std::byte{40};
    for (const auto& bytes : {test::hex("01 00 00 63 00 00 00 0a aa bb"), longer, shorter,
                              test::hex("01 00 00 04 00 00 00 08"), test::add(10)})
        t.peers[0]->send(bytes);
    REQUIRE(t.until([&] { return t.added.contains(10); }));
    CHECK(t.added.contains(8));
    CHECK_FALSE(t.added.contains(9));
    CHECK(t.gone == 0);
}

TEST_CASE("a message of length 0 ends that connection with a problem, and a new one is made") {
    Talk t;
    t.on_accept = [&](test::Peer& peer) {
        if (t.peers.size() <= 2) peer.send(test::hex("01 00 00 02 00 00 00 00"));
    };
    REQUIRE(t.until([&] { return t.peers.size() >= 4 && t.client.connections() == 2; }));
    CHECK(t.peers[0]->closed);
    CHECK(std::ranges::any_of(t.problems, [](auto& p) { return p.find("impossible message length") != p.npos; }));
    REQUIRE(t.until([&] { return t.problems.back().empty(); }));
}

TEST_CASE("all-ones from bfdd end the connection and nothing else") {
    Talk t;
    t.on_accept = [&](test::Peer& peer) {
        if (t.peers.size() == 1) peer.send(test::Buffer(512, std::byte{0xff}));
    };
    REQUIRE(t.until([&] { return t.client.connections() == 2 && t.peers.size() == 3; }));
    CHECK(t.adds == 0);
}

TEST_CASE("a bfdd that stops after half a message holds nobody up") {
    Talk t;
    t.settle();
    t.peers[0]->send(test::add(6));
    t.peers[0]->send(base::Bytes{test::add(7)}.first(70));
    t.peers[1]->send(test::add(8));
    REQUIRE(t.until([&] { return t.added.contains(8) && t.added.contains(6); }));
    t.tell(8, State::up);
    t.tell(6, State::up);
    REQUIRE(t.until([&] { return t.heard(0) == 1 && t.heard(1) == 1; }));
    t.peers[0]->send(base::Bytes{test::add(7)}.subspan(70));
    REQUIRE(t.until([&] { return t.added.contains(7); }));
}

TEST_CASE("a bfdd that stops reading is not waited for, and hears the latest of each session, whole, later") {
    Talk t;
    t.settle();
    for (std::uint32_t lid = 1; lid <= 40; ++lid) t.peers[0]->send(test::add(lid));
    REQUIRE(t.until([&] { return t.adds == 40; }));
    t.reads = false;
    for (std::uint32_t round = 0; round < 2000; ++round)  // 2.9 MB: far beyond any socket buffer
        for (std::uint32_t lid = 1; lid <= 40; ++lid) t.tell(lid, round % 2 ? State::down : State::up, round);
    for (std::uint32_t lid = 1; lid <= 40; ++lid) t.tell(lid, lid % 2 ? State::up : State::down, 77);
    t.reads = true;
    std::map<std::uint32_t, const test::Message*> last;
    REQUIRE(t.until([&] {
        for (const auto& message : t.peers[0]->messages) last[message.lid()] = &message;
        return last.size() == 40 && std::ranges::all_of(last, [](const auto& entry) {
                   return entry.second->state() == (entry.first % 2 ? 3 : 1) &&
                          entry.second->bytes[15] == std::byte{77};
               });
    }));
    CHECK_FALSE(t.peers[0]->half_message());
    CHECK(t.heard(0) < 20'000);  // most of the 80,000 were overtaken
}

TEST_CASE("counters are answered at once with the id asked for, an unknown session with zeros") {
    Talk t;
    t.settle();
    t.peers[0]->send(test::counters_request(0x1234, 5));
    t.peers[0]->send(test::counters_request(0x1235, 404));
    REQUIRE(t.until([&] { return t.heard(0) == 2; }));
    const auto& first = t.peers[0]->messages[0];
    CHECK(first.header.id == 0x1234);
    CHECK(first.lid() == 5);
    CHECK(first.bytes.size() == counters_length);
    CHECK(first.bytes[31] == std::byte{5});
    CHECK(t.peers[0]->messages[1].header.id == 0x1235);
    CHECK(t.peers[0]->messages[1].bytes[31] == std::byte{0});
}

TEST_CASE("every 32nd counters answer comes behind two echo replies, which let bfdd empty its buffer") {
    Talk t;
    t.settle();
    for (std::uint16_t i = 1; i <= 64; ++i) t.peers[0]->send(test::counters_request(i, 5));
    REQUIRE(t.until([&] { return t.heard(0) == 68; }));
    const auto& heard = t.peers[0]->messages;
    for (const std::size_t at : {31U, 32U, 65U, 66U}) CHECK(heard[at].header.type == MessageType::echo_reply);
    CHECK(std::ranges::count(heard, MessageType::counters, [](const auto& m) { return m.header.type; }) == 64);
}

TEST_CASE("SHUTDOWN is passed on and answered by AdminDown, and no Up follows") {
    Talk t;
    t.settle();
    t.peers[0]->send(test::add(7));
    REQUIRE(t.until([&] { return t.added.contains(7); }));
    t.tell(7, State::up);
    t.peers[0]->send(test::add(7, 0x40));
    REQUIRE(t.until([&] { return t.heard(0) == 2; }));
    CHECK(t.added[7].shutdown);
    t.tell(7, State::up, 10);
    REQUIRE(t.until([&] { return t.heard(0) == 3; }));
    for (const std::size_t i : {1U, 2U}) CHECK(t.peers[0]->messages[i].state() == 0);
}

TEST_CASE("echo-mode is noted once") {
    Talk t;
    t.settle();
    t.peers[0]->send(test::add(7, 0x08));
    t.peers[0]->send(test::add(8, 0x08));
    REQUIRE(t.until([&] { return t.adds == 2; }));
    CHECK(t.notes.size() == 1);
}
