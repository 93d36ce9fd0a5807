#include "daemon/journal.hpp"

#include <doctest/doctest.h>

using wgbfd::Journal;

TEST_CASE("the last 1,000 events are kept, oldest first: the 1,001st pushes the first one out") {
    Journal journal;
    for (int i = 0; i < 1'000; ++i) journal.add(i);
    CHECK(journal.events().size() == 1'000);
    CHECK(journal.events().front() == 0);
    journal.add(1'000);
    CHECK(journal.events().size() == 1'000);
    CHECK(journal.events().front() == 1);
    CHECK(journal.events().back() == 1'000);
}

TEST_CASE("a follower is told each event as it comes, once") {
    Journal journal;
    std::vector<nlohmann::json> seen;
    journal.add("before");
    journal.on_event = [&](const nlohmann::json& event) { seen.push_back(event); };
    journal.add("after");
    CHECK(seen == std::vector<nlohmann::json>{"after"});
    CHECK(journal.events().size() == 2);
}
