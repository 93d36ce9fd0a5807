// The kernel's side for real: interfaces in a network namespace of the test's own.
#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <filesystem>

#include "kernel/links.hpp"
#include "kernel/operstate_feed.hpp"
#include "kernel/route_lookup.hpp"
#include "support/private_net.hpp"

using adjacency::Operstate;
using support::sh;
using namespace std::chrono_literals;

namespace {

struct Fixture {
    bool until(const std::function<bool()>& done) { return support::until(context, done); }
    const adjacency::Link* find(const std::string& name) const {
        const auto at = std::ranges::find_if(now, [&](const adjacency::Link& l) { return l.name == name; });
        return at == now.end() ? nullptr : &*at;
    }
    void follow(int receive_buffer = kernel::Links::default_receive_buffer) {
        links.emplace(
            context,
            [this](std::vector<adjacency::Link> all) {
                ++calls;
                lost |= links->lost_events();
                now = std::move(all);
                if (const auto* const l = find("va")) ups.push_back(l->up);
                if (!feed) return;
                feed->on_links(now);
                for (const auto& told : feed->status().told) tellings.push_back(told.told);
            },
            receive_buffer);
        CHECK(calls == 0);
        REQUIRE(until([&] { return calls > 0; }));
    }
    void with_feed() {
        feed.emplace(context, undo, [] {
            return base::Now{std::chrono::steady_clock::now(), std::chrono::system_clock::now()};
        });
    }
    void apply(const char* interface, bool down) {
        adjacency::Adjacency a;
        a.interface = interface;
        feed->apply(std::vector<policy::Wanted>{{a.id, a, {}, !down, down}});
    }
    Operstate state(const char* interface) const {
        return kernel::kernel_operstate().read(find(interface)->index).value().operstate;
    }
    bool has_link_local(const char* interface) const {
        const auto* const link = find(interface);
        return link != nullptr && std::ranges::any_of(link->addresses, [](const adjacency::LinkAddress& a) {
                   return a.local.is_v6() && a.local.is_link_local();
               });
    }

    support::PrivateNet net;
    boost::asio::io_context context{1};
    std::vector<adjacency::Link> now;
    std::vector<bool> ups;
    std::vector<std::string> tellings;
    int calls = 0;
    bool lost = false;              // events, as some call said
    io::UndoLog undo{"/run/undo"};  // the namespace's own tmpfs
    std::optional<kernel::OperstateFeed> feed;
    std::optional<kernel::Links> links;
};

base::IpAddress ip(const char* text) { return base::IpAddress::parse(text).value(); }

}  // namespace

TEST_CASE("links and addresses are complete at the first call, and followed from then on" *
          doctest::skip(!support::is_root())) {
    Fixture f;
    sh("ip link add va type veth peer name vb && ip addr add 10.8.0.1/24 dev va && ip addr add 10.9.0.1 peer 10.9.0.2 "
       "dev va && ip -6 addr add fd00::1/64 dev va nodad && ip link set va up");
    f.follow();
    const auto* va = f.find("va");
    REQUIRE(va != nullptr);
    CHECK(va->kind == "veth");
    CHECK(va->up);
    CHECK(va->mtu == 1500);
    CHECK(std::ranges::count(va->addresses, adjacency::LinkAddress{ip("10.8.0.1"), {}, 24, false}) == 1);
    CHECK(std::ranges::count(va->addresses, adjacency::LinkAddress{ip("10.9.0.1"), ip("10.9.0.2"), 32, false}) == 1);
    CHECK(std::ranges::count(va->addresses, adjacency::LinkAddress{ip("fd00::1"), {}, 64, false}) == 1);
    CHECK(f.find("lo") != nullptr);

    sh("ip addr del 10.8.0.1/24 dev va && ip link set vb name vc && ip link set va mtu 1400");
    CHECK(f.until([&] { return f.find("va")->mtu == 1400; }));
    CHECK(f.find("vc") != nullptr);
    CHECK(f.find("vb") == nullptr);
    CHECK(std::ranges::count(f.find("va")->addresses, adjacency::LinkAddress{ip("10.8.0.1"), {}, 24, false}) == 0);

    const auto index = f.find("va")->index;
    sh("ip link del va && ip link add va type veth peer name vb");
    CHECK(f.until([&] { return f.find("va") != nullptr && f.find("va")->index != index; }));
    CHECK(f.find("va")->addresses.empty());
}

