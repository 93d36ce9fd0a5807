#include "base/time.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using namespace std::chrono;

namespace {

base::WallTime at(year_month_day day, base::Duration since_midnight = {}) { return sys_days{day} + since_midnight; }

}  // namespace

TEST_CASE("RFC 3339 in UTC with milliseconds") {
    CHECK(base::to_iso8601(at(2026y / 1 / 1)) == "2026-01-01T00:00:00.000Z");
    CHECK(base::to_iso8601(base::WallTime{}) == "1970-01-01T00:00:00.000Z");
    CHECK(base::to_iso8601(at(2028y / 2 / 29, 23h + 59min + 59s + 999ms)) == "2028-02-29T23:59:59.999Z");
}

TEST_CASE("what is finer than a millisecond is cut, not rounded, also before 1970") {
    CHECK(base::to_iso8601(at(2026y / 1 / 1, 999'999ns)) == "2026-01-01T00:00:00.000Z");
    CHECK(base::to_iso8601(at(2026y / 1 / 1, 1'000'000ns)) == "2026-01-01T00:00:00.001Z");
    CHECK(base::to_iso8601(base::WallTime{} - 1ns) == "1969-12-31T23:59:59.999Z");
}
