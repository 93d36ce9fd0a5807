#include "wire.hpp"

using namespace bfd_test;

TEST_CASE("RFC 5880 §6.8.4: silence for the detection time takes an Up session Down, not a nanosecond earlier") {
    Solo solo;
    solo.bring_up();
    const auto heard = solo.now;
    CHECK(solo.session.status().detection_time == 150ms);
    CHECK(solo.session.detect_deadline() == heard + 150ms);
    solo.run_for(150ms - 1ns);
    CHECK(solo.session.state() == State::up);
    solo.run_for(1ns);
    CHECK(solo.session.state() == State::down);
    CHECK(solo.session.status().diagnostic == Diagnostic::control_detection_time_expired);
    CHECK(solo.session.detect_deadline() == base::never);
}

TEST_CASE("RFC 5880 §6.8.4: the detection time is the peer's Detect Mult × max(Required Min RX, its Desired Min TX)") {
    for (const auto& [mine, theirs, mult, expected] :
         {std::tuple{50ms, 50ms, 3, 150ms}, std::tuple{50ms, 300ms, 3, 900ms}, std::tuple{300ms, 50ms, 3, 900ms},
          std::tuple{50ms, 50ms, 1, 50ms}, std::tuple{50ms, 60ms, 255, 15'300ms}}) {
        Solo solo{{.required_min_rx = Microseconds{mine}, .detect_mult = 7}};  // ours does not count
        auto p = solo.packet(State::up);
        p.desired_min_tx = Microseconds{theirs};
        p.detect_mult = static_cast<std::uint8_t>(mult);
        solo.bring_up(p);
        CHECK(solo.session.status().detection_time == expected);
        CHECK(solo.session.status().rx_interval == expected / mult);
        CHECK(solo.session.detect_deadline() == solo.now + expected);
    }
}

TEST_CASE("RFC 5880 §6.8.4: an Init session expires, too") {
    Solo solo;
    solo.run_for(1ms);
    auto p = solo.packet(State::down);
    p.desired_min_tx = Microseconds{1'000'000};
    solo.hear(p);
    REQUIRE(solo.session.state() == State::init);
    solo.run_for(3s - 1ns);
    CHECK(solo.session.state() == State::init);
    solo.run_for(1ns);
    CHECK(solo.session.state() == State::down);
    CHECK(solo.session.status().diagnostic == Diagnostic::control_detection_time_expired);
}

TEST_CASE("RFC 5880 §6.8.1: bfd.RemoteDiscr is zero after a detection time without a packet") {
    SUBCASE("in Up: the packet that says Down already carries zero") {
        Solo solo;
        solo.bring_up();
        const auto quiet = solo.now;
        solo.run_for(150ms);
        CHECK(solo.session.status().remote_discriminator.value == 0);
        const auto told = solo.since(quiet).back().packet;
        CHECK(told.state == State::down);
        CHECK(told.your_discriminator.value == 0);
    }
    SUBCASE("in Down, not earlier, and nothing else happens") {
        Solo solo;
        solo.run_for(1ms);
        solo.hear(State::up);  // stays Down
        REQUIRE(solo.session.state() == State::down);
        CHECK(solo.session.detect_deadline() == base::never);
        solo.run_for(150ms - 1ns);
        CHECK(solo.session.status().remote_discriminator.value == 0x22);
        solo.run_for(1ns);
        CHECK(solo.session.status().remote_discriminator.value == 0);
        CHECK_FALSE(solo.last.transition);
        CHECK(solo.last.status_changed);
        CHECK(solo.session.status().diagnostic == Diagnostic::none);
    }
    SUBCASE("in AdminDown, too") {
        Solo solo{{.admin_down = true}};
        solo.run_for(1ms);
        solo.hear(State::down);
        CHECK(solo.session.status().remote_discriminator.value == 0x22);
        solo.run_for(150ms);
        CHECK(solo.session.status().remote_discriminator.value == 0);
        CHECK(solo.session.state() == State::admin_down);
    }
}

TEST_CASE("RFC 5880 §6.8.18: within the detection time a Down session keeps what the peer said of its timers") {
    Solo solo;
    solo.run_for(1ms);
    auto p = solo.packet(State::up);  // keeps us Down
    p.desired_min_tx = Microseconds{1'000'000};
    p.required_min_rx = Microseconds{2'000'000};
    solo.hear(p);
    const auto heard = solo.now;
    solo.run_for(2999ms);
    CHECK(solo.session.status().tx_interval == 2s);
    CHECK(solo.since(heard).size() <= 2);
    solo.run_for(1ms);
    CHECK(solo.session.status().remote_required_min_rx == Microseconds{1});
    CHECK(solo.session.status().tx_interval == 1s);
}

TEST_CASE("RFC 5880 §6.8.4: the arrival counts, not the moment a packet is looked at") {
    Solo solo;
    solo.bring_up();
    const auto arrival = solo.now + 40ms;
    solo.now += 140ms;  // we are late, the packet is not
    const auto out = solo.session.on_packet(arrival, solo.packet(State::up), solo.now);
    CHECK_FALSE(out.transition);
    CHECK(solo.session.detect_deadline() == arrival + 150ms);
    SUBCASE("an arrival out of order never moves the deadline back") {
        solo.session.on_packet(arrival - 30ms, solo.packet(State::up), solo.now);
        CHECK(solo.session.detect_deadline() == arrival + 150ms);
    }
}

TEST_CASE("RFC 5880 §6.8.4: what the peer changes of its timers moves the detection time at once") {
    Solo solo;
    solo.bring_up();
    auto p = solo.packet(State::up);
    p.desired_min_tx = Microseconds{200'000};
    p.detect_mult = 5;
    CHECK(solo.hear(p).status_changed);
    CHECK(solo.session.detect_deadline() == solo.now + 1s);
    solo.hear(State::up);
    CHECK(solo.session.detect_deadline() == solo.now + 150ms);
    CHECK_FALSE(solo.hear(State::up).status_changed);
}

TEST_CASE("a one-way fault: the deaf end says diagnostic 1, the hearing end learns it and says 3") {
    Wire wire{Parameters{}};
    wire.run_for(3s);
    REQUIRE(wire.both_up());
    wire.ab.cut = true;
    wire.run_for(500ms);
    CHECK(wire.b.status().diagnostic == Diagnostic::control_detection_time_expired);
    CHECK(wire.a.status().diagnostic == Diagnostic::neighbor_signaled_session_down);
    CHECK(wire.a.status().remote_diagnostic == Diagnostic::control_detection_time_expired);
    CHECK(wire.a.state() != State::up);
    CHECK(wire.b.state() == State::down);
    wire.run_for(60s);
    CHECK_FALSE(wire.a.state() == State::up);
    wire.ab.cut = false;
    wire.run_for(2s);
    CHECK(wire.both_up());
}

TEST_CASE("RFC 5880 §6.2: after a cut both ends return within two slow intervals of its mending") {
    Wire wire{Parameters{}};
    wire.ab.delay = wire.ba.delay = 20ms;
    wire.run_for(3s);
    wire.cut(true);
    wire.run_for(10min);
    CHECK(wire.a.state() == State::down);
    CHECK(wire.b.state() == State::down);
    wire.cut(false);
    wire.run_for(2s);
    CHECK(wire.both_up());
    wire.run_for(10s);
    CHECK(wire.a.status().tx_interval == 50ms);
    CHECK(wire.b.status().tx_interval == 50ms);
    CHECK(wire.a.status().detection_time == 150ms);
}

TEST_CASE("a peer that restarts with a new discriminator takes the session down and up again") {
    Solo solo;
    solo.bring_up();
    auto fresh = solo.packet(State::down);
    fresh.my_discriminator = Discriminator{0x33};
    fresh.your_discriminator = {};
    solo.hear(fresh);
    CHECK(solo.session.state() == State::down);
    CHECK(solo.last.send->your_discriminator == Discriminator{0x33});
    solo.hear(fresh);
    CHECK(solo.session.state() == State::init);
}

TEST_CASE("extend: one more remote interval, once a detection time") {
    Solo solo;
    solo.bring_up();
    const auto heard = solo.now;
    solo.run_for(100ms);
    CHECK(solo.session.extend(solo.now));
    CHECK(solo.session.detect_deadline() == heard + 200ms);
    CHECK_FALSE(solo.session.extend(solo.now));
    CHECK(solo.session.detect_deadline() == heard + 200ms);
    SUBCASE("then it is judged") {
        solo.run_for(100ms - 1ns);
        CHECK(solo.session.state() == State::up);
        solo.run_for(1ns);
        CHECK(solo.session.state() == State::down);
        CHECK_FALSE(solo.session.extend(solo.now));
    }
    SUBCASE("a packet starts a new detection time, with its own grace") {
        solo.hear(State::up);
        CHECK(solo.session.detect_deadline() == solo.now + 150ms);
        CHECK(solo.session.extend(solo.now));
        CHECK(solo.session.detect_deadline() == solo.now + 200ms);
    }
}

TEST_CASE("extend after a stall gives the remote interval from now") {
    Solo solo;
    solo.bring_up();
    solo.now += 10s;
    CHECK(solo.session.extend(solo.now));
    CHECK(solo.session.detect_deadline() == solo.now + 50ms);
    solo.tick();
    CHECK(solo.session.state() == State::up);
    solo.run_for(50ms);
    CHECK(solo.session.state() == State::down);
}

TEST_CASE("a grace of a slow peer does not outlive its turning fast") {
    Solo solo;
    auto slow = solo.packet(State::up);
    slow.desired_min_tx = Microseconds{10'000'000};
    solo.bring_up(slow);
    CHECK(solo.session.extend(solo.now));
    solo.hear(State::up);
    CHECK(solo.session.detect_deadline() == solo.now + 150ms);
}

TEST_CASE("extend has nothing to give to a session that cannot expire") {
    Solo down;
    CHECK_FALSE(down.session.extend(down.now));
    Solo admin{{.admin_down = true}};
    admin.hear(State::up);
    CHECK_FALSE(admin.session.extend(admin.now));
}
