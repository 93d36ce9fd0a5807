#include "wire.hpp"

using namespace bfd_test;

namespace {

// Up, and the peer has asked for Demand mode with P, as §6.6 wants it.
Solo in_demand() {
    Solo solo;
    solo.bring_up();
    auto p = solo.packet(State::up);
    p.demand = p.poll = true;
    solo.hear(p);
    REQUIRE(solo.last.send);
    REQUIRE(solo.last.send->final);
    return solo;
}

// The peer goes on sending: we do not ask for Demand mode.
Packet demanding(const Solo& solo) {
    auto p = solo.packet(State::up);
    p.demand = true;
    return p;
}

}  // namespace

TEST_CASE("RFC 5880 §6.6, §6.8.6: with D from the peer and both Up we stop sending periodically, and answer Polls") {
    auto solo = in_demand();
    const auto since = solo.now + 1ns;
    solo.converse(10s, demanding(solo));
    CHECK(solo.since(since).empty());
    CHECK(solo.session.state() == State::up);
    auto p = demanding(solo);
    p.poll = true;
    solo.hear(p);
    REQUIRE(solo.last.send);
    CHECK(solo.last.send->final);
    CHECK_FALSE(solo.last.send->poll);
}

TEST_CASE("RFC 5880 §6.8.4: the peer's Demand mode does not touch our own detection") {
    auto solo = in_demand();
    CHECK(solo.session.detect_deadline() == solo.now + 150ms);
    solo.run_for(150ms);
    CHECK(solo.session.state() == State::down);
    const auto down = solo.now;
    solo.run_for(10s);
    CHECK(solo.since(down).size() >= 10);  // not Up: periodic again
}

TEST_CASE("RFC 5880 §6.8.6: D cleared by the peer, or its state not Up: periodic packets again, at once") {
    auto solo = in_demand();
    solo.converse(1s, demanding(solo));
    const auto since = solo.now;
    SUBCASE("D cleared") {
        solo.converse(500ms, solo.packet(State::up));
        CHECK(solo.since(since).size() >= 9);
    }
    SUBCASE("the peer says Init") {
        auto p = demanding(solo);
        p.state = State::init;
        solo.converse(500ms, p);
        CHECK(solo.session.state() == State::up);
        CHECK(solo.since(since).size() >= 9);
    }
    SUBCASE("the peer says Down") {
        auto p = demanding(solo);
        p.state = State::down;
        solo.hear(p);
        CHECK(solo.session.state() == State::down);
        CHECK(solo.last.send);
    }
}

TEST_CASE("RFC 5880 §6.6: D before both are Up is not Demand mode") {
    Solo solo;
    solo.run_for(1ms);
    auto p = solo.packet(State::down);
    p.demand = true;
    p.desired_min_tx = Microseconds{1'000'000};
    solo.hear(p);
    const auto since = solo.now;
    solo.converse(5s, p, 500ms);
    CHECK(solo.session.state() == State::init);
    CHECK(solo.since(since).size() >= 5);
}

TEST_CASE("RFC 5880 §6.6: in Demand mode whatever changes in our packets is polled until F, then silence again") {
    const std::array<Parameters, 3> changes{Parameters{.desired_min_tx = 80ms}, Parameters{.detect_mult = 5},
                                            Parameters{.control_plane_independent = true}};
    for (const auto& wish : changes) {
        auto solo = in_demand();
        solo.converse(1s, demanding(solo));
        const auto changed = solo.now;
        solo.change(wish);
        REQUIRE(solo.last.send);
        CHECK(solo.last.send->poll);
        for (int i = 0; i < 10; ++i) {
            solo.run_for(50ms);
            solo.hear(demanding(solo));
        }
        const auto asked = solo.since(changed);
        CHECK(asked.size() >= 8);  // P is repeated at the periodic rate
        for (const auto& s : asked) CHECK(s.packet.poll);
        auto f = demanding(solo);
        f.final = true;
        solo.hear(f);
        const auto answered = solo.now + 1ns;
        solo.converse(2s, demanding(solo));
        CHECK(solo.since(answered).empty());
    }
}

TEST_CASE("RFC 5880 §6.6: in Demand mode the peer's new discriminator is polled back to it") {
    auto solo = in_demand();
    solo.converse(1s, demanding(solo));
    auto p = demanding(solo);
    p.my_discriminator = Discriminator{0x77};
    solo.hear(p);
    REQUIRE(solo.last.send);
    CHECK(solo.last.send->poll);
    CHECK(solo.last.send->your_discriminator == Discriminator{0x77});
}

TEST_CASE("RFC 5880 §6.8.3: in Demand mode a second change waits a round trip after the last P, and for nothing else") {
    auto solo = in_demand();
    auto p = demanding(solo);
    p.desired_min_tx = Microseconds{10'000'000};  // nothing else wakes us
    solo.hear(p);
    const auto first = solo.now;
    solo.change({.desired_min_tx = 80ms});
    solo.run_for(110ms);  // the packet of the change, and two more P
    solo.change({.desired_min_tx = 90ms});
    CHECK(solo.session.snapshot().poll_queued);
    const auto answered = solo.now;
    const auto last = solo.session.snapshot().last_poll;
    REQUIRE(last > first);
    p.final = true;
    solo.hear(p);
    CHECK_FALSE(solo.session.snapshot().polling);
    CHECK(solo.session.deadline() == last + (answered - first));
    solo.run_for(300ms);
    const auto second = solo.since(answered);
    REQUIRE_FALSE(second.empty());
    CHECK(second.front().at >= last + (answered - first));
    CHECK(second.front().packet.poll);
    CHECK(second.front().packet.desired_min_tx == Microseconds{90'000});
}

TEST_CASE("RFC 5880 §6.6, §6.8.7: we never set D, for Demand mode is never ours") {
    auto solo = in_demand();
    solo.converse(1s, demanding(solo));
    solo.run_for(5s);
    for (const auto& s : solo.log) CHECK_FALSE(s.packet.demand);
}
