#include "control/prefix_table.hpp"

#include <doctest/doctest.h>

#include <random>
#include <set>
#include <utility>

using control::PrefixEntry;
using control::PrefixTable;

namespace {

base::Prefix prefix(const char* text) { return base::Prefix::parse(text).value(); }

PrefixEntry entry(std::uint64_t key, std::uint32_t metric) {
    PrefixEntry out;
    out.key = key;
    out.metric = metric;
    return out;
}

std::size_t held(const PrefixTable& table, std::uint64_t key) {
    std::size_t n = 0;
    table.each(key, [&](const PrefixEntry&) { ++n; });
    return n;
}

}  // namespace

TEST_CASE("prefix, length, family and table each make another key, and so does the seed") {
    PrefixTable table{1};
    std::set<std::uint64_t> keys{table.key(prefix("10.0.0.0/8"), 254), table.key(prefix("10.0.0.0/9"), 254),
                                 table.key(prefix("10.0.0.0/8"), 255), table.key(prefix("a00::/8"), 254),
                                 table.key(prefix("11.0.0.0/8"), 254), table.key(prefix("a00::1:0:0:0/8"), 254)};
    CHECK(keys.size() == 6);
    CHECK(table.key(prefix("10.0.0.0/8"), 254) == table.key(prefix("10.0.0.0/8"), 254));
    CHECK(table.key(prefix("10.0.0.0/8"), 254) != PrefixTable{2}.key(prefix("10.0.0.0/8"), 254));
}

TEST_CASE("routes of one prefix share a key and are told apart by their metrics; a mark is no route") {
    PrefixTable table{1};
    const auto key = table.key(prefix("10.0.0.0/8"), 254);
    CHECK(table.find(key, 20) == nullptr);
    table.insert(entry(key, 20));
    table.insert(entry(key, 100));
    auto mark = entry(key, 0);
    mark.withdrawn = 1;
    table.insert(mark);
    CHECK(held(table, key) == 3);
    REQUIRE(table.find(key, 20) != nullptr);
    CHECK(table.find(key, 0) == nullptr);
    CHECK(table.find(key, 0, true) != nullptr);
    table.erase(table.find(key, 20));
    CHECK(table.find(key, 20) == nullptr);
    CHECK(held(table, key) == 2);
}

TEST_CASE("what a random walk puts in and takes out is there, and nothing else, however its shards grow and shrink") {
    PrefixTable table{7};
    std::mt19937_64 chance{42};
    std::multiset<std::pair<std::uint64_t, std::uint32_t>> expected;
    for (int step = 0; step < 200'000; ++step) {
        // A thousand keys in one shard, close together: every search runs into its neighbours.
        const std::uint64_t key = 1 + chance() % 1'000;
        const auto metric = static_cast<std::uint32_t>(chance() % 3);
        const bool grow = (step / 20'000) % 2 == 0;
        auto* const found = table.find(key, metric);
        REQUIRE((found != nullptr) == (expected.count({key, metric}) == 1));
        if (found == nullptr && grow) {
            table.insert(entry(key, metric));
            expected.insert({key, metric});
        } else if (found != nullptr && (!grow || chance() % 4 == 0)) {
            table.erase(found);
            expected.erase({key, metric});
        }
        REQUIRE(table.size() == expected.size());
    }
    for (std::uint64_t key = 1; key <= 1'000; ++key) {
        std::size_t wanted = 0;
        for (std::uint32_t metric = 0; metric < 3; ++metric) wanted += expected.count({key, metric});
        CHECK(held(table, key) == wanted);
    }
}

TEST_CASE("a walk over a shard picks each entry that is wanted once") {
    PrefixTable table{7};
    for (std::uint64_t key = 1; key <= 500; ++key) table.insert(entry(key, static_cast<std::uint32_t>(key % 2)));
    std::size_t from = 0, odd = 0;
    while (const auto* e = table.pick(0, from, [](const PrefixEntry& each) { return each.metric == 1; })) {
        CHECK(e->key % 2 == 1);
        ++odd;
        ++from;
    }
    CHECK(odd == 250);
}

TEST_CASE(
    "100,000 routes take at most 64 bytes each at any time, a million too, and what is given back is free again") {
    PrefixTable table{7};
    base::Prefix p = prefix("10.0.0.0/32");
    const auto key_of = [&](std::uint32_t n) {
        for (std::size_t i = 0; i < 4; ++i) p.address.bytes[i] = static_cast<std::uint8_t>(n >> (8 * (3 - i)));
        return table.key(p, 254);
    };
    for (std::uint32_t n = 0; n < 1'000'000; ++n) {
        table.insert(entry(key_of(n), 20));
        if (n >= 50'000 && n % 10'000 == 0) {
            CAPTURE(n);
            CHECK(table.bytes() <= std::size_t{64} * n);
        }
    }
    MESSAGE("1,000,000 routes: ", static_cast<double>(table.bytes()) / 1e6, " bytes each");
    for (std::uint32_t n = 100'000; n < 1'000'000; ++n) table.erase(table.find(key_of(n), 20));
    MESSAGE("100,000 routes left of them: ", static_cast<double>(table.bytes()) / 1e5, " bytes each");
    CHECK(table.bytes() <= std::size_t{64} * 100'000);
}
