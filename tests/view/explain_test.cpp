// Sentences from evidence, and the table of causes.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>

#include "policy/measured.hpp"
#include "probe/archive.hpp"
#include "view/advice.hpp"
#include "view/explain.hpp"
#include "view/rows.hpp"

namespace {

using namespace rows;
using measured::at;
using measured::counted;
using measured::figures;
using measured::full;
using policy::Cause;
using policy::VerdictState;

struct Explained {
    Explained() {
        row.path = &path;
        row.handshake_seen = at(-30s);
        path.on_up(at(0s), {});
    }
    std::vector<std::string> lines(base::Duration elapsed = 100s) {
        return view::explain(row, std::vector{row, other}, {at(elapsed), noon});
    }
    bool says(const std::string& sentence, base::Duration elapsed = 100s) {
        const auto all = lines(elapsed);
        std::string shown;
        for (const auto& line : all) shown += line + "\n";
        CAPTURE(shown);
        INFO(shown);
        return std::ranges::find(all, sentence) != all.end();
    }
    void judge() { row.verdict = path.judge({VerdictState::up, {}}, row.rules); }

    adjacency::Adjacency adjacency = named(1, "paris");
    adjacency::Peer wg = peer();
    policy::Path path;
    control::Row row = up(adjacency, wg);
    control::Row other;
};

// What a successor is left of a path.
policy::Path restarted(const policy::Path& path) {
    std::array<std::byte, 1'024> bytes{};
    probe::Writer out{bytes};
    out(path);
    policy::Path again;
    probe::Reader in{out.bytes()};
    in(again);
    REQUIRE(in.ok());
    return again;
}

}  // namespace

TEST_CASE("a path that is well: its session, its handshake, its cost") {
    Explained paris;
    CHECK(paris.lines() ==
          std::vector<std::string>{
              "paris is up since 2026-01-01T12:00:00.000Z.",
              "BFD from 10.8.0.0 to 10.8.0.1 is Up: a packet every 50ms out and 3.3ms in, Down after 150ms of silence.",
              "WireGuard's last handshake was 130s ago.", "Its quality is not measured.",
              "It costs 10: 10 at its best."});
}

TEST_CASE("a Down: what each end said, what WireGuard knows, where to look") {
    Explained paris;
    paris.row.verdict = {VerdictState::down, Cause::handshake_stale};
    auto& status = paris.row.session->status;
    status.state = bfd::State::down;
    status.remote_state = bfd::State::down;
    status.diagnostic = bfd::Diagnostic::control_detection_time_expired;
    CHECK(paris.says("BFD from 10.8.0.0 to 10.8.0.1 is Down; the peer was never heard."));
    status.ever_heard = true;
    CHECK(paris.says("BFD from 10.8.0.0 to 10.8.0.1 is Down: ours has the diagnostic \"" +
                     std::string{to_string(status.diagnostic)} + "\"; the peer said Down, with \"none\"."));
    CHECK(paris.says("WireGuard's last handshake was 210s ago, and after 180s it carries nothing.", 180s));
    CHECK(paris.says("Look at: keys, endpoint, UDP port blocked."));
    paris.row.allowed = false;
    paris.wg.endpoint.reset();
    CHECK(paris.says("The peer's allowed-ips do not hold 10.8.0.1: WireGuard drops what is sent there."));
    CHECK(paris.says("WireGuard knows no endpoint of the peer, so it can send nothing there."));
    paris.row.session.reset();
    CHECK(paris.says("There is no session with it: nothing is probed."));
}

