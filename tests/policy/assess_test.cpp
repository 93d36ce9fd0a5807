// Evidence to verdict: each cause, and the law that an adjacency never Up changes nothing.
#include <doctest/doctest.h>

#include <set>

#include "policy/evidence.hpp"

using namespace std::chrono_literals;
using bfd::Diagnostic;
using bfd::State;
using policy::Cause;
using policy::Evidence;
using policy::Verdict;
using policy::VerdictState;

namespace {

constexpr auto nothing = std::optional<Cause>{};

bfd::Status session(State state, State remote = State::down, Diagnostic diagnostic = Diagnostic::none,
                    Diagnostic remote_diagnostic = Diagnostic::none) {
    bfd::Status out;
    out.state = state;
    out.remote_state = remote;
    out.diagnostic = diagnostic;
    out.remote_diagnostic = remote_diagnostic;
    out.ever_heard = true;
    return out;
}

// A healthy adjacency, to be spoilt by the test.
Evidence healthy() {
    Evidence out;
    out.handshake_age = 30s;
    out.session = session(State::up, State::up);
    out.session->ever_up = true;
    out.was_up = true;
    return out;
}

Evidence lost() {
    auto out = healthy();
    out.session->state = State::down;
    out.session->diagnostic = Diagnostic::control_detection_time_expired;
    out.down_cause = Cause::detect_timeout;
    return out;
}

Evidence fresh() {
    auto out = healthy();
    out.session = session(State::down);
    out.session->ever_heard = false;
    out.was_up = false;
    return out;
}

Verdict verdict(VerdictState state, std::optional<Cause> cause = {}) { return {state, cause}; }

}  // namespace

TEST_CASE("a session that is Up is up, without a cause, and costs 10") {
    CHECK(assess(healthy()) == verdict(VerdictState::up));
    CHECK(assess(healthy()).cost == 10);
    auto evidence = healthy();
    evidence.was_up = false;
    CHECK(assess(evidence) == verdict(VerdictState::up));
}

TEST_CASE("what WireGuard says takes nothing away while BFD is Up") {
    auto evidence = healthy();
    evidence.handshake_age = 1h;
    evidence.has_endpoint = false;
    CHECK(assess(evidence) == verdict(VerdictState::up));
}

TEST_CASE("an adjacency that has never been Up is unknown, whatever else is wrong") {
    CHECK(assess(fresh()) == verdict(VerdictState::unknown, Cause::never_up));
    auto evidence = fresh();
    evidence.session->state = State::init;
    CHECK(assess(evidence) == verdict(VerdictState::unknown, Cause::never_up));
    evidence.handshake_age = 1h;
    CHECK(assess(evidence) == verdict(VerdictState::unknown, Cause::never_up));
    evidence.require_proof = true;
    CHECK(assess(evidence) == verdict(VerdictState::unknown, Cause::never_up));
    evidence.session.reset();
    CHECK(assess(evidence) == verdict(VerdictState::unknown, Cause::never_up));
    evidence.has_endpoint = false;
    CHECK(assess(evidence) == verdict(VerdictState::unknown, Cause::no_endpoint));
    evidence.resolved = false;
    CHECK(assess(evidence) == verdict(VerdictState::unknown, Cause::unresolved));
    evidence.peer_present = false;
    CHECK(assess(evidence) == verdict(VerdictState::unknown, Cause::peer_removed));
    evidence.interface_present = false;
    CHECK(assess(evidence) == verdict(VerdictState::unknown, Cause::interface_gone));
}

TEST_CASE("Down after Up is down with what BFD knew at that moment") {
    for (const auto cause : {Cause::detect_timeout, Cause::one_way, Cause::neighbor_down}) {
        auto evidence = lost();
        evidence.down_cause = cause;
        CHECK(assess(evidence) == verdict(VerdictState::down, cause));
    }
}

