#include "frr/fpm_telling.hpp"

#include <doctest/doctest.h>

using frr::FpmTelling;
using News = FpmTelling::News;

TEST_CASE("four seconds without a valid frame are no silence, five are") {
    FpmTelling telling{7};
    for (int i = 0; i < 4; ++i) CHECK(telling.on_second(7) == News::none);
    CHECK(!telling.is_proven());
    CHECK(telling.on_second(7) == News::silent);
}

TEST_CASE("whoever has proved to be zebra may be silent") {
    FpmTelling telling{7};
    for (int i = 0; i < 4; ++i) CHECK(telling.on_second(7) == News::none);
    telling.prove();
    CHECK(telling.is_proven());
    CHECK(telling.on_second(7) == News::none);
    CHECK(telling.on_second(7) == News::replayed);
    for (int i = 0; i < 100; ++i) CHECK(telling.on_second(7) == News::none);
}

TEST_CASE("two calm seconds in a row end the replay; 64 messages in one are not calm, 63 are") {
    FpmTelling telling{0};
    telling.prove();
    std::uint64_t messages = 0;
    for (int i = 0; i < 10; ++i) {
        CHECK(telling.on_second(messages += 63) == News::none);
        CHECK(telling.on_second(messages += 64) == News::none);
    }
    CHECK(telling.on_second(messages += 63) == News::none);
    CHECK(telling.on_second(messages += 63) == News::replayed);
    CHECK(telling.on_second(messages) == News::none);
}

TEST_CASE("churn without end does not keep the replay going: 59 seconds are not over, 60 are") {
    FpmTelling telling{0};
    for (int i = 0; i < 3; ++i) CHECK(telling.on_second(0) == News::none);
    telling.prove();
    std::uint64_t messages = 0;
    for (int i = 0; i < 59; ++i) CHECK(telling.on_second(messages += 1'000) == News::none);
    CHECK(telling.on_second(messages += 1'000) == News::replayed);
    CHECK(telling.on_second(messages += 1'000) == News::none);
}
