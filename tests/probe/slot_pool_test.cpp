#include "probe/slot_pool.hpp"

#include <doctest/doctest.h>

#include <map>
#include <set>

#include "pair.hpp"

using namespace probe_test;

namespace {

probe::Slot* create(probe::SlotPool& pool, std::uint32_t n) {
    return pool.create({{1}, numbered(0, n), numbered(1, n)}, 255,
                       bfd::Session{{}, bfd::Discriminator{n + 1}, 1, TimePoint{1h}});
}

}  // namespace

TEST_CASE("RFC 5881 §4: source ports lie in 49152 … 65535 and are unique among sessions") {
    probe::SlotPool pool{probe::source_ports, 12'345};
    std::set<std::uint16_t> ports;
    for (std::uint32_t n = 0; n < probe::source_ports; ++n) {
        const auto* const slot = create(pool, n);
        REQUIRE(slot->source_port >= 49152);
        ports.insert(slot->source_port);
    }
    CHECK(ports.size() == 16384);
    CHECK(*ports.begin() == 49152);
    CHECK(*ports.rbegin() == 65535);
}

TEST_CASE("beyond 16384 sessions, ports are shared evenly and between different remotes") {
    probe::SlotPool pool{probe::source_ports + 100};
    std::map<std::uint16_t, std::vector<base::IpAddress>> remotes;
    for (std::uint32_t n = 0; n < probe::source_ports + 100; ++n) {
        const auto* const slot = create(pool, n % probe::source_ports);  // the last 100 repeat the first remotes
        remotes[slot->source_port].push_back(slot->key.remote);
    }
    for (const auto& [port, of] : remotes) {
        REQUIRE(of.size() <= 2);
        if (of.size() == 2) REQUIRE(of[0] != of[1]);
    }
}

TEST_CASE("a released slot is given again under another generation, so its old id names nobody") {
    probe::SlotPool pool{1};
    const auto first = create(pool, 1)->id;
    CHECK(first.generation != 0);
    CHECK(create(pool, 2) == nullptr);  // full
    pool.release(pool.find(first));
    CHECK(pool.find(first) == nullptr);
    const auto second = create(pool, 2)->id;
    CHECK(second.slot == first.slot);
    CHECK(second != first);
    CHECK(pool.find(first) == nullptr);
    CHECK(pool.find(second) != nullptr);
    CHECK(pool.size() == 1);
}

TEST_CASE("a released port rests before it is used again") {
    probe::SlotPool pool;
    auto* const slot = create(pool, 1);
    const auto port = slot->source_port;
    pool.release(slot);
    CHECK(create(pool, 2)->source_port != port);
}
