#include "probe/deadlines.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>

#include "pair.hpp"

using namespace probe_test;

TEST_CASE("an empty structure is never due") {
    const probe::Deadlines deadlines{4};
    CHECK(deadlines.earliest() == base::never);
    CHECK_FALSE(deadlines.any_due(base::never, [](const probe::Slot&) { return true; }));
}

TEST_CASE("however deadlines are added, moved and removed, the earliest is first") {
    constexpr std::size_t count = 1000;
    probe::SlotPool pool{count};
    probe::Deadlines deadlines{count};
    std::vector<probe::Slot*> slots;
    for (std::uint32_t n = 0; n < count; ++n)
        slots.push_back(pool.create({{1}, numbered(0, n), numbered(1, n)}, 255,
                                    bfd::Session{{}, bfd::Discriminator{n + 1}, 1, TimePoint{1h}}));
    std::mt19937 random{7};
    std::map<probe::Slot*, TimePoint> model;
    for (int round = 0; round < 50'000; ++round) {
        auto* const slot = slots[random() % count];
        const TimePoint at{std::chrono::microseconds{random() % 100'000}};
        if (!model.contains(slot)) {
            deadlines.add(*slot, at);
            model[slot] = at;
        } else if (random() % 4 == 0) {
            deadlines.remove(*slot);
            model.erase(slot);
        } else {
            deadlines.move(*slot, at);
            model[slot] = at;
        }
        if (round % 50 != 0 || model.empty()) continue;
        const auto least = std::ranges::min_element(model, {}, [](const auto& e) { return e.second; })->second;
        REQUIRE(deadlines.earliest() == least);
        REQUIRE(model.at(&deadlines.first()) == least);
        REQUIRE(deadlines.size() == model.size());
    }
    while (deadlines.size() > 0) {  // and they come out in order
        const auto at = deadlines.earliest();
        deadlines.remove(deadlines.first());
        REQUIRE(deadlines.earliest() >= at);
    }
}

TEST_CASE("any_due asks each session that is due, and no other") {
    probe::SlotPool pool{100};
    probe::Deadlines deadlines{100};
    for (std::uint32_t n = 0; n < 100; ++n)
        deadlines.add(*pool.create({{1}, numbered(0, n), numbered(1, n)}, 255,
                                   bfd::Session{{}, bfd::Discriminator{n + 1}, 1, TimePoint{1h}}),
                      TimePoint{std::chrono::milliseconds{(n * 37) % 100}});
    int asked = 0;
    CHECK_FALSE(deadlines.any_due(TimePoint{9ms}, [&](const probe::Slot&) { return ++asked, false; }));
    CHECK(asked == 10);
    CHECK(deadlines.any_due(TimePoint{0ms}, [](const probe::Slot&) { return true; }));
    CHECK_FALSE(deadlines.any_due(TimePoint{-1ms}, [](const probe::Slot&) { return true; }));
}
