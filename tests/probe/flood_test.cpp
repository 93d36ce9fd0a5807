// A peer that sends as fast as it can, from its own address and in good form: what it may cost the others.
#include <doctest/doctest.h>

#include <algorithm>

#include "pair.hpp"

using namespace probe_test;
using bfd::State;

namespace {

struct Bench {
    TimePoint now{1h};
    Side side{16};
    bfd::SessionKey key{{3}, ip("10.0.0.1"), ip("10.0.0.2")};
    probe::Slot& slot = side.add(now, key, 77);

    void receive(const bfd::Packet& packet) { receive(packet, key.local, key.remote); }
    void receive(const bfd::Packet& packet, const base::IpAddress& local, const base::IpAddress& remote) {
        const auto bytes = encoded(packet);
        side.engine.on_datagram(now, {now, {3}, local, remote, 50'000, 255, false, bytes});
    }
    auto finals() const { return std::ranges::count(side.engine.outbox(), true, &probe::Outgoing::final); }
    bfd::Packet last_sent() const { return *bfd::decode(side.engine.outbox().back().payload); }
};

}  // namespace

TEST_CASE_FIXTURE(Bench, "RFC 5880 §6.8.7: Polls that come together get one Final, with the state they led to") {
    auto poll = packet(State::down, 9);
    poll.poll = true;
    for (int i = 0; i < 60; ++i) receive(poll);
    poll.state = State::init;
    poll.your_discriminator = {77};
    receive(poll);
    REQUIRE(side.engine.outbox().size() == 1);
    CHECK(last_sent().final);
    CHECK(last_sent().state == State::up);
}

TEST_CASE_FIXTURE(Bench, "a peer that changes with every packet is told once a batch, of its last") {
    for (std::uint32_t n = 1; n <= 60; ++n) receive(packet(State::down, n));
    REQUIRE(side.engine.outbox().size() == 1);
    CHECK(last_sent().your_discriminator.value == 60);
    side.engine.clear_outbox();
    receive(packet(State::down, 61));
    REQUIRE(side.engine.outbox().size() == 1);
    CHECK(last_sent().your_discriminator.value == 61);
}

TEST_CASE_FIXTURE(Bench, "a Final takes no other packet's place, and no other session's") {
    auto& other = side.add(now, {{3}, key.local, ip("10.0.0.3")}, 78);
    REQUIRE(side.engine.on_deadlines(now));  // the first packets of both
    side.engine.clear_outbox();
    for (std::uint32_t n = 1; n <= 20; ++n) {
        auto from_peer = packet(State::down, n);
        from_peer.poll = n % 2 == 0;
        receive(from_peer);
        receive(from_peer, key.local, other.key.remote);
    }
    REQUIRE(side.engine.outbox().size() == 4);
    CHECK(finals() == 2);
    CHECK(std::ranges::count(side.engine.outbox(), other.id, &probe::Outgoing::id) == 2);
}