TEST_CASE("an interface that is set down, one that is gone, an address that was taken away: each says what to do") {
    Explained paris;
    paris.row.verdict = {VerdictState::down, Cause::interface_gone};
    const std::string gone = "There is no interface wg0: it was deleted, or has yet to be made.";
    const std::string down = "wg0 is administratively down, so nothing goes in or out: `ip link set wg0 up`.";
    CHECK(paris.says(gone));
    paris.row.interface_down = true;
    CHECK(paris.says(down));
    CHECK_FALSE(paris.says(gone));
    paris.row.interface_down = false;
    paris.row.verdict = {VerdictState::unknown, Cause::unresolved};
    paris.row.unresolved = adjacency::ResolveStep::interface_without_address;
    paris.row.lost_local = ip("10.8.0.0");
    CHECK(paris.says("10.8.0.0, from which it was last Up, is not an address of wg0 any more: `ip address add` it."));
}

TEST_CASE("a send that WireGuard refused is told with its error, unless the device says so itself") {
    Explained paris;
    paris.row.verdict = {VerdictState::down, Cause::wrong_allowed_ips};
    control::Refused refused{policy::Refusal::no_allowed_ips, at(99s)};
    paris.row.refused = &refused;
    const std::string key =
        "WireGuard refused a packet to 10.8.0.1 1s ago (ENOKEY): no peer's allowed-ips hold that address.";
    CHECK(paris.says(key));
    refused.why = policy::Refusal::no_endpoint;
    CHECK(
        paris.says("WireGuard refused a packet to 10.8.0.1 1s ago (EDESTADDRREQ): it knows no endpoint of the peer."));
    refused.why = policy::Refusal::no_allowed_ips;
    paris.row.allowed = false;
    CHECK_FALSE(paris.says(key));
}

TEST_CASE("what the tunnel carries while BFD is silent: nothing, its own messages, or data") {
    Explained paris;
    paris.row.verdict = {VerdictState::down, Cause::detect_timeout};
    paris.row.session->status.state = bfd::State::down;
    control::Traffic traffic;
    paris.row.traffic = &traffic;
    traffic.on_look({at(80s), 10'000, 20'000});
    traffic.on_down(at(81s));
    traffic.on_look({at(81s + 100ms), 10'999, 21'000});
    CHECK(
        paris.says("WireGuard sent 1.0 kB to the peer and received 999 B from 1s before the Down to 100ms after it."));
    traffic.on_look({at(93s + 100ms), 10'999, 23'100});
    CHECK(paris.says("WireGuard sent 2.1 kB to the peer and received nothing in 12s since the Down."));
    traffic.on_look({at(93s + 100ms), 10'999 + 816, 23'100});  // three handshakes and keepalives
    CHECK(paris.says("WireGuard sent 2.1 kB to the peer and received 816 B in 12s since the Down."));
    traffic.on_look({at(93s + 100ms), 10'999 + 3'400, 1'021'000});
    const std::string carries = "WireGuard sent 1.0 MB to the peer and received 3.4 kB in 12s since the Down";
    CHECK(paris.says(carries +
                     ": the tunnel carries data of the peer's while BFD is silent. Look for a filter of UDP 3784, here "
                     "and there, and whether the far end still runs it."));
    SUBCASE("BFD is heard again") { paris.row.session->status.state = bfd::State::init; }
    SUBCASE("the cause is known") { paris.row.verdict.cause = Cause::one_way; }
    CHECK(paris.says(carries + "."));
    paris.row.verdict = {VerdictState::up, {}};
    CHECK_FALSE(paris.says(carries + "."));
}