TEST_CASE("without what BFD knew, the session's own words stand in") {
    auto evidence = lost();
    evidence.down_cause.reset();
    CHECK(assess(evidence) == verdict(VerdictState::down, Cause::detect_timeout));
    evidence.session->diagnostic = Diagnostic::neighbor_signaled_session_down;
    CHECK(assess(evidence) == verdict(VerdictState::down, Cause::neighbor_down));
    evidence.session->remote_diagnostic = Diagnostic::control_detection_time_expired;
    CHECK(assess(evidence) == verdict(VerdictState::down, Cause::one_way));
}

TEST_CASE("a cause that names something gone does not outlive its return") {
    for (const auto cause : {Cause::interface_gone, Cause::peer_removed, Cause::never_up, Cause::unresolved,
                             Cause::no_endpoint, Cause::handshake_stale, Cause::admin}) {
        auto evidence = lost();
        evidence.down_cause = cause;
        CHECK(assess(evidence) == verdict(VerdictState::down, Cause::detect_timeout));
    }
}

TEST_CASE("Init after having been Up is down still") {
    auto evidence = lost();
    evidence.session->state = State::init;
    CHECK(assess(evidence) == verdict(VerdictState::down, Cause::detect_timeout));
}

TEST_CASE("what was up before a restart of ours is down when its new session is Down") {
    auto evidence = fresh();
    evidence.was_up = true;
    CHECK(assess(evidence) == verdict(VerdictState::down, Cause::detect_timeout));
}

TEST_CASE("the session remembers Up by itself") {
    auto evidence = lost();
    evidence.was_up = false;
    CHECK(assess(evidence).state == VerdictState::down);
    evidence.session->ever_up = false;
    CHECK(assess(evidence) == verdict(VerdictState::unknown, Cause::never_up));
}

TEST_CASE("a handshake of 180 s or more refines the cause of a down, one younger does not") {
    auto evidence = lost();
    evidence.handshake_age = 180s - 1ns;
    CHECK(assess(evidence) == verdict(VerdictState::down, Cause::detect_timeout));
    evidence.handshake_age = 180s;
    CHECK(assess(evidence) == verdict(VerdictState::down, Cause::handshake_stale));
    evidence.down_cause = Cause::one_way;
    CHECK(assess(evidence) == verdict(VerdictState::down, Cause::handshake_stale));
}

TEST_CASE("no handshake known is no evidence: sessions outside WireGuard have none") {
    auto evidence = lost();
    evidence.handshake_age.reset();
    CHECK(assess(evidence) == verdict(VerdictState::down, Cause::detect_timeout));
}

TEST_CASE("a missing endpoint explains a down before anything else does") {
    auto evidence = lost();
    evidence.has_endpoint = false;
    evidence.handshake_age = 1h;
    CHECK(assess(evidence) == verdict(VerdictState::down, Cause::no_endpoint));
    evidence.session.reset();
    CHECK(assess(evidence) == verdict(VerdictState::down, Cause::no_endpoint));
}

TEST_CASE("an interface or a peer that goes away takes what was up down") {
    auto evidence = healthy();
    evidence.peer_present = false;
    CHECK(assess(evidence) == verdict(VerdictState::down, Cause::peer_removed));
    evidence.interface_present = false;
    CHECK(assess(evidence) == verdict(VerdictState::down, Cause::interface_gone));
    evidence.session.reset();
    CHECK(assess(evidence) == verdict(VerdictState::down, Cause::interface_gone));
}

TEST_CASE("an address that is found no more says nothing about the path") {
    auto evidence = lost();
    evidence.resolved = false;
    CHECK(assess(evidence) == verdict(VerdictState::unknown, Cause::unresolved));
}

TEST_CASE("what was up and is not probed any more is unknown, without a cause") {
    auto evidence = healthy();
    evidence.session.reset();
    CHECK(assess(evidence) == verdict(VerdictState::unknown, nothing));
}

