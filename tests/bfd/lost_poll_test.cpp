// A Poll Sequence that a restart of the peer cuts short.
#include <doctest/doctest.h>

#include "bfd/session.hpp"

namespace {

using namespace std::chrono_literals;
using bfd::Microseconds;
using bfd::State;

bfd::Packet from_peer(State state, std::uint32_t yours, bool is_final = false) {
    return {.state = state,
            .final = is_final,
            .detect_mult = 3,
            .my_discriminator = {9},
            .your_discriminator = {yours},
            .desired_min_tx = Microseconds{1'000'000},
            .required_min_rx = Microseconds{1'000'000}};
}

TEST_CASE(
    "RFC 5880 §6.8.3: timers whose Poll a restart of the peer swallowed are in force when the session is Up again") {
    base::TimePoint now{1000s};
    bfd::Parameters parameters;
    parameters.desired_min_tx = Microseconds{2'000'000};
    parameters.required_min_rx = Microseconds{30'000'000};
    bfd::Session session{parameters, bfd::Discriminator{7}, 1, now};
    const auto come_up = [&] {
        session.on_packet(now += 100ms, from_peer(State::down, 0));
        session.on_packet(now += 100ms, from_peer(State::init, 7));
    };
    come_up();
    REQUIRE(session.state() == State::up);
    session.on_packet(now += 100ms, from_peer(State::up, 7, true));
    CHECK(session.status().detection_time == 90s);

    parameters.desired_min_tx = Microseconds{10'000'000};
    parameters.required_min_rx = Microseconds{1'000'000};
    session.change(parameters, now += 100ms);
    session.on_deadline(now += 3s);                              // P went out
    session.on_packet(now += 100ms, from_peer(State::down, 0));  // and instead of F the peer begins anew
    REQUIRE(session.state() != State::up);
    come_up();
    REQUIRE(session.state() == State::up);
    CHECK(session.status().detection_time == 3s);
    CHECK(session.status().tx_interval == Microseconds{10'000'000});
}

}  // namespace
