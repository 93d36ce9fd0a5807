#include "policy/evidence.hpp"

namespace policy {

namespace {

bool been_up(const Evidence& evidence) {
    return evidence.was_up ||
           (evidence.session && (evidence.session->ever_up || evidence.session->state == bfd::State::up));
}

bool handshake_fresh(const Evidence& evidence) {
    return evidence.handshake_age && *evidence.handshake_age < handshake_lifetime;
}

// Why nothing we send can leave this host, if so.
std::optional<Cause> why_nothing_leaves(const Evidence& evidence) {
    if (!evidence.interface_up) return Cause::interface_gone;
    if (!evidence.has_endpoint || evidence.refused == Refusal::no_endpoint) return Cause::no_endpoint;
    if (!evidence.allowed || evidence.refused == Refusal::no_allowed_ips) return Cause::wrong_allowed_ips;
    return std::nullopt;
}

// What BFD knew stands until WireGuard knows better. A cause that names something gone does not outlive its return.
Cause refine(const Evidence& evidence) {
    using enum Cause;
    if (const auto cause = why_nothing_leaves(evidence)) return *cause;
    // An age that is not known (outside WireGuard, or no handshake yet) explains nothing.
    if (evidence.handshake_age && !handshake_fresh(evidence)) return handshake_stale;
    if (evidence.too_long) return mtu;
    if (evidence.down_cause) switch (*evidence.down_cause) {
            case detect_timeout:
            case one_way:
            case neighbor_down: return *evidence.down_cause;
            case handshake_stale:
            case no_endpoint:
            case unresolved:
            case never_up:
            case interface_gone:
            case peer_removed:
            case wrong_allowed_ips:
            case quality_loss:
            case quality_rtt:
            case quality_jitter:
            case mtu:
            case damped:
            case drained:
            case external:
            case admin: break;
        }
    const auto known = evidence.session ? cause_of_down(*evidence.session) : detect_timeout;
    return known == admin ? neighbor_down : known;
}

Cause why_never_up(const Evidence& evidence) {
    return why_nothing_leaves(evidence).value_or(evidence.too_long ? Cause::mtu : Cause::never_up);
}

bool peer_is_admin_down(const bfd::Status& status) {
    // RFC 5880 §6.8.6: an Up session that hears AdminDown goes Down. RFC 5882 §3.2: that is no failure of the path.
    return status.state == bfd::State::down && status.remote_state == bfd::State::admin_down && status.ever_heard;
}

}  // namespace

Verdict assess(const Evidence& evidence) {
    using enum VerdictState;
    const bool was = been_up(evidence);
    const auto& session = evidence.session;
    // The operator's word first: what is shut down on purpose raises no alarm, whatever else is missing.
    if (evidence.drained) return {admin_down, Cause::drained};
    if (evidence.admin_down || (session && session->state == bfd::State::admin_down)) return {admin_down, Cause::admin};
    // An adjacency that has never been Up changes nothing: from here on it is unknown at worst.
    if (!evidence.interface_present) return {was ? down : unknown, Cause::interface_gone};
    if (!evidence.peer_present) return {was ? down : unknown, Cause::peer_removed};
    if (!evidence.resolved) return {unknown, Cause::unresolved};
    if (session && session->state == bfd::State::up) return {up, std::nullopt};
    if (session && peer_is_admin_down(*session)) return {admin_down, Cause::admin};
    if (!was) return {unknown, why_never_up(evidence)};
    // Nobody probes it any more, or not yet: that says nothing about the path. Only a missing endpoint does, since
    // nothing can be sent there.
    if (!session && evidence.has_endpoint) return {unknown, std::nullopt};
    // A session that has just begun has not failed: only evidence takes a path away.
    if (evidence.settling) return {unknown, std::nullopt};
    return {down, refine(evidence)};  // Down, and Init after having been Up: the three-way handshake is not done
}

Cause cause_of_down(const bfd::Status& status) {
    using enum bfd::Diagnostic;
    if (status.remote_state == bfd::State::admin_down || status.state == bfd::State::admin_down) return Cause::admin;
    if (status.diagnostic != neighbor_signaled_session_down) return Cause::detect_timeout;
    // RFC 5880 §4.1: the peer's diagnostic 1 says that it stopped hearing us, though we hear it.
    return status.remote_diagnostic == control_detection_time_expired ? Cause::one_way : Cause::neighbor_down;
}

bool is_live(const Verdict& verdict, const Evidence& evidence) {
    switch (verdict.state) {
        case VerdictState::up:
        case VerdictState::degraded: return true;
        case VerdictState::down: return false;
        case VerdictState::unknown:
            if (evidence.require_proof && !been_up(evidence) && !evidence.settling) return false;
            [[fallthrough]];
        case VerdictState::admin_down:
            return evidence.interface_present && evidence.peer_present && handshake_fresh(evidence);
    }
    return false;
}

}  // namespace policy
