// What the operator wants measured.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/time.hpp"

namespace quality {

enum class Choice : std::uint8_t { automatic, stamp, icmp, off };  // automatic: STAMP where the peer answers it

inline constexpr base::Duration least_interval = std::chrono::milliseconds{20};
inline constexpr base::Duration greatest_interval = std::chrono::seconds{10};

struct Settings {
    Choice method = Choice::automatic;
    base::Duration interval = std::chrono::milliseconds{100};
    friend bool operator==(const Settings&, const Settings&) = default;
};

}  // namespace quality
