// What routing should believe of an adjacency: state, cause, cost.
#pragma once

#include <cstddef>
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
    unresolved,       // no tunnel address found, or ours was taken away
    never_up,         // has not been Up yet
    interface_gone,   // deleted, or administratively down
    peer_removed,
    admin,              // shut down by the operator, ours or the peer's
    wrong_allowed_ips,  // the peer's allowed-ips do not hold its tunnel address: WireGuard sends it nothing
    quality_loss,       // it loses more than its limit
    quality_rtt,        // its round trip takes longer
    quality_jitter,     // ... or varies more
    mtu,                // packets of the size it should carry do not come through
    damped,             // it went down too often
    drained,            // `wgbfd drain`
    external,           // `wgbfd evidence`: a check outside of us says so
};
inline constexpr std::size_t causes = static_cast<std::size_t>(Cause::external) + 1;
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
        case wrong_allowed_ips: return "wrong-allowed-ips";
        case quality_loss: return "quality-loss";
        case quality_rtt: return "quality-rtt";
        case quality_jitter: return "quality-jitter";
        case mtu: return "mtu";
        case damped: return "damped";
        case drained: return "drained";
        case external: return "external";
    }
    return "?";
}

struct Verdict {
    VerdictState state = VerdictState::unknown;
    std::optional<Cause> cause;
    std::uint32_t cost = 10;
    std::uint32_t base_cost = 10;  // what it costs at its best
    friend bool operator==(const Verdict&, const Verdict&) = default;
};

}  // namespace policy
