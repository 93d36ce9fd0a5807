#include "control/traffic.hpp"

namespace control {
namespace {

// WireGuard's own messages (paper §5.4), and how often it begins a handshake anew that nobody answers (§6.1).
constexpr std::uint64_t handshake = 148 + 92;  // initiation and response
constexpr std::uint64_t keepalive = 32;
constexpr base::Duration rekey_timeout = std::chrono::seconds{5};

}  // namespace

void Traffic::on_look(const Counted& counted) {
    // Less than before: the peer was taken away and put back, and is counted anew.
    if (last && (counted.received < last->received || counted.sent < last->sent)) before = after = std::nullopt;
    last = counted;
    if (down_at && !after && counted.at > *down_at) after = counted;
}

void Traffic::on_down(base::TimePoint now) {
    down_at = now;
    before = last;
    after.reset();
}

void Traffic::on_up() {
    down_at.reset();
    before = after = std::nullopt;
}

std::uint64_t idle_bytes(base::Duration span) {
    return (static_cast<std::uint64_t>(span / rekey_timeout) + 1) * (handshake + keepalive);
}

}  // namespace control
