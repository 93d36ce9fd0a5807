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

TEST_CASE("another detection time is no reason to measure anew; another interval is") {
    End a{here, quality::Choice::automatic};
    for (int i = 0; i < 5; ++i) a.probe(a.gauges.deadline());
    const auto now = a.gauges.deadline();
    quality::Settings settings{quality::Choice::automatic, 100ms, 31};
    a.gauges.on_command(now, probe::ChangeGauge{{0, 1}, {settings}});
    CHECK(a.gauge.meter.settings() == settings);
    CHECK(a.gauge.meter.next_sequence() == 5);
    settings.interval = 200ms;
    a.gauges.on_command(now, probe::ChangeGauge{{0, 1}, {settings}});
    CHECK(a.gauge.meter.settings() == settings);
    CHECK(a.gauge.meter.next_sequence() == 0);
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

namespace {

// The pair of probes of size that is due first, by turns of its own.
struct Sized {
    explicit Sized(const bfd::SessionKey& path, quality::Choice choice)
        : gauge{{0, 1}, path, {0x77}, {{choice, 10s}, 1420}, 1, TimePoint{1h}} {
        gauges.on_command(TimePoint{1h}, probe::AddGauge{&gauge});
    }
    static base::Now at(TimePoint now) { return {now, base::WallTime{1'767'225'600s} + (now - TimePoint{1h})}; }
    probe::GaugePacket next() {  // of a size; those that measure go unanswered
        for (;;) {
            now = std::max(now, gauges.deadline());
            const auto packet = gauges.next(at(now), now);
            if (!packet) continue;
            bytes.assign(packet->payload.begin(), packet->payload.end());
            if (packet->purpose == probe::Purpose::size) return *packet;
            gauges.on_sent(now, *packet, 0);
        }
    }
    std::optional<probe::PathChanged> told() {
        std::optional<probe::PathChanged> out;
        while (const auto event = gauges.next_event())
            if (const auto* changed = std::get_if<probe::PathChanged>(&*event)) out = *changed;
        return out;
    }

    probe::Gauges gauges{4, 0xbeef};
    probe::Gauge gauge;
    TimePoint now{1h};
    std::vector<std::byte> bytes;
};

}  // namespace

TEST_CASE(
    "RFC 8972 §4.1: a probe of size is a question and extra padding, and its IP packet has the size to the byte") {
    for (const auto* remote : {"10.0.0.2", "fd00::2"}) {
        const bfd::SessionKey path{{7}, ip(ip(remote).is_v4() ? "10.0.0.1" : "fd00::1"), ip(remote)};
        const std::size_t headers = ip(remote).is_v4() ? 28 : 48;
        Sized a{path, quality::Choice::stamp};
        const auto large = a.next();
        CHECK(large.use == probe::Use::stamp_answers);
        REQUIRE(a.bytes.size() + headers == 1420);
        CHECK(a.bytes[44] == std::byte{0x80});
        CHECK(a.bytes[45] == std::byte{252});
        CHECK(a.bytes[56] == std::byte{0x80});
        CHECK(a.bytes[57] == std::byte{1});
        CHECK((std::to_integer<std::size_t>(a.bytes[58]) << 8 | std::to_integer<std::size_t>(a.bytes[59])) ==
              a.bytes.size() - 60);
        a.gauges.on_sent(a.now, large, 0);
        const auto small = a.next();
        CHECK(small.payload.size() == stamp::base_length + 12);
        CHECK(a.bytes[45] == std::byte{252});
        a.gauges.on_sent(a.now, small, 0);
        CHECK(a.gauge.counters.sized_sent.value() == 2);
    }
}

TEST_CASE("an answer to a large probe says that it passes, and no answer of size is a figure") {
    Sized a{here, quality::Choice::stamp};
    End b{there, quality::Choice::off};
    const auto large = a.next();
    a.gauges.on_sent(a.now, large, 0);
    const auto reply = b.reflect(a.now + 1ms, b.datagram(a.now + 1ms, port, a.bytes));
    REQUIRE(reply);
    CHECK(reply->size() == a.bytes.size());
    auto wrong = *reply;
    wrong[14] ^= std::byte{0x80};  // the session that measures
    const auto datagram = [&](const std::vector<std::byte>& bytes) {
        return probe::Datagram{.arrival = a.now + 2ms,
                               .ifindex = here.ifindex,
                               .local = here.local,
                               .remote = here.remote,
                               .source_port = stamp::port,
                               .ttl = 255,
                               .payload = bytes};
    };
    a.gauges.on_datagram(a.at(a.now), probe::Use::stamp_answers, datagram(wrong));
    CHECK_FALSE(a.told());
    a.gauges.on_datagram(a.at(a.now), probe::Use::stamp_answers, datagram(*reply));
    const auto told = a.told();
    REQUIRE(told);
    CHECK(told->passage == quality::Passage{quality::Fit::whole, 1420, 0});
    CHECK(a.gauge.counters.sized_answers.value() == 1);
    CHECK(a.gauge.counters.answers.value() == 0);
}

TEST_CASE(
    "a reflector that knows no session identifiers would count probes of size among the others: they go by ICMP") {
    Sized a{here, quality::Choice::stamp};
    a.gauge.engine.reflector_is_plain = true;
    const auto large = a.next();
    CHECK(large.use == probe::Use::echo_answers);
    CHECK(a.bytes.size() + 20 == 1420);
    std::uint32_t sum = 0;  // RFC 1071
    for (std::size_t i = 0; i < a.bytes.size(); i += 2)
        sum += std::to_integer<std::uint32_t>(a.bytes[i]) << 8 | std::to_integer<std::uint32_t>(a.bytes[i + 1]);
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    CHECK(sum == 0xffff);
}

TEST_CASE("a gauge that goes takes what it had to tell along") {
    Sized a{here, quality::Choice::stamp};
    a.gauges.on_command(a.now, probe::ChangeGauge{{0, 1}, {{quality::Choice::stamp, 10s}, 1280}});
    CHECK(a.gauges.has_events());
    a.gauges.on_command(a.now, probe::RemoveGauge{{0, 1}});
    const auto event = a.gauges.next_event();
    REQUIRE(event);
    CHECK(std::get<probe::GaugeRemoved>(*event).gauge == &a.gauge);
    CHECK_FALSE(a.gauges.has_events());
}

TEST_CASE("liveness comes and goes with a change, and is told until the latest") {
    Sized a{here, quality::Choice::off};
    a.gauges.on_command(a.now,
                        probe::ChangeGauge{{0, 1}, {{quality::Choice::off, 10s}, 0, {}, quality::EchoParameters{}}});
    CHECK(a.gauges.deadline() == a.now);
    for (int i = 0; i < 3; ++i) {
        a.now = std::max(a.now, a.gauges.deadline());
        const auto packet = a.gauges.next(a.at(a.now), a.now);
        REQUIRE(packet);
        CHECK(packet->purpose == probe::Purpose::liveness);
        CHECK(packet->use == probe::Use::echo_answers);
        std::vector<std::byte> reply(20);
        reply[0] = std::byte{0x45};
        reply.insert(reply.end(), packet->payload.begin(), packet->payload.end());
        reply[20] = std::byte{0};
        a.gauges.on_sent(a.now, *packet, 0);
        for (int copy = 0; copy < 2; ++copy)
            a.gauges.on_datagram(a.at(a.now), probe::Use::echo_answers,
                                 {.arrival = a.now + 1ms,
                                  .ifindex = here.ifindex,
                                  .local = here.local,
                                  .remote = here.remote,
                                  .payload = reply});
    }
    const auto told = a.told();
    REQUIRE(told);
    REQUIRE(told->liveness);
    CHECK(told->liveness->state == quality::EchoState::up);
    CHECK(a.gauge.counters.echo_answers.value() == 3);
    CHECK(a.gauge.counters.ups.value() == 1);
    a.gauges.on_command(a.now, probe::ChangeGauge{{0, 1}, {{quality::Choice::off, 10s}}});
    CHECK_FALSE(a.told()->liveness);
    CHECK(a.gauges.deadline() == base::never);
}

TEST_CASE("sockets are behind each by itself: one that is keeps nobody of the other waiting") {
    quality::EchoParameters echo;
    const bfd::SessionKey other{{7}, ip("fd00::1"), ip("fd00::2")};
    probe::Gauges gauges{4, 0xbeef};
    probe::Gauge v4{{0, 1}, here, {1}, {{quality::Choice::off, 10s}, 0, {}, echo}, 1, TimePoint{1h}};
    probe::Gauge v6{{1, 1}, other, {3}, {{quality::Choice::off, 10s}, 0, {}, echo}, 2, TimePoint{1h}};
    for (auto* gauge : {&v4, &v6}) gauges.on_command(TimePoint{1h}, probe::AddGauge{gauge});
    TimePoint now{1h};
    const auto run = [&](base::Duration time, bool answered, TimePoint v4_seen) {
        for (const auto end = now + time; now < end; now = std::max(now + 1us, gauges.deadline())) {
            probe::Seen seen{now};
            seen.of(quality::Method::icmp, base::Family::v4) = std::min(v4_seen, now);
            while (const auto packet = gauges.next(Sized::at(now), seen)) {
                std::vector<std::byte> reply(packet->payload.begin(), packet->payload.end());
                reply[0] = std::byte{packet->key.remote.is_v4() ? std::uint8_t{0} : std::uint8_t{129}};
                if (packet->key.remote.is_v4()) {
                    reply.insert(reply.begin(), 20, std::byte{0});
                    reply[0] = std::byte{0x45};
                }
                gauges.on_sent(now, *packet, 0);
                if (answered)
                    gauges.on_datagram(Sized::at(now), probe::Use::echo_answers,
                                       {.arrival = now,
                                        .ifindex = {7},
                                        .local = packet->key.local,
                                        .remote = packet->key.remote,
                                        .payload = reply});
            }
        }
    };
    run(5s, true, base::never);
    REQUIRE(v4.counters.ups.value() == 1);
    REQUIRE(v6.counters.ups.value() == 1);
    run(1s, false, now);  // nothing of IPv4 is read any more: its silence proves nothing
    CHECK(v4.counters.downs.value() == 0);
    CHECK(v6.counters.downs.value() == 1);
}
