// What others may send a real probe thread.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "node.hpp"

using namespace net_test;

TEST_CASE_FIXTURE(Two, "hostile datagrams are counted by reason and change nothing") {
    a.listen("127.0.0.1", false, net::Filter::off);  // what the filter would hide
    b.listen("127.0.0.2");
    auto& at_a = a.add(key("127.0.0.1", "127.0.0.2"), 0x11111111);
    auto& at_b = b.add(key("127.0.0.2", "127.0.0.1"), 0x22222222);
    REQUIRE(a.wait_for(at_a, State::up));
    REQUIRE(b.wait_for(at_b, State::up));

    std::array<std::uint64_t, bfd::drop_reasons> expected{};
    std::uint64_t sent = 0;
    const Stranger stranger{"127.0.0.3", "127.0.0.1", net::single_hop_port};
    const Stranger low{"127.0.0.3", "127.0.0.1", net::single_hop_port, 254};
    const auto expect = [&](bfd::DropReason reason) {
        ++expected[static_cast<std::size_t>(reason)];
        // Not faster than loopback and the receive buffer can take it.
        if (++sent % 256 == 0) REQUIRE(a.wait_until([&] { return a.dropped() >= sent; }));
    };
    const auto send = [&](base::Bytes bytes) {
        stranger.send(bytes);
        const auto decoded = bfd::decode(bytes.first(std::min<std::size_t>(bytes.size(), 256)));
        const bool names_us = decoded && decoded->your_discriminator.value == 0x11111111;
        expect(!decoded   ? decoded.error()
               : names_us ? bfd::DropReason::wrong_source
                          : bfd::DropReason::unknown_session);
    };
    std::mt19937 random{99};
    const auto forged = encoded(packet(State::admin_down, 0x22222222, 0x11111111));
    for (std::size_t size = 0; size <= 300; ++size) {  // truncated, oversized
        std::vector<std::byte> bytes(size, std::byte{0xff});
        std::copy_n(forged.begin(), std::min(size, forged.size()), bytes.begin());
        send(bytes);
    }
    for (std::size_t bit = 0; bit < forged.size() * 8; ++bit) {
        auto bytes = forged;
        bytes[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
        send(bytes);
    }
    for (int i = 0; i < 5000; ++i) {
        std::vector<std::byte> bytes(random() % 64);
        for (auto& byte : bytes) byte = static_cast<std::byte>(random());
        if (i % 2 == 0 && bytes.size() >= 24) bytes[0] = std::byte{0x20}, bytes[3] = std::byte{24};
        send(bytes);
    }
    for (int i = 0; i < 10; ++i) {
        low.send(forged);
        expect(bfd::DropReason::ttl);
    }
    REQUIRE(a.wait_until([&] { return a.dropped() >= sent; }));
    for (std::size_t reason = 0; reason < expected.size(); ++reason) {
        CAPTURE(to_string(static_cast<bfd::DropReason>(reason)));
        CHECK(a.loop.counters().probe.dropped[reason].value() == expected[reason]);
    }
    CHECK(expected[static_cast<std::size_t>(bfd::DropReason::wrong_source)] > 300);
    a.take_events();
    b.take_events();
    CHECK(a.last[at_a.id] == State::up);
    CHECK(b.last[at_b.id] == State::up);
    CHECK(at_a.counters.downs.value() == 0);
    CHECK(at_b.counters.downs.value() == 0);
}

TEST_CASE_FIXTURE(Two, "a flood that the filter drops costs the thread no wake-up and is counted") {
    a.listen("127.0.0.1");
    b.listen("127.0.0.2");
    auto& at_a = a.add(key("127.0.0.1", "127.0.0.2"), 1);
    b.add(key("127.0.0.2", "127.0.0.1"), 2);
    REQUIRE(a.wait_for(at_a, State::up));
    const Stranger stranger{"127.0.0.2", "127.0.0.1", net::single_hop_port};  // even from the peer's own address
    const auto received = a.loop.counters().receives.value();
    const auto bad = encoded(packet(State::admin_down, 0, 1));
    for (int i = 0; i < 5000; ++i) stranger.send(bad);
    CHECK(a.wait_until([&] { return a.loop.counters().kernel_drops.value() >= 5000; }));
    CHECK(a.loop.counters().receives.value() - received < 2500);
    CHECK(a.dropped() == 0);
    CHECK(at_a.counters.downs.value() == 0);
}
