// The laws of a verdict over random evidence.
#include <doctest/doctest.h>

#include <random>

#include "policy/evidence.hpp"

using bfd::Diagnostic;
using bfd::State;
using policy::Cause;
using policy::Evidence;
using policy::Verdict;
using policy::VerdictState;

namespace {

class Dice {
public:
    explicit Dice(unsigned seed) : engine_{seed} {}
    bool coin() { return (engine_() & 1U) != 0; }
    unsigned below(unsigned n) { return static_cast<unsigned>(engine_() % n); }

private:
    std::mt19937 engine_;
};

Evidence random_evidence(Dice& dice) {
    Evidence out;
    out.interface_present = dice.below(4) != 0;
    out.interface_up = dice.below(4) != 0;
    out.peer_present = dice.below(4) != 0;
    out.resolved = dice.below(4) != 0;
    out.has_endpoint = dice.below(4) != 0;
    if (dice.below(4) == 0) out.refused = static_cast<policy::Refusal>(dice.below(2));
    if (dice.coin()) out.handshake_age = std::chrono::seconds{dice.below(360)};
    out.was_up = dice.coin();
    out.require_proof = dice.coin();
    out.admin_down = dice.below(8) == 0;
    if (dice.coin()) out.down_cause = static_cast<Cause>(dice.below(10));
    if (dice.below(4) == 0) return out;
    out.session.emplace();
    out.session->state = static_cast<State>(dice.below(4));
    out.session->remote_state = static_cast<State>(dice.below(4));
    out.session->diagnostic = static_cast<Diagnostic>(dice.below(32));
    out.session->remote_diagnostic = static_cast<Diagnostic>(dice.below(32));
    out.session->ever_up = dice.coin();
    out.session->ever_heard = dice.coin();
    return out;
}

bool been_up(const Evidence& e) {
    return e.was_up || (e.session && (e.session->ever_up || e.session->state == State::up));
}

void check_laws(const Evidence& e) {
    const auto v = assess(e);
    const bool is_up = e.session && e.session->state == State::up;
    REQUIRE(v == assess(e));
    REQUIRE(v.cost == 10);
    // An adjacency that has never been Up changes nothing.
    if (v.state == VerdictState::down) REQUIRE(been_up(e));
    if (v.state == VerdictState::down) REQUIRE(v.cause.has_value());
    // Only evidence takes a path away: WireGuard's word alone does not, while BFD is Up over what is there.
    if (is_up && e.interface_present && e.peer_present && e.resolved && !e.admin_down)
        REQUIRE(v == Verdict{VerdictState::up, {}});
    if (v.state == VerdictState::up) REQUIRE(is_up);
    if (v.state == VerdictState::up) REQUIRE_FALSE(v.cause);
    REQUIRE(v.state != VerdictState::degraded);
    REQUIRE((v.state == VerdictState::admin_down) == (v.cause == Cause::admin));
    if (e.admin_down) REQUIRE(v.state == VerdictState::admin_down);
    if (v.cause == Cause::no_endpoint) REQUIRE((!e.has_endpoint || e.refused == policy::Refusal::no_endpoint));
    if (v.cause == Cause::handshake_stale) REQUIRE(e.handshake_age.value() >= policy::handshake_lifetime);
    if (v.cause == Cause::interface_gone) REQUIRE_FALSE((e.interface_present && e.interface_up));
    if (v.cause == Cause::peer_removed) REQUIRE_FALSE(e.peer_present);
    if (v.cause == Cause::unresolved) REQUIRE_FALSE(e.resolved);
    if (v.cause == Cause::never_up) REQUIRE_FALSE(been_up(e));
    if (v.state == VerdictState::down) REQUIRE_FALSE(is_live(v, e));
    if (e.require_proof && !been_up(e) && v.state == VerdictState::unknown) REQUIRE_FALSE(is_live(v, e));
    // What this host sees of its own interface and sends names a cause, and decides nothing.
    auto unseen = e;
    unseen.interface_up = true;
    unseen.refused.reset();
    REQUIRE(assess(unseen).state == v.state);
    REQUIRE(is_live(assess(unseen), unseen) == is_live(v, e));
    // require_proof never changes the verdict, only what is live.
    auto other = e;
    other.require_proof = !other.require_proof;
    REQUIRE(assess(other) == v);
}

}  // namespace

TEST_CASE("the laws hold for any evidence") {
    Dice dice{20'260'101};
    for (int i = 0; i < 200'000; ++i) check_laws(random_evidence(dice));
}
