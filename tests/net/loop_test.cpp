// Two probe threads on one loopback, each with an address of its own.
#include "net/loop.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <pthread.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "net/quality_socket.hpp"
#include "node.hpp"

using namespace net_test;

TEST_CASE_FIXTURE(Two, "two probe threads bring up IPv4, IPv6, link-local and multihop sessions") {
    struct {
        const char *one, *other;
        bool multihop;
    } const cases[] = {{"127.0.0.1", "127.0.0.2", false},
                       {"fd00::1", "fd00::2", false},
                       {"fe80::1", "fe80::2", false},
                       {"127.0.0.1", "127.0.0.2", true},
                       {"fd00::1", "fd00::2", true}};
    std::vector<std::pair<probe::Slot*, probe::Slot*>> slots;
    std::uint32_t discriminator = 1000;
    for (const auto& [one, other, multihop] : cases) {
        a.listen(one, multihop);
        b.listen(other, multihop);
        auto& at_a = a.add(key(one, other, multihop), ++discriminator);
        auto& at_b = b.add(key(other, one, multihop), ++discriminator);
        slots.emplace_back(&at_a, &at_b);
    }
    for (const auto& [at_a, at_b] : slots) {
        CAPTURE(to_string(at_a->key.local));
        CHECK(a.wait_for(*at_a, State::up));
        CHECK(b.wait_for(*at_b, State::up));
        CHECK(at_a->counters.refused.value() == 0);
        CHECK(at_a->counters.send_failures.value() == 0);
    }
    CHECK(a.loop.counters().sends.value() > 0);
    CHECK(a.loop.counters().receives.value() > 0);
    CHECK(a.loop.counters().wakeups.value() > 0);
    CHECK(a.loop.counters().receive_errors.value() == 0);
    CHECK(a.loop.counters().listen_errors.value() == 0);
}

TEST_CASE_FIXTURE(Two, "AdminDown and back, a peer that is removed, and a slot that comes back") {
    a.listen("127.0.0.1");
    b.listen("127.0.0.2");
    auto quick = steady;
    quick.detect_mult = 3;
    auto& at_a = a.add(key("127.0.0.1", "127.0.0.2"), 1, quick);
    auto& at_b = b.add(key("127.0.0.2", "127.0.0.1"), 2, quick);
    REQUIRE(a.wait_for(at_a, State::up));
    auto down = quick;
    down.admin_down = true;
    a.post(probe::Change{at_a.id, down, 255});
    REQUIRE(a.wait_for(at_a, State::admin_down));
    REQUIRE(b.wait_for(at_b, State::down));
    a.post(probe::Change{at_a.id, quick, 255});
    REQUIRE(a.wait_for(at_a, State::up));
    REQUIRE(b.wait_for(at_b, State::up));
    b.post(probe::Remove{at_b.id});
    REQUIRE(b.wait_until([&] { return !b.events.empty() && std::holds_alternative<probe::Removed>(b.events.back()); }));
    b.pool.release(std::get<probe::Removed>(b.events.back()).slot);
    REQUIRE(a.wait_for(at_a, State::down));
    CHECK(at_a.counters.downs.value() >= 2);
}

TEST_CASE_FIXTURE(PrivateNet, "rings of two: commands wait, no final state is lost, every slot comes back") {
    const net::LoopSettings tiny{.command_ring = 2, .event_ring = 2, .capacity = 256};
    Node a{tiny}, b{tiny};
    a.listen("127.0.0.1");
    b.listen("127.0.0.2");
    std::vector<probe::Slot*> slots;
    for (std::uint32_t n = 0; n < 100; ++n) {  // more addresses than one: 127.0.0.0/8 is ours
        auto remote = ip("127.0.1.0");
        remote.bytes[3] = static_cast<std::uint8_t>(n + 1);
        const bfd::SessionKey outward{loopback, ip("127.0.0.1"), remote};
        const bfd::SessionKey inward{loopback, remote, ip("127.0.0.1")};
        auto fd = net::bind_receive(base::Family::v4, false, remote);
        REQUIRE(fd.has_value());
        b.post(probe::Listen{.fd = fd->release(), .multihop = false, .local = remote, .ifindex = {}});
        slots.push_back(&a.add(outward, n + 1));
        b.add(inward, n + 1001);
    }
    const auto all_up = [](Node& node) {
        return std::ranges::count_if(node.last, [](const auto& e) { return e.second == State::up; }) == 100;
    };
    CHECK(a.wait_until([&] { return all_up(a); }));
    CHECK(b.wait_until([&] { return all_up(b); }));
    for (auto* const slot : slots) a.post(probe::Remove{slot->id});
    const auto removed = [](const Node& node) {
        return std::ranges::count_if(node.events,
                                     [](const auto& e) { return std::holds_alternative<probe::Removed>(e); });
    };
    CHECK(a.wait_until([&] { return removed(a) == 100; }));
}

TEST_CASE_FIXTURE(Two, "a receive socket can be taken away and given again") {
    a.listen("127.0.0.1");
    b.listen("127.0.0.2");
    auto quick = steady;
    quick.detect_mult = 5;
    auto& at_a = a.add(key("127.0.0.1", "127.0.0.2"), 1, quick);
    b.add(key("127.0.0.2", "127.0.0.1"), 2, quick);
    REQUIRE(a.wait_for(at_a, State::up));
    a.post(probe::Unlisten{.local = ip("127.0.0.1")});
    REQUIRE(a.wait_for(at_a, State::down));
    a.listen("127.0.0.1");  // the port is free again
    CHECK(a.wait_for(at_a, State::up));
}

