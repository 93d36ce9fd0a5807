#include "base/time.hpp"

#include <array>
#include <cstdio>

namespace base {

std::string to_iso8601(WallTime at) {
    using namespace std::chrono;
    const auto millis = floor<milliseconds>(at);
    const auto day = floor<days>(millis);
    const year_month_day date{day};
    const hh_mm_ss clock{millis - day};
    std::array<char, 64> text{};
    const int n =
        std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
                      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                      static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
    return std::string(text.data(), static_cast<std::size_t>(n));
}

}  // namespace base
