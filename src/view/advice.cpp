#include "view/advice.hpp"

#include <fmt/format.h>

namespace view {

using policy::Cause;

Advice advice(Cause cause) {
    switch (cause) {
        using enum Cause;
        case detect_timeout: return {"nothing came for the detection time", "the underlay; the far end"};
        case one_way:
            return {"we hear the peer, and it says that it does not hear us",
                    "the way out: firewall, NAT, the far end's allowed-ips"};
        case neighbor_down: return {"the peer says Down for a reason of its own", "the far end's log"};
        case handshake_stale:
            return {"and WireGuard has had no handshake for 180 s", "keys, endpoint, UDP port blocked"};
        case no_endpoint:
            return {"WireGuard does not know where the peer is", "set an endpoint, or wait for the peer to call"};
        case wrong_allowed_ips:
            return {"the peer's allowed-ips do not hold its tunnel address: WireGuard sends it nothing",
                    "`wg show`: add the address to allowed-ips"};
        case never_up: return {"has not been up yet: changes nothing", "does the far end speak BFD?"};
        case unresolved:
            return {"no tunnel address found, or ours was taken away; `wgbfd status NAME` names the step",
                    "`wgbfd doctor` says what to write; `ip address`"};
        case interface_gone:
            return {"the interface is not there, or is set down",
                    "`ip link`; `ip link set INTERFACE up` where it is only down"};
        case peer_removed: return {"a configured peer is not on the interface", "`wg show`"};
        case quality_loss:
            return {"it loses more than its limit; usable, at a higher cost",
                    "the underlay: congestion, radio, a policer"};
        case quality_rtt: return {"its round trip takes longer than its limit", "the underlay: a detour, a full queue"};
        case quality_jitter:
            return {"its delay varies more than its limit", "the underlay: a full queue, a busy processor"};
        case mtu:
            return {
                "packets as large as the interface sends do not come through, and small ones do; usable, at a higher "
                "cost",
                "the MTU of the interface and of the underlay: `wgbfd explain NAME` says what passes"};
        case damped:
            return {
                "it went down too often and is left out for a while, as long as `max` of `[damping]` at most; the last "
                "of "
                "its group stays usable",
                "`wgbfd events`: why did it go down?"};
        case drained: return {"taken out by `wgbfd drain`", "`wgbfd undrain NAME`"};
        case external:
            return {"a check outside says so, by `wgbfd evidence`; the last of its group stays usable",
                    "`wgbfd explain NAME`: its reason"};
        case admin: return {"shut down by an operator, here or there: maintenance, not failure", ""};
    }
    return {};
}

std::string cause_table() {
    std::string out = "| cause | what it means | what to look at |\n|---|---|---|\n";
    using enum Cause;
    for (const auto cause : {detect_timeout, one_way, neighbor_down, handshake_stale, no_endpoint, wrong_allowed_ips,
                             never_up, unresolved, interface_gone, peer_removed, quality_loss, quality_rtt,
                             quality_jitter, mtu, damped, drained, external, admin}) {
        const auto [means, look_at] = advice(cause);
        out += fmt::format("| `{}` | {} | {}{}|\n", to_string(cause), means, look_at, look_at.empty() ? "" : " ");
    }
    return out;
}

}  // namespace view
