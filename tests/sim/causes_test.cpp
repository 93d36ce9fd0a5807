// Causes that this host sees for itself, before or without a look at the WireGuard device: refused sends, an interface
// that is set down, an address that is taken away; and what WireGuard counted around a Down.
#include <doctest/doctest.h>

#include "sim/world.hpp"

namespace {

using namespace std::chrono_literals;
using policy::Cause;
using policy::Verdict;
using policy::VerdictState;

struct Pair : sim::World {
    explicit Pair(const config::Config& config = {}) : World{config, config} {
        a.controller.on_host(now(), host());
        b.controller.on_host(now(), sim::host("10.8.0.2", {sim::peer(0xa, {sim::net("10.8.0.1/32")})}));
    }
    static control::Host host() { return sim::host("10.8.0.1", {sim::peer(0xb, {sim::net("10.8.0.2/32")})}); }
    void look(std::uint64_t received = 0, std::uint64_t sent = 0) {
        auto device = host().devices.front();
        device.peers.front().rx_bytes = received;
        device.peers.front().tx_bytes = sent;
        a.controller.on_look(now().steady, now().steady, device);
        run_for(1us);
    }
    void refuse(int error) {  // as WireGuard does: nor does it let in what comes from there
        a.send_error = error;
        cut_b_to_a = error != 0;
    }
    Verdict verdict() { return a.row().verdict; }
};

constexpr Verdict down(Cause cause) { return {VerdictState::down, cause}; }

}  // namespace

TEST_CASE("ENOKEY and EDESTADDRREQ of a send name the cause with the Down itself") {
    Pair pair;
    pair.run_for(5s);
    auto error = ENOKEY;
    auto cause = Cause::wrong_allowed_ips;
    SUBCASE("no peer's allowed-ips hold the address") {}
    SUBCASE("no endpoint") {
        error = EDESTADDRREQ;
        cause = Cause::no_endpoint;
    }
    SUBCASE("another error says nothing of WireGuard") {
        error = ENETUNREACH;
        cause = Cause::detect_timeout;
    }
    pair.refuse(error);
    pair.run_for(90ms);
    CHECK(pair.verdict().state == VerdictState::up);  // the session alone says when it is Down
    pair.run_for(110ms);
    CHECK(pair.verdict() == down(cause));
    CHECK(pair.a.verdicts().back() == "up>down " + std::string{to_string(cause)});
    CHECK((pair.a.row().refused != nullptr) == (error != ENETUNREACH));
}

TEST_CASE("a refused send is believed until a look that began later, or for 15 s") {
    Pair pair;
    pair.run_for(5s);
    pair.refuse(ENOKEY);
    pair.run_for(200ms);
    const auto device = Pair::host().devices.front();
    pair.a.controller.on_look(pair.now().steady - 300ms, pair.now().steady, device);
    pair.run_for(1us);
    REQUIRE(pair.verdict() == down(Cause::wrong_allowed_ips));
    pair.a.send_error = 0;  // and still nothing comes in
    SUBCASE("a look") {
        pair.look();
        CHECK(pair.verdict() == down(Cause::detect_timeout));
    }
    SUBCASE("time") {
        pair.run_for(14s);
        CHECK(pair.verdict() == down(Cause::wrong_allowed_ips));
        pair.run_for(2s);
        CHECK(pair.verdict() == down(Cause::detect_timeout));
    }
    SUBCASE("it goes on: each packet says so anew") {
        pair.a.send_error = ENOKEY;
        pair.run_for(60s);
        CHECK(pair.verdict() == down(Cause::wrong_allowed_ips));
    }
    SUBCASE("the peer is heard again") {
        pair.cut_b_to_a = false;
        pair.run_for(5s);
        REQUIRE(pair.verdict().state == VerdictState::up);
        pair.cut_b_to_a = pair.cut_a_to_b = true;
        pair.run_for(200ms);
        CHECK(pair.verdict() == down(Cause::detect_timeout));
    }
}

TEST_CASE("a peer that was never Up, and to whom WireGuard sends nothing: unknown as ever, and why") {
    Pair pair;
    pair.refuse(EDESTADDRREQ);
    pair.run_for(5s);
    CHECK(pair.verdict() == Verdict{VerdictState::unknown, Cause::no_endpoint});
}

