// Every fact about an adjacency, and the one function that turns it into a verdict.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.hpp"
#include "bfd/session.hpp"
#include "policy/verdict.hpp"

namespace policy {

// WireGuard's REJECT_AFTER_TIME: a handshake older than this carries no data (WireGuard paper §6.1).
inline constexpr base::Duration handshake_lifetime = std::chrono::seconds{180};

// Why WireGuard takes no packet for a peer, as the error of a send says it before anybody looks at the device.
enum class Refusal : std::uint8_t {
    no_allowed_ips,  // ENOKEY: no peer's allowed-ips hold the destination
    no_endpoint,     // EDESTADDRREQ
};

struct Evidence {
    bool interface_present = true;
    bool interface_up = true;  // not administratively down
    bool peer_present = true;
    bool resolved = true;
    bool has_endpoint = true;
    bool allowed = true;                            // the peer's allowed-ips hold its tunnel address
    std::optional<Refusal> refused{};               // the last send was, and nothing since says otherwise
    std::optional<base::Duration> handshake_age{};  // none: there never was one
    std::optional<bfd::Status> session{};           // none: not probed
    bool settling = false;  // its session is new, or leaves AdminDown: it has not failed, and is not judged yet
    bool was_up = false;    // has been Up, also before a restart of ours
    bool require_proof = false;
    bool admin_down = false;            // shut down by our side
    bool drained = false;               // ... for it is drained
    bool too_long = false;              // its packets are padded to more than the interface takes
    std::optional<Cause> down_cause{};  // what BFD knew at the moment of the last Down
};

Verdict assess(const Evidence& evidence);

// What BFD itself knows about a Down at the moment it happens, from the session's status after the transition.
Cause cause_of_down(const bfd::Status& status);

// True when the path may be believed alive for `link`: up, degraded, or unknown/admin-down with a handshake younger
// than handshake_lifetime; with `require_proof` never-up is not live.
bool is_live(const Verdict& verdict, const Evidence& evidence);

}  // namespace policy
