// Who is measured, and what the controller makes of samples.
#include <doctest/doctest.h>

#include "world.hpp"

using namespace sim;

namespace {

probe::Sample sample(const probe::AddGauge& gauge, base::TimePoint at, std::uint16_t lost = 0) {
    probe::Sample out{.id = gauge.gauge->id, .at = at, .results = {}};
    out.results.answers = 10;
    out.results.probes = static_cast<std::uint16_t>(10 + lost);
    for (std::size_t i = 0; i < 10; ++i) out.results.rtts[i] = quality::to_ticks(20ms);
    return out;
}

template <class T>
std::vector<T> of(const control::Turn& turn) {
    std::vector<T> out;
    for (const auto& command : turn.commands)
        if (const auto* one = std::get_if<T>(&command)) out.push_back(*one);
    return out;
}

struct One {
    control::Controller controller{{}, 1, at(0s)};
    probe::AddGauge gauge;
    bfd::Status status;
    probe::SessionId session;
    One() {
        controller.on_host(at(1s), host("10.8.0.1", {peer(1, {net("10.8.0.2/32")})}));
        const auto turn = controller.take(at(1s));
        const auto gauges = of<probe::AddGauge>(turn);
        REQUIRE(gauges.size() == 1);
        gauge = gauges[0];
        const auto added = of<probe::Add>(turn);
        session = added.at(0).slot->id;
        status = added.at(0).slot->session.status();
    }
    void hear(bfd::State state = bfd::State::init) {
        status.ever_heard = true;
        status.state = state;
        controller.on_event(at(2s), probe::Changed{session, at(2s).steady, at(2s).steady, status});
    }
};

}  // namespace

TEST_CASE("a peer that was never heard is not asked, but has its requests answered; heard, it is asked") {
    One one;
    CHECK(one.gauge.gauge->meter.settings().method == quality::Choice::off);
    CHECK(one.gauge.gauge->meter.deadline() == base::never);
    one.hear();
    const auto changes = of<probe::ChangeGauge>(one.controller.take(at(2s)));
    REQUIRE(changes.size() == 1);
    CHECK(changes[0].asked.settings == quality::Settings{});
    CHECK(of<probe::ChangeGauge>(one.controller.take(at(3s))).empty());
}

TEST_CASE("the measuring knows which silence the session sees, by the timers that it has while it is Up") {
    One one;
    one.status.detection_time = 150ms;
    one.hear(bfd::State::up);
    auto changes = of<probe::ChangeGauge>(one.controller.take(at(2s)));
    REQUIRE(changes.size() == 1);
    CHECK(changes[0].asked.settings.silence == 10);
    one.status.detection_time = 3s;
    one.hear(bfd::State::up);
    changes = of<probe::ChangeGauge>(one.controller.take(at(2s)));
    REQUIRE(changes.size() == 1);
    CHECK(changes[0].asked.settings.silence == 31);
    one.status.detection_time = 9s;
    one.hear(bfd::State::down);
    CHECK(of<probe::ChangeGauge>(one.controller.take(at(2s))).empty());
}

TEST_CASE("what was measured is in the row for ten seconds, and no longer") {
    One one;
    CHECK_FALSE(one.controller.rows().at(0).quality);
    one.controller.on_event(at(3s), sample(one.gauge, at(3s).steady, 10));
    one.controller.take(at(3s));
    const auto row = one.controller.rows().at(0);
    REQUIRE(row.quality);
    CHECK(row.quality->recent.loss.round_trip == 0.5);
    CHECK(row.quality->recent.rtt_median == 20ms);
    CHECK(one.controller.deadline() <= at(13s).steady);
    one.controller.on_deadline(at(14s));
    one.controller.take(at(14s));
    CHECK_FALSE(one.controller.rows().at(0).quality);
}

TEST_CASE("a peer that goes takes its gauge along, and what is still said of that is nobody's") {
    One one;
    one.controller.on_host(at(4s), host("10.8.0.1", {}));
    const auto gone = of<probe::RemoveGauge>(one.controller.take(at(4s)));
    REQUIRE(gone.size() == 1);
    CHECK(gone[0].id == one.gauge.gauge->id);
    one.controller.on_event(at(5s), sample(one.gauge, at(5s).steady));
    one.controller.on_event(at(5s), probe::GaugeRemoved{one.gauge.gauge});
    one.controller.on_host(at(6s), host("10.8.0.1", {peer(1, {net("10.8.0.2/32")})}));
    const auto again = of<probe::AddGauge>(one.controller.take(at(6s)));
    REQUIRE(again.size() == 1);
    CHECK(again[0].gauge->id.place == gone[0].id.place);
    CHECK(again[0].gauge->id != gone[0].id);
}
