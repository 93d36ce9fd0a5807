#include "base/counter.hpp"

#include <doctest/doctest.h>

TEST_CASE("a counter starts at zero and adds") {
    base::Counter counter;
    CHECK(counter.value() == 0);
    counter.add();
    counter.add(41);
    CHECK(counter.value() == 42);
    counter.add(0);
    CHECK(counter.value() == 42);
}

TEST_CASE("raise_to keeps the greatest") {
    base::Counter counter;
    counter.raise_to(10);
    CHECK(counter.value() == 10);
    counter.raise_to(9);
    CHECK(counter.value() == 10);
    counter.raise_to(11);
    CHECK(counter.value() == 11);
}

TEST_CASE("a counter wraps at 64 bits as unsigned numbers do") {
    base::Counter counter;
    counter.add(~std::uint64_t{0});
    CHECK(counter.value() == ~std::uint64_t{0});
    counter.add();
    CHECK(counter.value() == 0);
}