TEST_CASE("down and up again between two turns of the loop is still seen as two changes" *
          doctest::skip(!support::is_root())) {
    Fixture f;
    sh("ip link add va type veth peer name vb && ip link set va up");
    f.follow();
    f.ups.clear();
    sh("ip link set va down && ip link set va up");
    CHECK(f.until([&] { return f.ups.size() >= 2; }));
    CHECK_FALSE(f.ups[0]);
    CHECK(f.until([&] { return f.ups.back(); }));
}

TEST_CASE("a bridge that loses its port has not taken the interface away" * doctest::skip(!support::is_root())) {
    Fixture f;
    sh("ip link add bridge0 type bridge && ip link add va type veth peer name vb && ip link set va master bridge0");
    f.follow();
    CHECK(f.find("va")->master == f.find("bridge0")->index);
    sh("ip link set va nomaster && ip link set va mtu 1400");
    CHECK(f.until([&] { return f.find("va") != nullptr && f.find("va")->mtu == 1400; }));
    CHECK(f.find("va")->master.value == 0);
}

TEST_CASE("events the kernel had to drop are made up for by another dump" * doctest::skip(!support::is_root())) {
    Fixture f;
    sh("ip link add va type veth peer name vb && ip link set va up && ip link add gone type veth peer name gone2 && ip "
       "addr add 10.7.0.1/24 dev va");
    f.follow(4096);
    sh("ip addr del 10.7.0.1/24 dev va; for i in $(seq 250); do echo addr add 10.8.$i.1/24 dev va; done | ip -batch - "
       "&& "
       "ip link del gone && ip link add come type veth peer name come2");
    REQUIRE(f.until([&] { return f.find("come") != nullptr && f.find("va")->addresses.size() >= 250; }));
    CHECK(f.links->resyncs() > 0);
    CHECK(f.until([&] { return f.find("gone") == nullptr; }));
    CHECK(std::ranges::count(f.find("va")->addresses, adjacency::LinkAddress{ip("10.7.0.1"), {}, 24, false}) == 0);
}

TEST_CASE("events that were lost are told, though all is as it was: what goes down with an interface may be gone" *
          doctest::skip(!support::is_root())) {
    Fixture f;
    sh("ip link add va type veth peer name vb && ip link set vb up && ip link set va up");
    f.follow(4096);
    CHECK(!f.lost);
    sh("for i in $(seq 250); do echo addr add 10.8.$i.1/24 dev va; done | ip -batch - && ip link set va down && ip "
       "link "
       "set va up && ip -4 addr flush dev va");
    CHECK(f.until([&] { return f.lost; }));
    CHECK(f.find("va")->up);
}

TEST_CASE("dormant and back on a veth; an operator's UP is overruled; undo puts it back" *
          doctest::skip(!support::is_root())) {
    Fixture f;
    sh("ip link add va type veth peer name vb && ip link set vb up && ip link set va up");
    f.with_feed();
    f.follow();
    REQUIRE(f.until([&] { return f.find("va")->operstate == Operstate::up && f.find("va")->running; }));
    f.apply("va", true);
    CHECK(f.state("va") == Operstate::dormant);
    CHECK(f.until([&] { return f.find("va")->operstate == Operstate::dormant && !f.find("va")->running; }));
    CHECK(f.find("va")->up);
    CHECK(f.undo.records().size() == 1);
    sh("ip link set va state up");
    CHECK(f.until([&] { return f.state("va") == Operstate::dormant; }));
    CHECK(f.until([&] { return f.feed->status().problem.find("something sets va UP") != std::string::npos; }));
    const auto record = f.undo.records().at(0);
    f.feed.reset();
    CHECK(kernel::revert_operstate(record).value());
    CHECK(f.state("va") == Operstate::up);
}

