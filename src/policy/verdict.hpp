// What routing should believe of an adjacency: state, cause, cost.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace policy {

enum class VerdictState : std::uint8_t { unknown, up, degraded, down, admin_down };
constexpr std::string_view to_string(VerdictState s) {
    switch (s) {
        using enum VerdictState;
        case unknown: return "unknown";
        case up: return "up";
        case degraded: return "degraded";
        case down: return "down";
        case admin_down: return "admin-down";
    }
    return "?";
}

enum class Cause : std::uint8_t {
    detect_timeout,   // nothing heard for the detection time
    one_way,          // we hear the peer, and it says with diagnostic 1 that it does not hear us
    neighbor_down,    // the peer says Down for another reason
    handshake_stale,  // no handshake for 180 s and none succeeds
    no_endpoint,      // WireGuard knows no endpoint for the peer
    unresolved,       // no tunnel address found
    never_up,         // has not been Up yet
    interface_gone,
    peer_removed,
    admin,  // shut down by the operator, ours or the peer's
};
constexpr std::string_view to_string(Cause c) {
    switch (c) {
        using enum Cause;
        case detect_timeout: return "detect-timeout";
        case one_way: return "one-way";
        case neighbor_down: return "neighbor-down";
        case handshake_stale: return "handshake-stale";
        case no_endpoint: return "no-endpoint";
        case unresolved: return "unresolved";
        case never_up: return "never-up";
        case interface_gone: return "interface-gone";
        case peer_removed: return "peer-removed";
        case admin: return "admin";
    }
    return "?";
}

struct Verdict {
    VerdictState state = VerdictState::unknown;
    std::optional<Cause> cause;
    std::uint32_t cost = 10;
    friend bool operator==(const Verdict&, const Verdict&) = default;
};

}  // namespace policy