TEST_CASE("degraded: what was measured, what the limits are, what it costs") {
    Explained paris;
    const auto recent = counted(figures(100, 42, 23ms), 95, 38);
    paris.path.on_quality(at(310s), full(recent, figures(3'000, 45, 23ms)), {});
    paris.judge();
    REQUIRE(paris.row.verdict.state == VerdictState::degraded);
    CHECK(paris.says(
        "Measured by STAMP over the last 10s: 40% of 95 probes lost on the way out, round trip 23ms (median), "
        "jitter 1ms.",
        320s));
    CHECK(paris.says("Over the last 300s: 1.5% of 3000 probes lost, round trip 23ms (median), jitter 1ms.", 320s));
    CHECK(paris.says(
        "Its limits are 2% of loss, 250ms of round trip and 50ms of jitter; quality-loss is over it since 10s, by "
        "three times and at once; it must be below half for 5 min.",
        320s));
    CHECK(paris.says(
        "It costs 512: 10 at its best, 2 for its round trip, 400 for its loss, 100 because it is degraded.", 320s));
}

TEST_CASE("a path that nothing answers on: since when; after a restart: that nothing is known yet") {
    Explained paris;
    const auto before = full(figures(100, 0, 23ms), figures(3'000, 45, 23ms));
    paris.path.on_quality(at(310s), before, {});
    paris.path.on_quality(at(320s), full({}, figures(2'900, 45, 23ms)), {});
    CHECK(paris.says("Nothing has answered STAMP for more than 15s.", 325s));
    CHECK(paris.says("Over the last 300s: 1.55% of 2900 probes lost, round trip 23ms (median), jitter 1ms.", 325s));
    paris.path.on_quality(at(600s), full({}, {}), {});
    CHECK(paris.says("Nothing has answered STAMP for more than 300s.", 610s));
    for (const auto& line : paris.lines(610s)) CHECK(line.find("0 probes") == std::string::npos);
    paris.path = restarted(paris.path);
    CHECK(paris.says("Nothing is measured of it yet.", 620s));
    for (const auto& line : paris.lines(620s)) CHECK(line.find("0ms:") == std::string::npos);
    auto first = full(figures(10, 0, 23ms), figures(10, 0, 23ms));
    first.measured = 0s;
    paris.path.on_quality(at(630s), first, {});
    CHECK(paris.says("Measured by STAMP so far: 0% of 10 probes lost, round trip 23ms (median), jitter 1ms.", 630s));
}

TEST_CASE("echoes that are lost do not count, and have no limit") {
    Explained paris;
    auto quality = full(figures(100, 40, 23ms), figures(3'000, 1'200, 23ms));
    paris.path.on_quality(at(310s), quality, {});
    quality.method = quality::Method::icmp;
    paris.path.on_quality(at(320s), quality, {});
    CHECK(
        paris.says("Measured by ICMP echo over the last 10s: 40% of 100 probes lost, round trip 23ms (median), jitter "
                   "1ms.",
                   320s));
    CHECK(paris.says("Lost echoes do not count: routers answer as many as they like.", 320s));
    CHECK(
        paris.says("Its limits are 250ms of round trip and 50ms of jitter; quality-loss is over it since 10s, by three "
                   "times and at once; STAMP measured that, and it stands for 5 min.",
                   320s));
    paris.path.on_quality(at(620s), quality, {});
    CHECK(paris.says("Its limits are 250ms of round trip and 50ms of jitter.", 620s));
}

TEST_CASE("what it costs adds up, whatever its state") {
    Explained paris;
    paris.path.on_quality(at(310s), full(figures(100, 40, 23ms), figures(3'000, 45, 23ms)), {});
    const auto judged = [&](VerdictState state, Cause cause, const std::string& sentence) {
        paris.row.verdict = paris.path.judge({state, cause}, paris.row.rules);
        return paris.says(sentence);
    };
    CHECK(judged(VerdictState::down, Cause::detect_timeout, "It costs 10: 10 at its best."));
    for (const auto state : {VerdictState::admin_down, VerdictState::unknown})
        CHECK(
            judged(state, Cause::admin,
                   "It costs 512: 10 at its best, 2 for its round trip, 400 for its loss, 100 because it was degraded "
                   "when its session was last Up."));
    paris.path.drain.begin(at(310s));
    paris.path.on_deadline(at(315s));
    CHECK(judged(VerdictState::admin_down, Cause::drained, "It costs 60000, more than any other: it is drained."));
    paris.path.drain.end();
    CHECK(judged(VerdictState::down, Cause::detect_timeout,
                 "It costs 60000, more than any other: it comes back from a drain."));
}

TEST_CASE("damped, waiting and drained say for how long, and the group who else there is") {
    Explained paris;
    paris.row.rules.up_delay = 10s;
    for (int i = 0; i < 3; ++i) {
        paris.path.on_down(at(100s), paris.row.rules, Cause::detect_timeout);
        paris.path.on_up(at(100s), paris.row.rules);
    }
    paris.judge();
    CHECK(paris.says("Its session is Up, and counts when it has been for 10s (up_delay): in 4s.", 106s));
    CHECK(paris.says(
        "It went down too often: 3000 points, suppressed from 3000 until below 1000; in 23.8s it counts again."));
    paris.row.group = paris.other.group = "france";
    paris.other.name = "lyon";
    paris.other.verdict = {VerdictState::down, Cause::detect_timeout};
    CHECK(paris.says("Its group france: lyon is down at cost 10; no other path of it is usable."));
    paris.other.verdict = {VerdictState::up, {}};
    CHECK(paris.says("Its group france: lyon is up at cost 10."));
    paris.path.drain.begin(at(100s));
    paris.judge();
    CHECK(paris.says("An operator drains it: in 3s its session says AdminDown.", 102s));
    CHECK(paris.says("It costs 60000, more than any other: it is drained."));
    paris.path.on_deadline(at(105s));
    CHECK(paris.says("An operator drained it; `wgbfd undrain paris` takes it back."));
}

TEST_CASE("what data stood in for is told") {
    Explained paris;
    probe::SlotCounters counters;
    paris.row.session->counters = &counters;
    CHECK_FALSE(
        paris.says("Its packets were missing 1 detection time, in which data of the peer came in: the session "
                   "stayed Up (trust_data)."));
    counters.vouched.add(2);
    CHECK(
        paris.says("Its packets were missing 2 detection times, in which data of the peer came in: the session "
                   "stayed Up (trust_data)."));
}

TEST_CASE("a session outside WireGuard has its session to tell of") {
    Explained paris;
    paris.row.path = nullptr;
    paris.row.peer = nullptr;
    CHECK(paris.lines().size() == 2);
}

TEST_CASE("every cause has its line, and the README has the table") {
    const auto table = view::cause_table();
    for (std::size_t i = 0; i < policy::causes; ++i) {
        const std::string name{to_string(static_cast<Cause>(i))};
        CAPTURE(name);
        CHECK(table.find("| `" + name + "` |") != std::string::npos);
        CHECK(!view::advice(static_cast<Cause>(i)).means.empty());
    }
    std::ifstream file{WGBFD_README};
    REQUIRE(file.good());
    std::ostringstream text;
    text << file.rdbuf();
    CHECK(text.str().find(table) != std::string::npos);
}

TEST_CASE("what a check outside says, for how long, and where it has no say") {
    Explained paris;
    paris.path.outside.tell({.state = VerdictState::down, .reason = "HTTP\x1b 503", .until = at(120s)});
    paris.judge();
    CHECK(paris.says("A check outside says down for another 20s: \"HTTP? 503\"."));
    CHECK(paris.says("Look at: `wgbfd explain NAME`: its reason."));
    paris.path.outside.spare(true);
    CHECK(
        paris.says("A check outside says down for another 20s: \"HTTP? 503\". The path is used nevertheless: no other "
                   "path of its group was usable."));
    auto icmp = paris.row;
    icmp.session.reset();
    icmp.liveness = control::Liveness{};
    const auto without_say = [&] {
        const auto all = view::explain(icmp, {}, {at(100s), noon});
        return std::ranges::count_if(all, [](const auto& line) { return line.ends_with("the session is not Up."); });
    };
    paris.path.outside.spare(false);
    CHECK(without_say() == 1);
    icmp.liveness->status.state = quality::EchoState::up;
    CHECK(without_say() == 0);
    paris.path.outside.tell({.state = VerdictState::up, .reason = "", .until = at(120s)});
    paris.row.session->status.state = bfd::State::down;
    CHECK(paris.says("A check outside says up for another 20s. It has no say while the session is not Up."));
}

TEST_CASE("what comes through, and the command that sends no more than that") {
    Explained paris;
    paris.row.interface_mtu = 1420;
    paris.row.passage = {quality::Fit::unknown, 1420, 0};
    CHECK(paris.says("Whether packets of 1420 bytes come through is not known yet."));
    paris.row.passage.fit = quality::Fit::whole;
    CHECK(paris.says("Packets of 1420 bytes, the MTU of wg0, come through."));
    paris.row.passage.fit = quality::Fit::limited;
    CHECK(paris.says(
        "Packets of 1420 bytes, the MTU of wg0, do not come through, and small ones do; how large they may be is "
        "being found out."));
    paris.row.passage.largest = 1376;
    CHECK(paris.says(
        "Packets of 1420 bytes, the MTU of wg0, do not come through, and small ones do. The largest that pass have "
        "1376: `ip link set dev wg0 mtu 1376`, here, at the peer and in what configures them at boot, or mend the "
        "underlay, which drops longer ones."));
    paris.row.passage.largest = 1216;
    CHECK(paris.lines().at(4).ends_with("drops longer ones. IPv6 needs 1280, and will not work there with less."));
    paris.path.on_passage(true);
    paris.judge();
    CHECK(paris.lines().front() ==
          "paris is degraded since 2026-01-01T12:00:00.000Z: packets as large as the interface sends do not come "
          "through, and "
          "small ones do; usable, at a higher cost (mtu).");
    CHECK(paris.says("It costs 110: 10 at its best, 100 because it is degraded."));
}

TEST_CASE("a far end that would drop what comes by another way, and what to do there") {
    Explained paris;
    const auto* const text =
        "rp_filter is strict at the far end (of its tunnel interface, for IPv4): what arrives there while the way back "
        "leads elsewhere is dropped. There: `sysctl -w net.ipv4.conf.INTERFACE.rp_filter=2`.";
    CHECK_FALSE(paris.says(text));
    paris.row.far_end = quality::ReversePath::open;
    CHECK_FALSE(paris.says(text));
    paris.row.far_end = quality::ReversePath::strict;
    CHECK(paris.says(text));
}

TEST_CASE("padding: how long, and what is in its way") {
    Explained paris;
    paris.row.interface_mtu = 1420;
    paris.row.padding = 1420;
    CHECK(paris.says("Its BFD packets (RFC 9764) are padded to 1420 bytes."));
    paris.row.padding = 1500;
    CHECK(paris.says(
        "Its BFD packets (RFC 9764) are padded to 1500 bytes, and wg0 takes 1420 at most: write padding = 1420, or "
        "`ip link set dev wg0 mtu 1500`."));
    paris.row.padding = 1420;
    paris.row.passage = {quality::Fit::limited, 1420, 1376};
    CHECK(paris.says("Its BFD packets (RFC 9764) are padded to 1420 bytes, and the path carries 1376 at most."));
}

TEST_CASE("liveness by ICMP is told in its own words") {
    Explained paris;
    paris.row.session.reset();
    paris.row.liveness = control::Liveness{};
    CHECK(paris.says("ICMP echo from 10.8.0.0 to 10.8.0.1 is Down; the peer never answered."));
    paris.row.liveness->status.ever_heard = true;
    CHECK(paris.says("ICMP echo from 10.8.0.0 to 10.8.0.1 is Down."));
    paris.row.liveness->status.state = quality::EchoState::up;
    CHECK(
        paris.says("ICMP echo from 10.8.0.0 to 10.8.0.1 is Up: asked every 50ms, Down after 150ms without an answer."));
}
