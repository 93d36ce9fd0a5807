// trust_data: where somebody else vouches for a peer, the deadline moves; never without, and not for ever.
#include "wire.hpp"

using namespace bfd_test;

namespace {

// Runs on until `late` is told or the session is Down; true: told.
bool runs_late(Solo& solo) {
    while (solo.session.state() == State::up) {
        solo.now = solo.session.deadline();
        if (solo.session.on_deadline(solo.now).late) return true;
    }
    return false;
}

}  // namespace

TEST_CASE("a departure from RFC 5880 §6.8.4: late is told once, when a third of the detection time is left") {
    Solo solo{{.trust_data = true}};
    solo.bring_up();
    const auto heard = solo.now;
    REQUIRE(runs_late(solo));
    CHECK(solo.now == heard + 100ms);
    CHECK(solo.session.detect_deadline() == heard + 150ms);
    CHECK_FALSE(runs_late(solo));
    CHECK(solo.now == heard + 150ms);
}

TEST_CASE("without trust_data nothing is late, and neither is a peer of one packet") {
    Solo plain;
    plain.bring_up();
    CHECK_FALSE(runs_late(plain));
    Solo single{{.trust_data = true}};
    auto p = single.packet(State::up);
    p.detect_mult = 1;
    single.bring_up(p);
    CHECK_FALSE(runs_late(single));
}

TEST_CASE("who is vouched for gets one detection time; a deadline that has moved is not moved again") {
    Solo solo{{.trust_data = true}};
    solo.bring_up();
    REQUIRE(runs_late(solo));
    const auto deadline = solo.session.detect_deadline();
    CHECK_FALSE(solo.session.vouch(deadline - 1ns));
    CHECK(solo.session.vouch(deadline));
    CHECK_FALSE(solo.session.vouch(deadline));
    CHECK(solo.session.detect_deadline() == deadline + 150ms);
    SUBCASE("a packet ends it: the time counts from there") {
        solo.hear(solo.packet(State::up));
        CHECK(solo.session.detect_deadline() == solo.now + 150ms);
        CHECK_FALSE(solo.session.vouch(deadline + 150ms));
    }
    SUBCASE("what comes after the Down changes nothing") {
        REQUIRE(runs_late(solo));
        CHECK_FALSE(runs_late(solo));
        CHECK(solo.session.state() == State::down);
        CHECK_FALSE(solo.session.vouch(solo.session.detect_deadline()));
    }
}

TEST_CASE("data vouches ten times in a row, and again after a packet") {
    Solo solo{{.trust_data = true}};
    solo.bring_up();
    for (int round = 0; round < 2; ++round) {
        const auto heard = solo.session.last_received();
        for (int i = 0; i < bfd::vouched_at_most; ++i) {
            REQUIRE(runs_late(solo));
            REQUIRE(solo.session.vouch(solo.session.detect_deadline()));
        }
        REQUIRE(runs_late(solo));
        CHECK_FALSE(solo.session.vouch(solo.session.detect_deadline()));
        CHECK(solo.session.detect_deadline() == heard + 11 * 150ms);
        if (round == 0) solo.hear(solo.packet(State::up));
    }
    CHECK_FALSE(runs_late(solo));
    CHECK(solo.session.state() == State::down);
}
