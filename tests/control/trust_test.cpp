// When the counters of a device vouch for a peer, and when they do not.
#include "control/trust.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace std::chrono_literals;
using control::accounted_for;
using control::Chatter;
using control::Trust;

namespace {

constexpr Chatter usual{.bfd_interval = bfd::Microseconds{50'000}, .quality_interval = 100ms, .mtu = 1420};
const base::TimePoint zero{1h};

adjacency::PublicKey key(std::uint8_t n) {
    adjacency::PublicKey out;
    out.bytes.fill(n);
    return out;
}

adjacency::Device device(std::vector<std::pair<std::uint8_t, std::uint64_t>> counts) {
    adjacency::Device out;
    out.interface = "wg0";
    for (const auto& [n, bytes] : counts) {
        adjacency::Peer peer;
        peer.key = key(n);
        peer.rx_bytes = bytes;
        out.peers.push_back(peer);
    }
    return out;
}

// Late at 100 ms of 150.
struct One {
    One() { trust.on_late({{1, 1}, zero + 100ms, zero + 150ms}, {"wg0", key(1), 150ms, usual}); }
    std::size_t looks(base::Duration at) {
        std::vector<std::string> out;
        trust.on_deadline(zero + at, out);
        CHECK(std::ranges::all_of(out, [](const auto& name) { return name == "wg0"; }));
        return out.size();
    }
    std::vector<probe::Command> see(base::Duration begun, std::uint64_t bytes) {
        std::vector<probe::Command> out;
        heeded = trust.on_look(zero + begun, zero + begun + 1ms, device({{9, 5'000'000}, {1, bytes}}), out);
        return out;
    }
    Trust trust;
    bool heeded = false;
};

}  // namespace

TEST_CASE(
    "a device is looked at when a packet is late, and when an eighth of the time is left; what came says Extend") {
    One one;
    CHECK(one.trust.deadline() <= zero + 100ms);
    CHECK(one.looks(100ms) == 1);
    CHECK(one.looks(101ms) == 0);
    CHECK(one.see(101ms, 7'000'000).empty());
    CHECK(one.trust.deadline() == zero + 131'250us);
    CHECK(one.looks(131'249us) == 0);
    CHECK(one.looks(131'250us) == 1);
    const auto most = accounted_for(31ms, usual);  // from the beginning of the first look to the end of the second
    SUBCASE("what everything but data accounts for is not enough") {
        CHECK(one.see(131ms, 7'000'000 + most).empty());
        CHECK(one.looks(140ms) == 0);
        CHECK(one.trust.deadline() == zero + 150ms);
        CHECK(one.looks(150ms) == 0);
        CHECK(one.trust.deadline() == base::never);
        CHECK(one.see(151ms, 9'000'000).empty());
        CHECK_FALSE(one.heeded);
    }
    SUBCASE("one byte more is") {
        const auto commands = one.see(131ms, 7'000'000 + most + 1);
        REQUIRE(commands.size() == 1);
        const auto& extend = std::get<probe::Extend>(commands[0]);
        CHECK(extend.id == probe::SessionId{1, 1});
        CHECK(extend.deadline == zero + 150ms);
        CHECK(one.trust.deadline() == base::never);
        CHECK(one.see(140ms, 99'000'000).empty());  // once
    }
    SUBCASE("counters that began anew say nothing") { CHECK(one.see(131ms, 10).empty()); }
}

TEST_CASE("a look that had begun before the packet was late counts for nothing: what it saw may be the packet") {
    One one;
    CHECK(one.see(99ms, 1'000).empty());
    CHECK(one.see(110ms, 1'000'000).empty());  // the first that counts
    CHECK(one.see(120ms, 1'000'000).empty());
    CHECK(one.see(130ms, 1'100'000).size() == 1);
}

TEST_CASE("who is not looked at in time is let go") {
    One one;
    CHECK(one.looks(100ms) == 1);
    CHECK(one.looks(150ms) == 0);
    CHECK(one.see(151ms, 1).empty());
    CHECK_FALSE(one.heeded);
}

TEST_CASE("what is accounted for: everything a quiet tunnel carries in that time, and little beyond") {
    // A tenth of a second of what two wgbfd send: three BFD packets of either family, a STAMP answer and a request.
    constexpr auto inner = [](std::uint64_t bytes) { return (bytes + 15) / 16 * 16 + 32; };
    const auto quiet = 3 * inner(52) + 3 * inner(72) + 2 * inner(92);
    CHECK(accounted_for(100ms, usual) > quiet + 148 + 92 + 32);
    CHECK(accounted_for(25ms, usual) < 5'000);  // 1.6 Mbit/s in 25 ms
    CHECK(accounted_for(6ms, usual) < 4'500);   // 10 ms x 3
    CHECK(accounted_for(1s, usual) < 40'000);
    auto other = usual;
    other.bfd_interval = {};
    CHECK(accounted_for(1s, usual) - accounted_for(1s, other) == 2 * 27 * 144);  // each at most 37.5 ms after the last
    other = usual;
    other.quality_interval = {};
    CHECK(accounted_for(1s, usual) - accounted_for(1s, other) == 11 * inner(92));
    other = usual;
    other.mtu = 0;
    CHECK(accounted_for(1s, usual) - accounted_for(1s, other) == 2 * (inner(1'420) - inner(0)));
}

TEST_CASE("many peers of one device that are late at once: one look serves them all") {
    Trust trust;
    std::vector<std::pair<std::uint8_t, std::uint64_t>> counts;
    for (std::uint32_t n = 0; n < 250; ++n) {
        trust.on_late({{n, 1}, zero, zero + 50ms}, {"wg0", key(static_cast<std::uint8_t>(n)), 150ms, usual});
        counts.emplace_back(static_cast<std::uint8_t>(n), 0);
    }
    std::vector<std::string> looks;
    trust.on_deadline(zero, looks);
    CHECK(looks == std::vector<std::string>{"wg0"});
    std::vector<probe::Command> commands;
    trust.on_look(zero, zero + 1ms, device(counts), commands);
    for (auto& [n, bytes] : counts) bytes = n % 2 == 0 ? 100'000 : 0;
    trust.on_look(zero + 30ms, zero + 31ms, device(counts), commands);
    CHECK(commands.size() == 125);
}