TEST_CASE_FIXTURE(Two, "a stranger's first packet is told as Unmatched") {
    a.listen("127.0.0.1");
    const Stranger stranger{"127.0.0.9", "127.0.0.1", net::single_hop_port};
    stranger.send(encoded(packet(State::down, 9)));
    REQUIRE(a.wait_until([&] { return !a.events.empty(); }));
    const auto* const event = std::get_if<probe::Unmatched>(&a.events[0]);
    REQUIRE(event != nullptr);
    CHECK(event->remote == ip("127.0.0.9"));
    CHECK(event->local == ip("127.0.0.1"));
    CHECK(event->ifindex == loopback);
}

TEST_CASE_FIXTURE(Two, "a send that fails is told with its errno, and the session beside it comes up") {
    a.listen("127.0.0.1");
    b.listen("127.0.0.2");
    auto& lost = a.add({{}, ip("127.0.0.1"), ip("203.0.113.1"), true}, 1);
    auto& fine = a.add(key("127.0.0.1", "127.0.0.2"), 2);
    b.add(key("127.0.0.2", "127.0.0.1"), 3);
    REQUIRE(a.wait_for(fine, State::up));
    const auto is_failure = [&](const probe::Event& e) {
        const auto* const failed = std::get_if<probe::SendFailed>(&e);
        return failed != nullptr && failed->id == lost.id && failed->error == ENETUNREACH;
    };
    CHECK(a.wait_until([&] { return std::ranges::any_of(a.events, is_failure); }));
    CHECK(lost.counters.last_send_errno.value() == ENETUNREACH);
    CHECK(fine.counters.send_failures.value() == 0);
}

TEST_CASE_FIXTURE(Two, "a socket that the thread cannot take over is closed, counted and told") {
    const int fd = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);  // epoll takes no regular file
    REQUIRE(fd >= 0);
    a.post(probe::Listen{.fd = fd, .use = probe::Use::stamp_requests, .family = base::Family::v6});
    const auto is_refusal = [](const probe::Event& e) {
        const auto* const refused = std::get_if<probe::ListenFailed>(&e);
        return refused != nullptr && refused->error == EPERM && refused->listen.family == base::Family::v6 &&
               refused->listen.use == probe::Use::stamp_requests;
    };
    CHECK(a.wait_until([&] { return std::ranges::any_of(a.events, is_refusal); }));
    CHECK(a.loop.counters().listen_errors.value() == 1);
    CHECK(::fcntl(fd, F_GETFD) == -1);
}

TEST_CASE_FIXTURE(PrivateNet, "samples of many paths ring together; a reflector at an address answers from there") {
    std::vector<std::unique_ptr<probe::Gauge>> gauges;  // the thread's until it has ended
    Node node;
    const auto take = [&](probe::Use use, base::Result<base::UniqueFd, net::BindFailure> fd, std::string_view address) {
        REQUIRE(fd.has_value());
        node.post(probe::Listen{.fd = fd->release(),
                                .use = use,
                                .family = base::Family::v4,
                                .local = address.empty() ? base::IpAddress{} : ip(address)});
    };
    take(probe::Use::stamp_answers, net::bind_prober(base::Family::v4, 1), "");
    take(probe::Use::stamp_requests, net::bind_reflector(base::Family::v4, ip("127.0.0.1")), "127.0.0.1");
    take(probe::Use::stamp_requests, net::bind_reflector(base::Family::v4, ip("127.0.0.2")), "127.0.0.2");
    constexpr std::uint32_t paths = 96;
    const auto measure = [&](const bfd::SessionKey& path, quality::Choice choice) {
        const auto place = static_cast<std::uint32_t>(gauges.size());
        gauges.push_back(std::make_unique<probe::Gauge>(probe::GaugeId{place, 1}, path, quality::stamp::Ssid{7},
                                                        probe::Asked{{choice, 50ms}}, place, net::steady_now()));
        node.post(probe::AddGauge{gauges.back().get()});
    };
    for (std::uint32_t i = 0; i < paths; ++i) {
        const auto end = "127.1.0." + std::to_string(i + 1);
        const std::string_view reflector = i % 2 == 0 ? "127.0.0.1" : "127.0.0.2";
        measure(key(end, reflector), quality::Choice::stamp);
        measure(key(reflector, end), quality::Choice::off);
    }
    const auto is_sample = [](const probe::Event& e) { return std::holds_alternative<probe::Sample>(e); };
    std::ptrdiff_t samples = 0;
    REQUIRE(node.wait_until([&] { return (samples = std::ranges::count_if(node.events, is_sample)) >= 2 * paths; }));
    CHECK(node.loop.counters().rings.value() < static_cast<std::uint64_t>(samples) / 3);
    CHECK(gauges[0]->counters.answers.value() > 0);
    CHECK(gauges[2]->counters.answers.value() > 0);
}

TEST_CASE_FIXTURE(PrivateNet, "the thread takes the scheduling policy of its maker") {
    CHECK_FALSE(net::Loop{{.capacity = 4}}.realtime());
    sched_param parameters{.sched_priority = 1};
    if (::pthread_setschedparam(::pthread_self(), SCHED_FIFO, &parameters) != 0) return;  // not permitted here
    {
        const net::Loop loop{{.capacity = 4}};
        CHECK(loop.realtime());
    }
    parameters.sched_priority = 0;
    REQUIRE(::pthread_setschedparam(::pthread_self(), SCHED_OTHER, &parameters) == 0);
}
