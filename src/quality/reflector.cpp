#include "quality/reflector.hpp"

#include <algorithm>

namespace quality {

namespace {

constexpr base::Duration a_token = base::Duration{std::chrono::seconds{1}} / Reflector::rate;

}  // namespace

bool Reflector::spend(base::TimePoint now) {
    const auto full_at = std::max(full_at_, now) + a_token;
    if (full_at - now > a_token * Reflector::burst) return false;
    full_at_ = full_at;
    return true;
}

std::optional<std::uint32_t> Reflector::admit(base::TimePoint now, std::uint16_t port, stamp::Ssid ssid) {
    if (!spend(now)) return std::nullopt;
    auto session = std::ranges::find_if(
        sessions_, [&](const Session& s) { return s.used != base::TimePoint{} && s.port == port && s.ssid == ssid; });
    if (session == sessions_.end()) {
        session = std::ranges::min_element(sessions_, {}, &Session::used);
        *session = {.port = port, .ssid = ssid};
    }
    session->used = now;
    return session->next++;  // RFC 8762 §4.3: "individually incremented by one on a per-session basis", from zero
}

}  // namespace quality
