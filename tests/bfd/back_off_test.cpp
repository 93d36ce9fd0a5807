#include "wire.hpp"

using namespace bfd_test;

namespace {

constexpr Parameters stranger{.back_off = true};

}  // namespace

TEST_CASE("a peer never heard is asked once a second for a minute, then ever more slowly, down to every ten seconds") {
    Solo solo{stranger};
    solo.run_for(60s - 1ns);
    CHECK(solo.log.size() >= 60);
    for (const auto& s : solo.log) CHECK(s.packet.desired_min_tx == Microseconds{1'000'000});
    const auto grown = solo.now;
    solo.run_for(10min);
    const auto later = solo.since(grown);
    const std::array<std::uint32_t, 7> steps{1'500'000, 2'250'000,  3'375'000, 5'062'500,
                                             7'593'750, 10'000'000, 10'000'000};
    for (std::size_t i = 0; i < steps.size(); ++i) CHECK(later.at(i).packet.desired_min_tx.count() == steps[i]);
    CHECK(later.size() <= 85);
    CHECK(later.back().packet.desired_min_tx == Microseconds{10'000'000});
}

TEST_CASE("RFC 5880 §6.8.7: while backing off a packet says the interval that follows it") {
    Solo solo{stranger};
    solo.run_for(10min);
    for (std::size_t i = 1; i < solo.log.size(); ++i) {
        const auto gap = solo.log[i].at - solo.log[i - 1].at;
        const Duration said{solo.log[i - 1].packet.desired_min_tx};
        CHECK(gap <= said);
        CHECK(gap >= said * 3 / 4);
        CHECK_FALSE(solo.log[i].packet.poll);
    }
}

TEST_CASE("without back_off a peer never heard is asked once a second for ever") {
    Solo solo;
    solo.run_for(1h);
    CHECK(solo.log.size() >= 3600);
}

TEST_CASE("a nudge brings a stranger back to one packet a second, for another minute, the first one soon") {
    Solo solo{stranger};
    solo.run_for(10min);
    const auto nudged = solo.now;
    solo.session.nudge(solo.now);
    solo.run_for(1s);
    CHECK_FALSE(solo.since(nudged).empty());
    CHECK(solo.since(nudged).front().packet.desired_min_tx == Microseconds{1'000'000});
    solo.run_for(58s);
    CHECK(solo.since(nudged).size() >= 58);
    CHECK(solo.log.back().packet.desired_min_tx == Microseconds{1'000'000});
    solo.run_for(10s);
    CHECK(solo.log.back().packet.desired_min_tx > Microseconds{1'000'000});
}

TEST_CASE("a nudge does nothing to a session that is Up") {
    Solo solo{stranger};
    solo.bring_up();
    const auto due = solo.session.deadline();
    const auto status = solo.session.status();
    solo.session.nudge(solo.now);
    CHECK(solo.session.deadline() == due);
    CHECK(solo.session.status() == status);
}

TEST_CASE("any packet ends the backing off, and the wished interval holds from Up on") {
    Solo solo{stranger};
    solo.run_for(10min);
    solo.hear(State::down);
    REQUIRE(solo.last.send);
    CHECK(solo.last.send->desired_min_tx == Microseconds{1'000'000});
    CHECK(solo.session.status().tx_interval == 1s);
    solo.hear(State::up);
    CHECK(solo.session.status().tx_interval == 50ms);
}

TEST_CASE("a peer that was Up once is never backed off from") {
    Solo solo{stranger};
    solo.bring_up();
    const auto up = solo.now;
    solo.run_for(1h);
    CHECK(solo.session.state() == State::down);
    CHECK(solo.since(up).size() >= 3600);
}

TEST_CASE("a peer heard but never Up is backed off from a minute after its last packet") {
    Solo solo{stranger};
    solo.run_for(30s);
    solo.hear(State::up);
    const auto heard = solo.now;
    solo.run_for(59s);
    CHECK(solo.since(heard).size() >= 59);
    solo.run_for(10min);
    CHECK(solo.log.back().packet.desired_min_tx == Microseconds{10'000'000});
}

TEST_CASE("a wish slower than ten seconds is not hurried by backing off") {
    Solo solo{{.desired_min_tx = 60s, .back_off = true}};
    solo.run_for(1h);
    for (const auto& s : solo.log) CHECK(s.packet.desired_min_tx == Microseconds{60'000'000});
}

TEST_CASE("two strangers that both back off find each other") {
    Wire wire{stranger};
    wire.cut(true);
    wire.run_for(1h);
    wire.cut(false);
    wire.run_for(12s);
    CHECK(wire.both_up());
    wire.run_for(2s);
    CHECK(wire.a.status().detection_time == 150ms);
    CHECK(wire.b.status().detection_time == 150ms);
}