TEST_CASE("RFC 5882 §3.2: the peer's AdminDown is maintenance, not a failure") {
    auto evidence = healthy();
    evidence.session = session(State::down, State::admin_down, Diagnostic::neighbor_signaled_session_down,
                               Diagnostic::administratively_down);
    evidence.down_cause = Cause::admin;
    CHECK(assess(evidence) == verdict(VerdictState::admin_down, Cause::admin));
    evidence.was_up = false;
    CHECK(assess(evidence) == verdict(VerdictState::admin_down, Cause::admin));
    evidence.session->remote_state = State::down;
    evidence.was_up = true;
    CHECK(assess(evidence).state == VerdictState::down);
}

TEST_CASE("what we shut down ourselves is admin-down, whatever else is missing") {
    auto evidence = healthy();
    evidence.admin_down = true;
    CHECK(assess(evidence) == verdict(VerdictState::admin_down, Cause::admin));
    evidence.interface_present = false;
    CHECK(assess(evidence) == verdict(VerdictState::admin_down, Cause::admin));
    auto by_session = healthy();
    by_session.session->state = State::admin_down;
    CHECK(assess(by_session) == verdict(VerdictState::admin_down, Cause::admin));
}

TEST_CASE("RFC 5880 §4.1: the cause of a Down is in the two diagnostics") {
    using enum Diagnostic;
    const auto cause = [](Diagnostic ours, Diagnostic theirs, State remote = State::down) {
        return policy::cause_of_down(session(State::down, remote, ours, theirs));
    };
    CHECK(cause(control_detection_time_expired, none, State::up) == Cause::detect_timeout);
    CHECK(cause(control_detection_time_expired, control_detection_time_expired) == Cause::detect_timeout);
    CHECK(cause(neighbor_signaled_session_down, control_detection_time_expired) == Cause::one_way);
    CHECK(cause(neighbor_signaled_session_down, none) == Cause::neighbor_down);
    CHECK(cause(neighbor_signaled_session_down, path_down) == Cause::neighbor_down);
    CHECK(cause(neighbor_signaled_session_down, static_cast<Diagnostic>(31)) == Cause::neighbor_down);
    CHECK(cause(neighbor_signaled_session_down, administratively_down, State::admin_down) == Cause::admin);
    CHECK(policy::cause_of_down(session(State::admin_down, State::up, administratively_down)) == Cause::admin);
    CHECK(cause(none, none) == Cause::detect_timeout);
}

TEST_CASE("live for `link`: up, or not probed to the end while WireGuard still shakes hands") {
    CHECK(is_live(assess(healthy()), healthy()));
    CHECK(is_live({VerdictState::degraded, {}}, healthy()));
    CHECK_FALSE(is_live(assess(lost()), lost()));
    auto evidence = fresh();
    evidence.handshake_age = 180s - 1ns;
    CHECK(is_live(assess(evidence), evidence));
    evidence.handshake_age = 180s;
    CHECK_FALSE(is_live(assess(evidence), evidence));
    evidence.handshake_age.reset();
    CHECK_FALSE(is_live(assess(evidence), evidence));
}

TEST_CASE("live for `link`: admin-down counts its handshake too") {
    auto evidence = healthy();
    evidence.admin_down = true;
    CHECK(is_live(assess(evidence), evidence));
    evidence.handshake_age = 180s;
    CHECK_FALSE(is_live(assess(evidence), evidence));
}

TEST_CASE("live for `link`: with require_proof, never Up is not live; once Up it is like any other") {
    auto evidence = fresh();
    evidence.require_proof = true;
    CHECK_FALSE(is_live(assess(evidence), evidence));
    evidence.was_up = true;
    evidence.resolved = false;
    CHECK(is_live(assess(evidence), evidence));
}

TEST_CASE("what is gone is not live, however young its handshake") {
    auto evidence = fresh();
    evidence.peer_present = false;
    CHECK_FALSE(is_live(assess(evidence), evidence));
    evidence = fresh();
    evidence.interface_present = false;
    CHECK_FALSE(is_live(assess(evidence), evidence));
}

