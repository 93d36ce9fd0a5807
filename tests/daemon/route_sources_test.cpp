// A hundred thousand routes from a real kernel and over FPM: what they cost, and how long they keep the control thread.
#include "daemon/route_sources.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <malloc.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <thread>
#include <vector>

#include "support/cpu_time.hpp"
#include "support/fpm_frames.hpp"
#include "support/private_net.hpp"

using namespace std::chrono_literals;
using control::RouteSource;
using support::cpu_now;
using support::sh;

namespace {

constexpr int routes = 100'000;
constexpr adjacency::AdjacencyId paris{1}, berlin{2};
constexpr std::uint16_t fpm_port = 2620;  // of the test's own namespace

#if defined(__SANITIZE_ADDRESS__)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

struct Fixture {
    Fixture() {
        sh("ip link set lo up && ip link add va index 103 type veth peer name vb && ip addr add 10.8.0.0/31 dev va && "
           "ip addr add 10.8.0.2/31 dev vb && ip link set vb up && ip link set va up");
    }
    bool until(const std::function<bool()>& done) {
        const auto end = std::chrono::steady_clock::now() + 120s;
        while (!done()) {
            if (std::chrono::steady_clock::now() > end) return false;
            context.restart();
            const auto from = cpu_now();
            context.run_one_for(10ms);
            handlers.push_back(cpu_now() - from);
        }
        return true;
    }
    std::size_t count(adjacency::AdjacencyId id) const {
        const auto counts = convergence.counts();
        const auto found = counts.find(id);
        return found == counts.end() ? 0 : found->second;
    }
    // A few may have met with what the machine does besides.
    void check_handlers(const std::string& what) {
        std::ranges::sort(handlers, std::greater{});
        REQUIRE(handlers.size() > 100);
        MESSAGE(what, ": ", handlers.size(), " handlers, the longest ones took ", handlers[0].count() / 1000, ", ",
                handlers[1].count() / 1000, " and ", handlers[2].count() / 1000, " us of CPU");
        if (!sanitized) CHECK(handlers[10] < 1ms);
        handlers.clear();
    }
    static void kernel_routes(const char* verb, const char* hop) {
        std::ofstream batch{"/run/batch"};
        for (int i = 0; i < routes; ++i)
            batch << "route " << verb << " 10." << 20 + i / 65536 << "." << i / 256 % 256 << "." << i % 256 << "/32 "
                  << hop << " metric 20 proto bgp\n";
        batch.close();
        sh("ip -batch /run/batch");
    }

    support::PrivateNet net;
    boost::asio::io_context context{1};
    control::Convergence convergence{
        7, [](const adjacency::Hop& hop) {
            return std::optional{hop.out.value == 103 || hop.out.value == 3 ? paris : berlin};
        }};
    int due = 0;
    std::vector<std::chrono::nanoseconds> handlers;
    wgbfd::RouteSources sources{context, convergence, {[this] { ++due; }, [](const std::string&) {}}};
};

// zebra's frames for 10.64.0.0/32 and on, through object 14.
std::vector<std::byte> replay() {
    auto out = support::fpm::hex(support::fpm::nexthop_v4);
    auto one = support::fpm::hex(support::fpm::route_v4);
    one[4 + 16 + 1] = std::byte{32};  // rtm_dst_len
    for (int i = 0; i < routes; ++i) {
        one[36] = std::byte{10};
        one[37] = static_cast<std::byte>(64 + i / 65536);
        one[38] = static_cast<std::byte>(i / 256 % 256);
        one[39] = static_cast<std::byte>(i % 256);
        out.insert(out.end(), one.begin(), one.end());
    }
    return out;
}

struct Zebra {
    Zebra() : fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(fpm_port);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        REQUIRE(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
    }
    // Some of it, as much as the socket takes.
    void send(base::Bytes& rest) const {
        const auto n = ::send(fd.get(), rest.data(), rest.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0) rest = rest.subspan(static_cast<std::size_t>(n));
    }
    base::UniqueFd fd;
};

}  // namespace

TEST_CASE("100,000 routes of the kernel: at most 64 bytes each, read and followed in slices below a millisecond" *
          doctest::skip(!support::is_root())) {
    Fixture f;
    Fixture::kernel_routes("add", "via 10.8.0.1 dev va");
    const auto before = ::mallinfo2();
    f.sources.follow(true, std::nullopt);
    REQUIRE(f.until([&] { return f.count(paris) == routes && f.convergence.is_complete(); }));
    const auto after = ::mallinfo2();
    const auto taken = (after.uordblks + after.hblkhd) - (before.uordblks + before.hblkhd);
    MESSAGE("bytes a route: ", static_cast<double>(taken) / routes);
    if (!sanitized) {
        CHECK(taken > std::size_t{16} * routes);
        CHECK(taken <= std::size_t{64} * routes);
    }
    CHECK(f.sources.status().source == RouteSource::kernel);
    f.check_handlers("reading");

    const auto now = std::chrono::steady_clock::now();
    f.convergence.on_verdict({now, {}}, paris, {policy::VerdictState::up, {}, 10},
                             {policy::VerdictState::down, {}, 10});
    {
        std::jthread routing{[] { Fixture::kernel_routes("replace", "via 10.8.0.3 dev vb"); }};
        REQUIRE(f.until([&] { return f.due > 0; }));
    }
    const auto closed = f.convergence.close(std::chrono::steady_clock::now());
    REQUIRE(closed.size() == 1);
    CHECK(closed.front().failover.moved == routes);
    CHECK(closed.front().failover.exact);
    CHECK(f.sources.status().resyncs == 0);
    f.check_handlers("a failover");
}

