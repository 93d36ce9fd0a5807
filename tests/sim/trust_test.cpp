// trust_data, end to end: BFD packets are lost, and the peer's data comes in or does not.
#include <doctest/doctest.h>

#include "sim/world.hpp"

namespace {

using namespace std::chrono_literals;
using policy::VerdictState;

struct Trusting : sim::World {
    explicit Trusting(bool trust = true) : World{config(trust), config(trust)} {
        const auto peer_a = sim::peer(0xa, {sim::net("10.8.0.1/32")}),
                   peer_b = sim::peer(0xb, {sim::net("10.8.0.2/32")});
        a.controller.on_host(now(), sim::host("10.8.0.1", {peer_b}));
        b.controller.on_host(now(), sim::host("10.8.0.2", {peer_a}));
        const auto looking = [this](adjacency::Peer peer) {
            return [this, peer] {
                auto device = sim::host("10.8.0.1", {peer}).devices.front();
                device.peers.front().rx_bytes =
                    static_cast<std::uint64_t>(rate * std::chrono::duration<double>(elapsed).count());
                return device;
            };
        };
        a.look = looking(peer_b);
        b.look = looking(peer_a);
        run_for(5s);
    }
    static config::Config config(bool trust) {
        config::Config out;
        out.probe.trust_data = trust;
        return out;
    }
    // From the last packet to the Down at `a`.
    base::Duration silence_until_down() {
        const auto begun = elapsed;
        while (a.row().verdict.state == VerdictState::up && elapsed - begun < 10s) run_for(1ms);
        return elapsed - begun;
    }
    double rate = 1e6;  // bytes/s that come in at both ends
};

}  // namespace

TEST_CASE("packets lost among data: the session stays Up while data comes in, for eleven detection times at most") {
    Trusting pair;
    CHECK(pair.a.looks == 0);  // nobody was late
    pair.cut_a_to_b = pair.cut_b_to_a = true;
    pair.run_for(1s);
    CHECK(pair.a.row().verdict.state == VerdictState::up);
    CHECK(pair.b.row().verdict.state == VerdictState::up);
    const auto vouched = pair.a.row().session->counters->vouched.value();
    CHECK((vouched >= 5 && vouched <= 7));
    CHECK(pair.a.looks <= 2 * 7);
    SUBCASE("packets again: it was never Down") {
        pair.cut_a_to_b = pair.cut_b_to_a = false;
        pair.run_for(5s);
        CHECK(pair.a.row().session->counters->downs.value() == 0);
        CHECK(pair.a.row().session->counters->vouched.value() <= vouched + 1);
    }
    SUBCASE("no packet any more: it is found all the same") {
        const auto rest = pair.silence_until_down();
        CHECK((rest > 550ms && rest < 660ms));
        CHECK(pair.a.row().session->counters->vouched.value() == 10);
    }
    SUBCASE("the data stops: Down within a detection time or two") {
        pair.rate = 0;
        CHECK(pair.silence_until_down() <= 300ms);
    }
}

TEST_CASE("RFC 5880 §6.8.4: silence without data, or with no more than its own, is a Down on time") {
    Trusting pair;
    SUBCASE("nothing") { pair.rate = 0; }
    SUBCASE("keepalives, handshakes, probes") { pair.rate = 30'000; }
    SUBCASE("nobody looks") { pair.a.look = pair.b.look = nullptr; }
    pair.cut_a_to_b = pair.cut_b_to_a = true;
    CHECK(pair.silence_until_down() <= 151ms);
    CHECK(pair.a.looks > 0);
    CHECK(pair.a.row().session->counters->vouched.value() == 0);
}

TEST_CASE("without trust_data no device is looked at and no silence is excused") {
    Trusting pair{false};
    pair.cut_a_to_b = pair.cut_b_to_a = true;
    CHECK(pair.silence_until_down() <= 151ms);
    CHECK(pair.a.looks == 0);
}
