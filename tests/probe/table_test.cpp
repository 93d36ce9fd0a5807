#include "probe/table.hpp"

#include <doctest/doctest.h>

#include <random>
#include <set>

#include "pair.hpp"

using namespace probe_test;

namespace {

bfd::Session session(std::uint32_t discriminator) {
    return bfd::Session{{}, bfd::Discriminator{discriminator}, 1, TimePoint{1h}};
}

}  // namespace

TEST_CASE("a session is found by id, by discriminator and by interface and addresses") {
    probe::SlotPool pool{4};
    probe::Table table{4};
    const bfd::SessionKey key{{3}, ip("10.0.0.1"), ip("10.0.0.2")};
    auto& slot = *pool.create(key, 255, session(7));
    REQUIRE(table.insert(slot));
    CHECK(table.find(slot.id) == &slot);
    CHECK(table.find(bfd::Discriminator{7}) == &slot);
    CHECK(table.find(key) == &slot);

    CHECK(table.find(probe::SessionId{slot.id.slot, slot.id.generation + 1}) == nullptr);
    CHECK(table.find(probe::SessionId{99, 1}) == nullptr);
    CHECK(table.find(bfd::Discriminator{8}) == nullptr);
    CHECK(table.find(bfd::SessionKey{{4}, key.local, key.remote}) == nullptr);
    CHECK(table.find(bfd::SessionKey{{3}, key.remote, key.local}) == nullptr);
    CHECK(table.find(bfd::SessionKey{{3}, key.local, key.remote, true}) == nullptr);

    table.erase(slot);
    CHECK(table.find(slot.id) == nullptr);
    CHECK(table.find(bfd::Discriminator{7}) == nullptr);
    CHECK(table.find(key) == nullptr);
}

TEST_CASE("RFC 5883 §3: a multihop session is found by its addresses, in its own VRF") {
    probe::SlotPool pool{4};
    probe::Table table{4};
    auto& slot = *pool.create({{}, ip("10.0.0.1"), ip("10.9.0.2"), true}, 250, session(7));
    auto& red = *pool.create({{5}, ip("10.0.0.1"), ip("10.9.0.2"), true}, 250, session(8));
    REQUIRE(table.insert(slot));
    REQUIRE(table.insert(red));
    CHECK(table.find(bfd::SessionKey{{}, ip("10.0.0.1"), ip("10.9.0.2"), true}) == &slot);
    CHECK(table.find(bfd::SessionKey{{5}, ip("10.0.0.1"), ip("10.9.0.2"), true}) == &red);
    CHECK(table.find(bfd::SessionKey{{6}, ip("10.0.0.1"), ip("10.9.0.2"), true}) == nullptr);
    CHECK(table.find(bfd::SessionKey{{5}, ip("10.0.0.1"), ip("10.9.0.2"), false}) == nullptr);
}

TEST_CASE("a taken key, a taken discriminator and one session too many are refused") {
    probe::SlotPool pool{8};
    probe::Table table{2};
    REQUIRE(table.insert(*pool.create({{1}, ip("10.0.0.1"), ip("10.0.0.2")}, 255, session(1))));
    CHECK_FALSE(table.insert(*pool.create({{1}, ip("10.0.0.1"), ip("10.0.0.2")}, 255, session(2))));
    pool.release(pool.find({1, 1}));
    CHECK_FALSE(table.insert(*pool.create({{2}, ip("10.0.0.1"), ip("10.0.0.2")}, 255, session(1))));
    pool.release(pool.find({1, 2}));
    CHECK(table.insert(*pool.create({{2}, ip("10.0.0.1"), ip("10.0.0.2")}, 255, session(2))));
    CHECK_FALSE(table.insert(*pool.create({{3}, ip("10.0.0.1"), ip("10.0.0.2")}, 255, session(3))));
}

TEST_CASE("thousands of sessions that come and go are all found, and nothing else is") {
    constexpr std::size_t capacity = 4096;
    probe::SlotPool pool{capacity};
    probe::Table table{capacity};
    std::mt19937 random{42};
    std::vector<probe::Slot*> in;
    std::uint32_t discriminator = 0;
    std::set<std::uint32_t> gone;
    for (int round = 0; round < 8000; ++round) {
        const bool adds = in.size() < capacity && (in.empty() || random() % 8 < 5);
        if (adds) {
            const auto n = ++discriminator;
            in.push_back(pool.create({{n % 7}, numbered(0, n), numbered(1, n)}, 255, session(n)));
            REQUIRE(table.insert(*in.back()));
        } else {
            std::swap(in[random() % in.size()], in.back());
            gone.insert(in.back()->session.status().local_discriminator.value);
            table.erase(*in.back());
            pool.release(in.back());
            in.pop_back();
        }
    }
    REQUIRE(table.size() == in.size());
    REQUIRE(in.size() > 1000);
    for (auto* const slot : in) {
        REQUIRE(table.find(slot->id) == slot);
        REQUIRE(table.find(slot->session.status().local_discriminator) == slot);
        REQUIRE(table.find(slot->key) == slot);
    }
    for (const auto n : gone) {
        REQUIRE(table.find(bfd::Discriminator{n}) == nullptr);
        REQUIRE(table.find(bfd::SessionKey{{n % 7}, numbered(0, n), numbered(1, n)}) == nullptr);
    }
}