TEST_CASE("allowed-ips that do not hold the tunnel address explain a down, and why it was never up") {
    auto evidence = lost();
    evidence.allowed = false;
    CHECK(assess(evidence) == verdict(VerdictState::down, Cause::wrong_allowed_ips));
    evidence.handshake_age = 1h;
    CHECK(assess(evidence) == verdict(VerdictState::down, Cause::wrong_allowed_ips));
    evidence = fresh();
    evidence.allowed = false;
    CHECK(assess(evidence) == verdict(VerdictState::unknown, Cause::wrong_allowed_ips));
    evidence.has_endpoint = false;
    CHECK(assess(evidence) == verdict(VerdictState::unknown, Cause::no_endpoint));
    evidence = healthy();
    evidence.allowed = false;
    CHECK(assess(evidence) == verdict(VerdictState::up));
}

TEST_CASE("drained is the operator's word: admin-down, whatever else there is, and live while the handshake is fresh") {
    for (auto evidence : {healthy(), lost(), fresh()}) {
        evidence.drained = true;
        CHECK(assess(evidence) == verdict(VerdictState::admin_down, Cause::drained));
        CHECK(is_live(assess(evidence), evidence));
        evidence.handshake_age = 180s;
        CHECK(!is_live(assess(evidence), evidence));
        evidence.interface_present = false;
        CHECK(assess(evidence) == verdict(VerdictState::admin_down, Cause::drained));
    }
}

TEST_CASE("each cause has a name of its own") {
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < policy::causes; ++i) names.insert(to_string(static_cast<Cause>(i)));
    CHECK(names.size() == policy::causes);
    CHECK(!names.contains("?"));
}

TEST_CASE(
    "packets padded to more than the interface takes are the cause of a Down and of a peer never up, and take nothing "
    "away") {
    auto evidence = lost();
    evidence.too_long = true;
    CHECK(assess(evidence) == verdict(VerdictState::down, Cause::mtu));
    evidence.handshake_age = 180s;
    CHECK(assess(evidence) == verdict(VerdictState::down, Cause::handshake_stale));
    evidence = fresh();
    evidence.too_long = true;
    CHECK(assess(evidence) == verdict(VerdictState::unknown, Cause::mtu));
    evidence.session->state = State::up;
    CHECK(assess(evidence).state == VerdictState::up);
}

TEST_CASE("a send that WireGuard refused is the cause of a Down and of a peer never up, and takes nothing away") {
    for (const auto& [refusal, cause] : {std::pair{policy::Refusal::no_endpoint, Cause::no_endpoint},
                                         std::pair{policy::Refusal::no_allowed_ips, Cause::wrong_allowed_ips}}) {
        auto evidence = lost();
        evidence.refused = refusal;
        evidence.handshake_age = 1h;
        CHECK(assess(evidence) == verdict(VerdictState::down, cause));
        evidence.session.reset();
        CHECK(assess(evidence) == verdict(VerdictState::unknown, nothing));
        evidence = fresh();
        evidence.refused = refusal;
        CHECK(assess(evidence) == verdict(VerdictState::unknown, cause));
        evidence = healthy();
        evidence.refused = refusal;
        CHECK(assess(evidence) == verdict(VerdictState::up));
    }
}

TEST_CASE("an interface that is set down explains a Down before WireGuard does, and takes nothing away") {
    auto evidence = lost();
    evidence.interface_up = false;
    evidence.has_endpoint = false;
    CHECK(assess(evidence) == verdict(VerdictState::down, Cause::interface_gone));
    evidence = fresh();
    evidence.interface_up = false;
    CHECK(assess(evidence) == verdict(VerdictState::unknown, Cause::interface_gone));
    evidence = healthy();
    evidence.interface_up = false;
    CHECK(assess(evidence) == verdict(VerdictState::up));
}
