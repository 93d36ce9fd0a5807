#include "daemon/journal.hpp"

#include <doctest/doctest.h>

using wgbfd::Journal;

TEST_CASE("the last 1,000 events are kept, oldest first: the 1,001st pushes the first one out") {
    Journal journal;
    for (int i = 0; i < 1'000; ++i) journal.add(i);
    CHECK(journal.size() == 1'000);
    CHECK(nlohmann::json::parse(journal.array()).front() == 0);
    journal.add(1'000);
    const auto all = nlohmann::json::parse(journal.array());
    CHECK(all.size() == 1'000);
    CHECK(all.front() == 1);
    CHECK(all.back() == 1'000);
}

TEST_CASE("a follower is told each event as it comes, once") {
    Journal journal;
    std::vector<std::string> seen;
    journal.add("before");
    journal.on_event = [&](const std::string& event) { seen.push_back(event); };
    journal.add("after");
    CHECK(seen == std::vector<std::string>{"\"after\""});
    CHECK(journal.array() == R"(["before","after"])");
}

TEST_CASE("before the first event there is an empty array; what is no UTF-8 is replaced") {
    Journal journal;
    CHECK(journal.array() == "[]");
    journal.add("\xff");
    CHECK(nlohmann::json::parse(journal.array()).front() == "\uFFFD");
}
