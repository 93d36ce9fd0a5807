// RFC 9764 between two daemons in virtual time: who pads, what becomes of it where the path or the interface takes
// less.
#include <doctest/doctest.h>

#include "sim/world.hpp"

namespace {

using namespace std::chrono_literals;
using policy::Cause;
using policy::VerdictState;

config::Config padded(std::uint16_t padding) {
    config::Config config;
    config.probe.padding = padding;
    return config;
}

struct Pair : sim::World {
    Pair(const config::Config& config_a, const config::Config& config_b) : World{config_a, config_b} {
        tell(1420);
        b.controller.on_host(now(), sim::host("10.8.0.2", {sim::peer(0xa, {sim::net("10.8.0.1/32")})}));
    }
    void tell(std::uint32_t mtu) {  // of a's interface
        auto host = sim::host("10.8.0.1", {sim::peer(0xb, {sim::net("10.8.0.2/32")})});
        host.links.front().mtu = mtu;
        a.interface_mtu = static_cast<std::uint16_t>(mtu);
        a.controller.on_host(now(), host);
    }
    policy::Verdict verdict() { return a.row().verdict; }
};

}  // namespace

TEST_CASE("RFC 9764 §3: padding is one end's own: the other answers as it likes, and both come Up") {
    Pair world{padded(1420), {}};
    world.run_for(5s);
    CHECK(world.verdict().state == VerdictState::up);
    CHECK(world.b.row().verdict.state == VerdictState::up);
}

TEST_CASE("a path that drops what is as long as the padding takes the session Down, and gives it back") {
    Pair world{padded(1420), {}};
    world.run_for(5s);
    world.carries = 1419;
    world.run_for(200ms);
    CHECK(world.b.row().verdict == policy::Verdict{VerdictState::down, Cause::detect_timeout});
    world.run_for(200ms);
    CHECK(world.verdict().state == VerdictState::down);
    world.carries = 1420;
    world.run_for(5s);
    CHECK(world.verdict().state == VerdictState::up);
}

TEST_CASE("padding for more than the interface takes: never up, and the cause is mtu; until the interface is mended") {
    Pair world{padded(1421), {}};
    world.run_for(5s);
    CHECK(world.verdict() == policy::Verdict{VerdictState::unknown, Cause::mtu});
    world.tell(1421);
    world.run_for(20s);
    CHECK(world.verdict().state == VerdictState::up);
}

TEST_CASE("an interface that shrinks under the padding: down, cause mtu, and up again when it grows") {
    Pair world{padded(1420), {}};
    world.run_for(5s);
    world.tell(1380);
    world.run_for(1s);
    CHECK(world.verdict() == policy::Verdict{VerdictState::down, Cause::mtu});
    world.tell(1420);
    world.run_for(20s);
    CHECK(world.verdict().state == VerdictState::up);
}

TEST_CASE("a send that the kernel refuses for its length says so without the interface's word") {
    Pair world{padded(1420), {}};
    world.run_for(5s);
    world.a.interface_mtu = 1400;  // nobody told us
    world.run_for(2s);
    CHECK(world.verdict() == policy::Verdict{VerdictState::down, Cause::mtu});
}

TEST_CASE("padding changes with a reload, also while bfdd asks for the timers") {
    Pair world{{}, {}};
    bfd::SessionRequest wish;
    wish.detect_mult = 5;
    world.a.controller.on_request(world.now(), {.lid = 7,
                                                .ifindex = base::IfIndex{7},
                                                .interface = "wg0",
                                                .local = sim::ip("10.8.0.1"),
                                                .remote = sim::ip("10.8.0.2"),
                                                .multihop = false,
                                                .wish = wish});
    world.run_for(5s);
    world.carries = 1000;
    world.run_for(2s);
    REQUIRE(world.verdict().state == VerdictState::up);
    world.a.controller.on_config(world.now(), padded(1420));
    world.run_for(2s);
    CHECK(world.verdict().state == VerdictState::down);
    world.a.controller.on_config(world.now(), {});
    world.run_for(5s);
    CHECK(world.verdict().state == VerdictState::up);
}