TEST_CASE("100,000 routes over FPM likewise; the kernel's are forgotten then, and come back when zebra leaves" *
          doctest::skip(!support::is_root())) {
    Fixture f;
    sh("ip route add 10.99.0.0/24 via 10.8.0.1 dev va proto bgp");
    f.sources.follow(true, "127.0.0.1:2620");
    REQUIRE(f.until([&] { return f.convergence.routes() == 1; }));
    const auto bytes = replay();
    base::Bytes rest{bytes};
    std::optional<Zebra> zebra{std::in_place};
    REQUIRE(f.until([&] {
        if (!rest.empty()) zebra->send(rest);
        return f.count(paris) == routes && f.convergence.is_complete() && f.convergence.routes() == routes;
    }));
    CHECK(f.sources.status().source == RouteSource::fpm);
    CHECK(f.sources.status().fpm->client.starts_with("127.0.0.1:"));
    CHECK(f.sources.status().bytes <= std::size_t{64} * routes);
    f.check_handlers("a replay");
    zebra.reset();
    REQUIRE(f.until([&] { return f.convergence.routes() == 1 && f.count(paris) == 1; }));
    CHECK(f.sources.status().source == RouteSource::kernel);
    CHECK(f.sources.problems().empty());
    f.check_handlers("forgetting them");
}

TEST_CASE("two IPv6 routes of one prefix and metric, by an interface each: both count, as long as each is there" *
          doctest::skip(!support::is_root())) {
    Fixture f;
    sh("ip -6 route add fd20::/64 dev va metric 20 proto bgp && ip -6 route append fd20::/64 dev vb metric 20 proto "
       "bgp");
    f.sources.follow(true, std::nullopt);
    REQUIRE(f.until([&] { return f.convergence.is_complete(); }));
    CHECK(f.count(paris) == 1);
    CHECK(f.count(berlin) == 1);
    sh("ip -6 route del fd20::/64 dev vb metric 20");
    REQUIRE(f.until([&] { return f.count(berlin) == 0; }));
    CHECK(f.count(paris) == 1);
    sh("ip -6 route append fd20::/64 dev vb metric 20 proto bgp");
    REQUIRE(f.until([&] { return f.count(berlin) == 1; }));
    CHECK(f.count(paris) == 1);
    CHECK(f.convergence.routes() == 1);
}

TEST_CASE("who connects to the FPM port and says nothing valid is no source: the kernel goes on telling" *
          doctest::skip(!support::is_root())) {
    Fixture f;
    sh("ip route add 10.99.0.0/24 via 10.8.0.1 dev va proto bgp");
    f.sources.follow(true, "127.0.0.1:2620");
    REQUIRE(f.until([&] { return f.convergence.routes() == 1 && f.convergence.is_complete(); }));
    const Zebra other;
    bool kernel_told = true;
    const auto look = [&] {
        const auto told = f.sources.status();
        kernel_told &= told.source == RouteSource::kernel && f.convergence.is_complete() && told.fpm->client.empty();
        return told.fpm->problem;
    };
    for (int i = 0; i < 20; ++i) {  // it is accepted, and heard out
        static_cast<void>(look());
        f.context.restart();
        f.context.poll_one();
    }
    const auto garbage = support::fpm::hex("ff ff ff ff");
    base::Bytes rest{garbage};
    other.send(rest);
    REQUIRE(f.until([&] { return look().find("another version") != std::string::npos; }));
    CHECK(kernel_told);
    CHECK(f.count(paris) == 1);
    REQUIRE(f.sources.problems().size() == 1);
    CHECK(f.sources.problems().front().find("is no zebra") != std::string::npos);
}

TEST_CASE("an interface that goes takes its IPv4 routes, of which the kernel says nothing" *
          doctest::skip(!support::is_root())) {
    Fixture f;
    sh("ip route add 10.99.0.0/24 via 10.8.0.1 dev va proto bgp");
    adjacency::Link va;
    va.index = {103};
    va.up = true;
    f.sources.on_links({va});
    f.sources.follow(true, std::nullopt);
    REQUIRE(f.until([&] { return f.count(paris) == 1 && f.convergence.is_complete(); }));
    f.convergence.on_verdict({std::chrono::steady_clock::now(), {}}, paris, {policy::VerdictState::up, {}, 10},
                             {policy::VerdictState::down, {}, 10});
    sh("ip link set va down");
    va.up = false;
    f.sources.on_links({va});
    REQUIRE(f.until([&] { return f.count(paris) == 0; }));
    const auto closed = f.convergence.close(std::chrono::steady_clock::now() + control::Convergence::quiet);
    REQUIRE(closed.size() == 1);
    CHECK(closed.front().failover.withdrawn == 1);
}

TEST_CASE("nobody wants to know: nothing is followed, and nothing is kept" * doctest::skip(!support::is_root())) {
    Fixture f;
    sh("ip route add 10.99.0.0/24 via 10.8.0.1 dev va proto bgp");
    f.sources.follow(false, std::nullopt);
    CHECK(f.sources.status().source == RouteSource::none);
    f.sources.follow(true, std::nullopt);
    REQUIRE(f.until([&] { return f.convergence.routes() == 1; }));
    f.sources.follow(false, std::nullopt);
    REQUIRE(f.until([&] { return f.convergence.routes() == 0; }));
    CHECK(f.sources.status().source == RouteSource::none);
}