TEST_CASE("dormant on a userspace WireGuard: through down and up its link-local address is rebuilt" *
          doctest::skip(!support::is_root())) {
    Fixture f;
    const support::WireguardGo wireguard{"wg0"};
    sh("ip addr add 10.8.0.1/24 dev wg0 && ip link set wg0 up");
    f.with_feed();
    f.follow();
    REQUIRE(f.until([&] { return f.find("wg0")->operstate == Operstate::unknown; }));
    REQUIRE(f.until([&] { return f.has_link_local("wg0"); }));
    f.apply("wg0", true);
    CHECK(f.state("wg0") == Operstate::dormant);
    CHECK(f.undo.records() ==
          std::vector{io::UndoRecord{"link", kernel::to_subject("wg0", f.find("wg0")->index), "unknown", "dormant"}});
    f.tellings.clear();
    sh("ip link set wg0 down && ip link set wg0 up");
    REQUIRE(f.until([&] { return std::ranges::count(f.tellings, "up") > 0 && f.tellings.back() == "down"; }));
    CHECK(f.state("wg0") == Operstate::dormant);
    CHECK(f.has_link_local("wg0"));
    CHECK(f.feed->status().healthy);
    f.apply("wg0", false);
    CHECK(f.state("wg0") == Operstate::up);
    CHECK(f.undo.records().empty());
}

TEST_CASE("an interface that does not exist, and one set without the right to, are errors that say so" *
          doctest::skip(!support::is_root())) {
    const support::PrivateNet net;
    const auto access = kernel::kernel_operstate();
    CHECK(access.read({4242}).error() == std::errc::no_such_device);
    CHECK(access.set({4242}, Operstate::dormant) == std::errc::no_such_device);
    const support::Process unprivileged{[&access] {
        if (::setresuid(65534, 65534, 65534) != 0) ::_exit(2);
        ::_exit(access.set({1}, Operstate::dormant) == std::errc::operation_not_permitted ? 42 : 1);
    }};
    siginfo_t end{};
    REQUIRE(::waitid(P_PID, static_cast<id_t>(unprivileged.pid()), &end, WEXITED | WNOWAIT) == 0);
    CHECK(end.si_status == 42);
}

TEST_CASE("a route question names source and interface; none where there is no route" *
          doctest::skip(!support::is_root())) {
    const support::PrivateNet net;
    sh("ip link set lo up && ip link add va type veth peer name vb && ip link set vb up && ip addr add 10.8.0.1/24 dev "
       "va "
       "&& ip addr add 10.8.0.9/24 dev va && ip -6 addr add fd00::1/64 dev va nodad && ip link set va up && ip route "
       "add "
       "192.0.2.0/24 via 10.8.0.2 && ip link add vc type veth peer name vd && ip addr add 10.7.0.1/24 dev vc && ip "
       "link "
       "set vd up && ip link set vc up && ip route add 192.0.2.0/24 via 10.7.0.2 metric 50");
    const auto via_va = kernel::route_to(ip("192.0.2.1"), {}, {});
    REQUIRE(via_va);
    CHECK(via_va->name == "va");
    CHECK(via_va->local == ip("10.8.0.1"));
    CHECK(via_va->ifindex.value != 0);
    CHECK(kernel::route_to(ip("192.0.2.1"), ip("10.8.0.9"), {}).value().local == ip("10.8.0.9"));
    const auto vc = kernel::route_to(ip("10.7.0.2"), {}, {}).value().ifindex;
    CHECK(kernel::route_to(ip("192.0.2.1"), {}, vc).value() == kernel::RouteAnswer{ip("10.7.0.1"), vc, "vc"});
    CHECK(kernel::route_to(ip("fd00::2"), {}, {}).value().local == ip("fd00::1"));
    CHECK(kernel::route_to(ip("198.51.100.1"), {}, {}).error() == std::errc::network_unreachable);
    CHECK(kernel::route_to(ip("10.8.0.2"), ip("fd00::1"), {}).error() == std::errc::address_family_not_supported);
}