TEST_CASE("an interface that is set down: Down when BFD says so, and the cause is interface-gone") {
    Pair pair;
    pair.run_for(5s);
    auto host = Pair::host();
    host.links.front().up = false;
    pair.a.controller.on_host(pair.now(), host);
    pair.refuse(ENETUNREACH);
    pair.run_for(90ms);
    CHECK(pair.verdict().state == VerdictState::up);
    CHECK(pair.a.row().interface_down);
    pair.run_for(110ms);
    CHECK(pair.verdict() == down(Cause::interface_gone));
    CHECK(pair.a.verdicts().back() == "up>down interface-gone");
    pair.a.controller.on_host(pair.now(), Pair::host());
    pair.run_for(1us);
    CHECK(pair.verdict() == down(Cause::detect_timeout));  // it does not outlive the interface's return
    pair.refuse(0);
    pair.run_for(5s);
    CHECK(pair.verdict().state == VerdictState::up);
}

TEST_CASE("behind an interface that is set down nobody proves himself: with require_proof he counts as down, as ever") {
    config::Config config;
    config.interfaces.push_back({.name = "wg0", .feeds = {"link"}, .unsolicited = {}, .unsolicited_max = 64});
    SUBCASE("with") { config.probe.require_proof = true; }
    SUBCASE("without") {}
    Pair pair{config};
    auto host = Pair::host();
    host.links.front().up = false;
    pair.a.controller.on_host(pair.now(), host);
    pair.refuse(ENETUNREACH);
    pair.run_for(10s);
    CHECK(pair.verdict() == Verdict{VerdictState::unknown, Cause::interface_gone});
    CHECK(pair.a.controller.wanted("link").at(0).counts_as_down == config.probe.require_proof);
}

TEST_CASE("our own address is taken away: unresolved with its step, never a Down of the path") {
    Pair pair;
    pair.run_for(5s);
    auto host = Pair::host();
    auto step = adjacency::ResolveStep::interface_without_address;
    SUBCASE("the only one") { host.links.front().addresses.clear(); }
    SUBCASE("another one stays") {
        step = adjacency::ResolveStep::no_candidate;
        host.links.front().addresses.front().local = sim::ip("10.9.0.1");
    }
    pair.a.controller.on_host(pair.now(), host);
    pair.run_for(5s);
    CHECK(pair.verdict() == Verdict{VerdictState::unknown, Cause::unresolved});
    CHECK(pair.a.row().unresolved == step);
    CHECK(pair.a.row().lost_local == sim::ip("10.8.0.1"));
    CHECK(pair.a.verdicts() == std::vector<std::string>{"unknown>up ", "up>unknown unresolved"});
    pair.a.controller.on_host(pair.now(), Pair::host());
    pair.run_for(5s);
    CHECK(pair.verdict().state == VerdictState::up);
    CHECK_FALSE(pair.a.row().lost_local.is_set());
}

TEST_CASE("what WireGuard counted at the last look before the Down, at the one it asked for, and since") {
    Pair pair;
    pair.run_for(5s);
    pair.look(1'000, 2'000);
    CHECK_FALSE(pair.a.row().traffic->down_at);
    pair.cut_a_to_b = pair.cut_b_to_a = true;
    pair.run_for(200ms);
    REQUIRE(pair.a.refreshes.size() == 1);
    pair.look(1'500, 2'600);
    pair.run_for(1s);
    pair.look(1'500, 3'000);
    const auto traffic = *pair.a.row().traffic;
    REQUIRE(traffic.before);
    REQUIRE(traffic.after);
    CHECK(traffic.before->received == 1'000);
    CHECK(traffic.after->sent == 2'600);
    CHECK(traffic.last->sent == 3'000);
    CHECK(traffic.before->at < *traffic.down_at);
    CHECK(traffic.after->at > *traffic.down_at);
    pair.cut_a_to_b = pair.cut_b_to_a = false;
    pair.run_for(5s);
    CHECK_FALSE(pair.a.row().traffic->down_at);
}
