#include "bfd/request.hpp"

#include <doctest/doctest.h>

#include <array>
#include <vector>

using bfd::merge;
using bfd::Microseconds;
using bfd::SessionRequest;

namespace {

SessionRequest wish(std::uint32_t tx, std::uint32_t rx, std::uint8_t mult) {
    SessionRequest out;
    out.desired_min_tx = Microseconds{tx};
    out.required_min_rx = Microseconds{rx};
    out.detect_mult = mult;
    return out;
}

}  // namespace

TEST_CASE("a single wish is the session") {
    auto only = wish(100'000, 200'000, 4);
    only.control_plane_independent = true;
    only.passive = true;
    only.minimum_ttl = 250;
    const auto merged = merge(std::array{only});
    CHECK(merged.parameters == bfd::Parameters{.desired_min_tx = Microseconds{100'000},
                                               .required_min_rx = Microseconds{200'000},
                                               .detect_mult = 4,
                                               .passive = true,
                                               .control_plane_independent = true});
    CHECK(merged.minimum_ttl == 250);
}

TEST_CASE("the smallest max(desired_min_tx, required_min_rx) × multiplier wins as a whole") {
    const auto slow = wish(10'000, 300'000, 3);   // 900 ms, though it would send fastest
    const auto fast = wish(200'000, 100'000, 4);  // 800 ms
    for (const auto& order : {std::vector{slow, fast}, std::vector{fast, slow}}) {
        const auto merged = merge(order);
        CHECK(merged.parameters.desired_min_tx == Microseconds{200'000});
        CHECK(merged.parameters.required_min_rx == Microseconds{100'000});
        CHECK(merged.parameters.detect_mult == 4);
    }
}

TEST_CASE("the multiplier counts: 50 ms × 6 is more than 99 ms × 3 and less than 101 ms × 3") {
    const auto many = wish(50'000, 50'000, 6);
    CHECK(merge(std::array{many, wish(99'000, 99'000, 3)}).parameters.detect_mult == 3);
    CHECK(merge(std::array{many, wish(101'000, 101'000, 3)}).parameters.detect_mult == 6);
}

TEST_CASE("equal detection times merge to the same session in any order") {
    const auto a = wish(50'000, 50'000, 6), b = wish(100'000, 100'000, 3), c = wish(100'000, 50'000, 3);
    const auto expected = merge(std::array{a, b, c});
    CHECK(expected.parameters.desired_min_tx == Microseconds{50'000});
    CHECK(merge(std::array{c, b, a}) == expected);
    CHECK(merge(std::array{b, a, c}) == expected);
    CHECK(merge(std::array{b, c}) == merge(std::array{c, b}));
}

TEST_CASE("intervals and multiplier at all-ones do not overflow") {
    const auto largest = wish(UINT32_MAX, UINT32_MAX, 255);
    CHECK(merge(std::array{largest, wish(50'000, 50'000, 3)}).parameters.detect_mult == 3);
}

TEST_CASE("any shutdown makes the session AdminDown") {
    auto down = wish(300'000, 300'000, 3);
    down.shutdown = true;
    CHECK(merge(std::array{wish(50'000, 50'000, 3), down}).parameters.admin_down);
    CHECK_FALSE(merge(std::array{wish(50'000, 50'000, 3)}).parameters.admin_down);
}

TEST_CASE("passive only when every asker says so; the C bit when any does") {
    auto passive = wish(50'000, 50'000, 3);
    passive.passive = true;
    passive.control_plane_independent = true;
    const auto active = wish(40'000, 40'000, 3);
    CHECK_FALSE(merge(std::array{passive, active}).parameters.passive);
    CHECK(merge(std::array{passive, passive}).parameters.passive);
    CHECK(merge(std::array{passive, active}).parameters.control_plane_independent);
    CHECK_FALSE(merge(std::array{active}).parameters.control_plane_independent);
}

TEST_CASE("RFC 5883 §3: the smallest minimum TTL holds, whoever wins") {
    auto near = wish(50'000, 50'000, 3), far = wish(300'000, 300'000, 3);
    near.minimum_ttl = 254;
    far.minimum_ttl = 250;
    CHECK(merge(std::array{near, far}).minimum_ttl == 250);
    CHECK(merge(std::array{far, near}).minimum_ttl == 250);
}
