#include "probe/gauges.hpp"

#include <doctest/doctest.h>

#include <cerrno>
#include <vector>

#include "pair.hpp"
#include "quality/icmp_echo.hpp"

using namespace probe_test;
using namespace std::chrono_literals;
namespace stamp = quality::stamp;

namespace {

const bfd::SessionKey here{{7}, ip("10.0.0.1"), ip("10.0.0.2")};
const bfd::SessionKey there{{9}, here.remote, here.local};
constexpr std::uint16_t port = 50000;

// One end: gauges, what they last sent, and a clock that is its own.
struct End {
    End(const bfd::SessionKey& path, quality::Choice choice, base::Duration clock_offset = 0ns)
        : key{path}, gauge{{0, 1}, path, {0x77}, {choice, 100ms}, 1, TimePoint{1h}}, offset{clock_offset} {
        gauges.on_command(TimePoint{1h}, probe::AddGauge{&gauge});
    }
    base::Now at(TimePoint now) const { return {now, base::WallTime{1'767'225'600s} + (now - TimePoint{1h}) + offset}; }
    std::vector<std::byte> sent(const probe::GaugePacket& packet) {
        return {packet.payload.begin(), packet.payload.end()};
    }
    // The probe that is due at `now`.
    std::vector<std::byte> probe(TimePoint now) {
        const auto packet = gauges.next(at(now), now);
        REQUIRE(packet);
        auto out = sent(*packet);
        gauges.on_sent(now, *packet, 0);
        return out;
    }
    probe::Datagram datagram(TimePoint arrival, std::uint16_t source_port, const std::vector<std::byte>& bytes) const {
        return {.arrival = arrival,
                .ifindex = key.ifindex,
                .local = key.local,
                .remote = key.remote,
                .source_port = source_port,
                .ttl = 255,
                .payload = bytes};
    }
    std::optional<std::vector<std::byte>> reflect(TimePoint now, const probe::Datagram& datagram) {
        const auto packet = gauges.on_datagram(at(now), probe::Use::stamp_requests, datagram);
        if (!packet) return std::nullopt;
        auto out = sent(*packet);
        gauges.on_sent(now, *packet, 0);
        return out;
    }

    bfd::SessionKey key;
    probe::Gauges gauges{4, 0xbeef};
    probe::Gauge gauge;
    base::Duration offset;
};

}  // namespace

TEST_CASE("two ends measure each other: the round trip is without the residence, whatever their clocks say") {
    End a{here, quality::Choice::automatic}, b{there, quality::Choice::off, 77s};
    std::vector<probe::Sample> samples;
    for (int i = 0; i < 100; ++i) {
        const auto now = a.gauges.deadline();
        const auto request = a.probe(now);
        // 3 ms there, found and answered 5 ms later, 4 ms back.
        const auto reply = b.reflect(now + 8ms, b.datagram(now + 3ms, port, request));
        REQUIRE(reply);
        a.gauges.on_datagram(a.at(now + 12ms), probe::Use::stamp_answers, a.datagram(now + 12ms, stamp::port, *reply));
        while (const auto event = a.gauges.next_event()) samples.push_back(std::get<probe::Sample>(*event));
    }
    REQUIRE(samples.size() >= 6);
    const auto& results = samples.back().results;
    CHECK(results.probes == results.answers);
    CHECK(results.probes >= 9);
    for (std::size_t i = 0; i < results.answers; ++i)
        CHECK(std::chrono::abs(quality::from_ticks(results.rtts[i]) - 7ms) <= 1us);
    CHECK(results.forward_sent == results.probes);
    CHECK(results.forward_lost + results.backward_lost == 0);
    CHECK(b.gauge.counters.reflected.value() == 100);
    // Every answer that was told stands in the bucket from 5 to 10 ms.
    std::int64_t answers = 0;
    for (const auto& sample : samples) answers += sample.results.answers;
    const auto& counters = a.gauge.counters;
    CHECK(static_cast<std::int64_t>(counters.rtt[4].value()) == answers);
    const std::chrono::nanoseconds sum{counters.rtt_ns.value()};
    CHECK(std::chrono::abs(sum - answers * 7ms) <= answers * 1us);
    for (std::size_t i = 0; i < counters.rtt.size(); ++i)
        if (i != 4) CHECK(counters.rtt[i].value() == 0);
}

TEST_CASE("a stranger, another interface or another address of ours: nothing is answered") {
    End a{here, quality::Choice::automatic}, b{there, quality::Choice::off};
    const auto now = a.gauges.deadline();
    const auto bytes = a.probe(now);
    const auto good = b.datagram(now, port, bytes);
    for (auto change : std::vector<void (*)(probe::Datagram&)>{
             [](auto& d) { d.remote = ip("10.0.0.3"); }, [](auto& d) { d.local = ip("10.0.0.9"); },
             [](auto& d) { d.ifindex = {7}; }, [](auto& d) { d.local = ip("255.255.255.255"); }}) {
        auto bad = good;
        change(bad);
        CHECK_FALSE(b.reflect(now, bad));
    }
    CHECK(b.gauges.counters().strangers.value() == 4);
    CHECK(b.reflect(now, good));
}

TEST_CASE("no reflector answers another: a request from port 862 gets nothing") {
    End a{here, quality::Choice::automatic}, b{there, quality::Choice::off};
    const auto now = a.gauges.deadline();
    const auto request = a.probe(now);
    CHECK_FALSE(b.reflect(now, b.datagram(now, stamp::port, request)));
    CHECK(b.reflect(now, b.datagram(now, stamp::port + 1, request)));
}

TEST_CASE("whatever its size, an answer has the size of its request; and no more come than the rate allows") {
    End b{there, quality::Choice::off};
    TimePoint now{2h};
    std::size_t answered = 0;
    std::vector<std::byte> request(stamp::base_length, std::byte{1});
    for (int i = 0; i < 1000; ++i) {  // a replay within one second
        request.resize(stamp::base_length + static_cast<std::size_t>(i));
        const auto reply = b.reflect(now, b.datagram(now, port, request));
        if (reply) CHECK(reply->size() == request.size());
        answered += reply ? 1 : 0;
        now += 1ms;
    }
    CHECK(answered >= quality::Reflector::rate);
    CHECK(answered <= quality::Reflector::rate + quality::Reflector::burst + 1);
    CHECK(b.gauges.counters().limited.value() == 1000 - answered);
}

TEST_CASE("an answer with another session identifier, stamp or source port is none; one without an identifier is") {
    End a{here, quality::Choice::stamp}, b{there, quality::Choice::off};
    const auto answers = [&](auto&& change, std::uint16_t from = stamp::port) {
        const auto now = a.gauges.deadline();
        auto reply = b.reflect(now + 1ms, b.datagram(now + 1ms, port, a.probe(now)));
        REQUIRE(reply);
        change(*reply);
        const auto before = a.gauge.counters.answers.value();
        a.gauges.on_datagram(a.at(now + 2ms), probe::Use::stamp_answers, a.datagram(now + 2ms, from, *reply));
        return a.gauge.counters.answers.value() > before;
    };
    CHECK(answers([](auto&) {}));
    CHECK_FALSE(answers([](auto& r) { r[15] ^= std::byte{1}; }));
    CHECK(answers([](auto& r) { r[14] = r[15] = std::byte{0}; }));
    CHECK_FALSE(answers([](auto& r) { r[35] ^= std::byte{1}; }));
    CHECK_FALSE(answers([](auto& r) { r[13] = std::byte{0}; }));
    CHECK_FALSE(answers([](auto&) {}, 863));
}

TEST_CASE("auto: a peer without STAMP is measured by ICMP, and asked again after a minute") {
    End a{here, quality::Choice::automatic};
    const auto start = a.gauges.deadline();
    bool icmp_seen = false;
    TimePoint now = start;
    while (now < start + 59s) {
        now = a.gauges.deadline();
        auto bytes = a.probe(now);
        if (a.gauge.meter.method() != quality::Method::icmp) {
            CHECK(now < start + 5s);
            continue;
        }
        icmp_seen = true;
        bytes[0] = std::byte{0};  // the kernel's reply, behind an IP header
        bytes.insert(bytes.begin(), 20, std::byte{0});
        bytes[0] = std::byte{0x45};
        a.gauges.on_datagram(a.at(now + 9ms), probe::Use::echo_answers, a.datagram(now + 9ms, 0, bytes));
    }
    CHECK(icmp_seen);
    CHECK(a.gauge.counters.answers.value() > 500);
    while (now < start + 70s && a.gauge.meter.method() == quality::Method::icmp) {
        now = a.gauges.deadline();
        a.probe(now);
    }
    CHECK(a.gauge.meter.method() == quality::Method::stamp);
    std::optional<quality::Results> last;
    while (const auto event = a.gauges.next_event()) last = std::get<probe::Sample>(*event).results;
    REQUIRE(last);
    CHECK(last->method == quality::Method::icmp);
    CHECK(last->forward_sent == 0);
}

TEST_CASE("a probe that could not be sent is none") {
    End a{here, quality::Choice::stamp};
    for (int i = 0; i < 30; ++i) {
        const auto now = a.gauges.deadline();
        const auto packet = a.gauges.next(a.at(now), now);
        REQUIRE(packet);
        a.gauges.on_sent(now, *packet, ENOBUFS);
        CHECK(a.gauges.deadline() > now);
    }
    CHECK(a.gauge.meter.next_sequence() == 0);
    CHECK(a.gauge.counters.send_failures.value() == 30);
}

TEST_CASE("a gauge comes back when it is removed, and at once when its path is taken") {
    End a{here, quality::Choice::stamp};
    probe::Gauge other{{1, 1}, here, {5}, {}, 1, TimePoint{1h}};
    a.gauges.on_command(TimePoint{1h}, probe::AddGauge{&other});
    auto event = a.gauges.next_event();
    REQUIRE(event);
    CHECK(std::get<probe::GaugeRemoved>(*event).gauge == &other);
    a.gauges.on_command(TimePoint{1h}, probe::RemoveGauge{{0, 2}});  // stale
    CHECK_FALSE(a.gauges.has_events());
    a.gauges.on_command(TimePoint{1h}, probe::RemoveGauge{{0, 1}});
    event = a.gauges.next_event();
    REQUIRE(event);
    CHECK(std::get<probe::GaugeRemoved>(*event).gauge == &a.gauge);
    CHECK(a.gauges.deadline() == base::never);
    CHECK(a.gauges.size() == 0);
}

TEST_CASE("a gauge that is off reflects, and asks nothing until it is told to") {
    End b{there, quality::Choice::off};
    CHECK(b.gauges.deadline() == base::never);
    b.gauges.on_command(TimePoint{1h}, probe::ChangeGauge{{0, 1}, {quality::Choice::automatic, 100ms}});
    CHECK(b.gauges.deadline() <= TimePoint{1h} + 105ms);
}
