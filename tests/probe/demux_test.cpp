// Whose datagram is this? One engine, packets made by hand.
#include <doctest/doctest.h>

#include "pair.hpp"

using namespace probe_test;
using bfd::State;
using enum bfd::DropReason;

namespace {

struct Bench {
    TimePoint now{1h};
    Side side{16};
    bfd::SessionKey key{{3}, ip("10.0.0.1"), ip("10.0.0.2")};
    probe::Slot& slot = side.add(now, key, 77);
    bfd::Packet packet = probe_test::packet(State::down, 9);
    probe::Datagram datagram{
        .ifindex = key.ifindex, .local = key.local, .remote = key.remote, .source_port = 50'000, .ttl = 255};

    void receive() { receive(encoded(packet)); }
    void receive(base::Bytes bytes) {
        datagram.arrival = now;
        datagram.payload = bytes;
        side.engine.on_datagram(now, datagram);
        side.engine.clear_outbox();
    }
    std::uint64_t dropped(bfd::DropReason reason) const {
        return side.engine.counters().dropped[static_cast<std::size_t>(reason)].value();
    }
    std::uint64_t dropped() const {
        std::uint64_t sum = 0;
        for (const auto& counter : side.engine.counters().dropped) sum += counter.value();
        return sum;
    }
    std::uint64_t accepted() const { return slot.counters.packets_received.value(); }
    void check_refused(bfd::DropReason reason, std::uint64_t of_slot) {
        CHECK(dropped() == 1);
        CHECK(dropped(reason) == 1);
        CHECK(slot.counters.refused.value() == of_slot);
        CHECK(accepted() == 0);
        CHECK(slot.session.state() == State::down);
        CHECK_FALSE(slot.session.status().ever_heard);
    }
};

}  // namespace

TEST_CASE_FIXTURE(Bench, "RFC 5881 §3: a first packet is matched by its interface and addresses") {
    receive();
    CHECK(accepted() == 1);
    CHECK(slot.session.state() == State::init);
    CHECK(dropped() == 0);
}

TEST_CASE_FIXTURE(Bench, "RFC 5880 §6.8.6: a nonzero Your Discriminator selects the session") {
    packet.your_discriminator = {77};
    packet.state = State::init;
    receive();
    CHECK(accepted() == 1);
    CHECK(slot.session.state() == State::up);
}

TEST_CASE_FIXTURE(Bench, "any source port is accepted") {
    for (const auto port : std::to_array<std::uint16_t>({1, 3784, 49151, 65535})) {
        datagram.source_port = port;
        receive();
    }
    CHECK(accepted() == 4);
}

TEST_CASE_FIXTURE(Bench, "RFC 5880 §6.8.6: a Your Discriminator nobody has is dropped, though the addresses fit") {
    packet.your_discriminator = {78};
    packet.state = State::init;
    receive();
    check_refused(unknown_session, 0);
    CHECK_FALSE(side.engine.has_events());  // nobody asked for a session
}

TEST_CASE_FIXTURE(Bench, "the right discriminator from another interface is refused and counted") {
    packet.your_discriminator = {77};
    packet.state = State::init;
    datagram.ifindex = {4};
    receive();
    check_refused(wrong_interface, 1);
}

TEST_CASE_FIXTURE(Bench, "the right discriminator from another address is refused and counted") {
    packet.your_discriminator = {77};
    packet.state = State::init;
    datagram.remote = ip("10.0.0.3");
    receive();
    check_refused(wrong_source, 1);
}

TEST_CASE_FIXTURE(Bench, "the right discriminator to another address of ours is refused and counted") {
    packet.your_discriminator = {77};
    packet.state = State::init;
    datagram.local = ip("10.0.0.9");
    receive();
    check_refused(wrong_source, 1);
}

TEST_CASE_FIXTURE(Bench, "RFC 5881 §5: a TTL of 254 is refused, 255 is accepted") {
    datagram.ttl = 254;
    receive();
    check_refused(ttl, 1);
    datagram.ttl = 255;
    receive();
    CHECK(accepted() == 1);
}

TEST_CASE_FIXTURE(Bench, "a stranger's first packet is told as Unmatched, and dropped") {
    datagram.remote = ip("10.0.0.7");
    receive();
    check_refused(unknown_session, 0);
    const auto event = side.engine.next_event();
    REQUIRE(event);
    const auto* const unmatched = std::get_if<probe::Unmatched>(&*event);
    REQUIRE(unmatched != nullptr);
    CHECK(unmatched->ifindex == base::IfIndex{3});
    CHECK(unmatched->local == ip("10.0.0.1"));
    CHECK(unmatched->remote == ip("10.0.0.7"));
    CHECK_FALSE(unmatched->multihop);
}

TEST_CASE_FIXTURE(Bench, "a stranger's packet with a bad TTL is not told") {
    datagram.remote = ip("10.0.0.7");
    datagram.ttl = 254;
    receive();
    check_refused(ttl, 0);
    CHECK_FALSE(side.engine.has_events());
}

TEST_CASE_FIXTURE(Bench, "a first packet on another interface is a stranger's") {
    datagram.ifindex = {4};
    receive();
    check_refused(unknown_session, 0);
}

TEST_CASE_FIXTURE(Bench, "multicast, unspecified and missing sources are refused") {
    for (const auto& source : {ip("224.0.0.5"), ip("0.0.0.0"), ip("ff02::1"), ip("::"), base::IpAddress{}}) {
        datagram.remote = source;
        receive();
    }
    CHECK(dropped(malformed_source) == 5);
    CHECK(accepted() == 0);
}

TEST_CASE_FIXTURE(Bench, "what the codec refuses is counted by its reason, and for the session it came from") {
    const auto good = encoded(packet);
    const auto with = [&](std::size_t at, int value) {
        auto bytes = good;
        bytes[at] = static_cast<std::byte>(value);
        receive(bytes);
    };
    receive(base::Bytes{good}.first(23));
    receive({});
    with(0, 2 << 5);
    with(2, 0);
    with(3, 25);
    with(1, std::to_integer<int>(good[1]) | 1);
    with(7, 0);
    CHECK(dropped(truncated) == 2);
    CHECK(dropped(bad_version) == 1);
    CHECK(dropped(zero_detect_mult) == 1);
    CHECK(dropped(bad_length) == 1);
    CHECK(dropped(multipoint) == 1);
    CHECK(dropped(zero_my_discriminator) == 1);
    CHECK(dropped() == 7);
    CHECK(slot.counters.refused.value() == 7);
    CHECK(accepted() == 0);
}

namespace {

struct MultihopBench : Bench {
    bfd::SessionKey far{{}, ip("10.0.0.1"), ip("192.0.2.9"), true};
    probe::Slot& multi = side.add(now, far, 99, {}, 250);
    MultihopBench() {
        datagram.remote = far.remote;
        datagram.multihop = true;
    }
};

}  // namespace

TEST_CASE_FIXTURE(MultihopBench, "RFC 5883 §3: a multihop packet is matched by its addresses on any interface") {
    for (const std::uint32_t ifindex : {1, 2, 3}) {
        datagram.ifindex = {ifindex};
        receive();
    }
    CHECK(multi.counters.packets_received.value() == 3);
}

TEST_CASE_FIXTURE(MultihopBench, "a multihop packet of another VRF is nobody's here, whatever its discriminator") {
    datagram.vrf = {9};
    receive();
    packet.your_discriminator = {99};
    packet.state = State::init;
    receive();
    CHECK(dropped(unknown_session) == 1);
    CHECK(dropped(wrong_interface) == 1);
    CHECK(multi.counters.packets_received.value() == 0);
}

TEST_CASE_FIXTURE(MultihopBench, "RFC 5883 §5: a TTL below the session's bound is refused, the bound itself accepted") {
    datagram.ttl = 249;
    receive();
    CHECK(dropped(ttl) == 1);
    CHECK(multi.counters.refused.value() == 1);
    datagram.ttl = 250;
    receive();
    CHECK(multi.counters.packets_received.value() == 1);
    side.engine.on_command(now, probe::Change{multi.id, {}, 251});
    receive();
    CHECK(dropped(ttl) == 2);
}

TEST_CASE_FIXTURE(MultihopBench, "port 4784 never matches a single-hop session, nor 3784 a multihop one") {
    packet.your_discriminator = {77};  // the single-hop session's
    packet.state = State::init;
    datagram.remote = key.remote;
    receive();
    CHECK(slot.counters.refused.value() == 1);
    packet.your_discriminator = {99};
    datagram.remote = far.remote;
    datagram.multihop = false;
    receive();
    CHECK(multi.counters.refused.value() == 1);
    CHECK(dropped(unknown_session) == 2);

    packet.your_discriminator = {};
    packet.state = State::down;
    receive();  // 3784, the multihop session's addresses
    datagram.remote = key.remote;
    datagram.multihop = true;
    receive();  // 4784, the single-hop session's
    CHECK(dropped(unknown_session) == 4);
    CHECK(accepted() == 0);
    CHECK(multi.counters.packets_received.value() == 0);
}

TEST_CASE("IPv6 link-local sessions with equal addresses on two interfaces are two sessions") {
    Side side{4};
    const TimePoint now{1h};
    auto& one = side.add(now, {{1}, ip("fe80::1"), ip("fe80::2")}, 1);
    auto& two = side.add(now, {{2}, ip("fe80::1"), ip("fe80::2")}, 2);
    const auto bytes = encoded(packet(State::down, 5));
    side.engine.on_datagram(now, {now, {2}, ip("fe80::1"), ip("fe80::2"), 50'000, 255, false, bytes});
    CHECK(one.counters.packets_received.value() == 0);
    CHECK(two.counters.packets_received.value() == 1);
}

TEST_CASE("one spoke that forges another's discriminators takes nothing down") {
    Pair pair;
    const auto [a, b] = pair.connect(1, 7);
    const auto [c, d] = pair.connect(2, 7);  // the forger's own session, on the same interface
    pair.run_for(5s);
    REQUIRE(a->session.state() == State::up);
    const auto& status = a->session.status();
    const auto bytes =
        encoded(packet(State::admin_down, status.remote_discriminator.value, status.local_discriminator.value));
    for (int i = 0; i < 100; ++i)
        pair.sides[0].engine.on_datagram(pair.now,
                                         {pair.now, {7}, c->key.local, c->key.remote, 49'152, 255, false, bytes});
    pair.run_for(5s);
    CHECK(a->session.state() == State::up);
    CHECK(a->counters.downs.value() == 0);
    CHECK(c->session.state() == State::up);
    CHECK(a->counters.refused.value() == 100);
}
