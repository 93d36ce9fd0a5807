// Devices and Links together over wireguard-go, in namespaces of the test's own.
#include <doctest/doctest.h>
#include <net/if.h>

#include <algorithm>
#include <fstream>
#include <random>

#include "support/private_net.hpp"
#include "wireguard/devices.hpp"

using support::sh;
using support::WireguardGo;

using namespace std::chrono_literals;

namespace {

std::string random_key() {
    static std::mt19937_64 random{1};
    adjacency::PublicKey key;
    for (auto& b : key.bytes) b = static_cast<std::uint8_t>(random());
    key.bytes[31] &= 0x7f;
    return to_base64(key);
}

struct Fixture {
    bool until(const std::function<bool()>& done) { return support::until(context, done); }
    // The interfaces as rtnetlink would tell them; wireguard may not include kernel.
    void links(const char* kind = "tun") {
        std::vector<adjacency::Link> out;
        for (const auto* const name : {"wg0", "wg1"}) {
            const auto index = ::if_nametoindex(name);
            if (index == 0) continue;
            auto& link = out.emplace_back();
            link.index.value = index;
            link.name = name;
            link.kind = kind;
        }
        devices.on_links(out);
    }
    const adjacency::Device* wg0() const { return now.empty() ? nullptr : &now.front(); }
    const adjacency::Peer* find(const std::string& key) const {
        if (wg0() == nullptr) return nullptr;
        const auto at = std::ranges::find(wg0()->peers, *adjacency::PublicKey::from_base64(key), &adjacency::Peer::key);
        return at == wg0()->peers.end() ? nullptr : &*at;
    }

    support::PrivateNet net;
    boost::asio::io_context context{1};
    std::vector<adjacency::Device> now;
    wireguard::Devices devices{context, [this](std::vector<adjacency::Device> all) { now = std::move(all); },
                               wireguard::Devices::default_uapi_folder,
                               wireguard::Devices::Pace{.often = 100ms, .time_limit = 500ms}};
};

}  // namespace

TEST_CASE("peers added, moved, re-keyed and removed with `wg set` are followed" * doctest::skip(!support::is_root())) {
    Fixture f;
    const WireguardGo wireguard{"wg0"};
    const auto a = random_key(), b = random_key();
    sh("umask 077; wg genkey > /run/key && wg set wg0 listen-port 51820 private-key /run/key peer " + a +
       " endpoint 192.0.2.1:7 persistent-keepalive 25 allowed-ips 10.0.0.1/32,fd00::1/128");
    f.links();
    REQUIRE(f.until([&] { return f.find(a) != nullptr; }));
    CHECK(f.wg0()->listen_port == 51820);
    CHECK(to_string(f.find(a)->endpoint.value()) == "192.0.2.1:7");
    CHECK(f.find(a)->persistent_keepalive == 25);
    CHECK(f.find(a)->allowed_ips.size() == 2);
    CHECK_FALSE(f.find(a)->latest_handshake);

    sh("wg set wg0 peer " + a + " endpoint [2001:db8::1]:8 allowed-ips 10.0.0.2/32");
    CHECK(f.until([&] { return to_string(f.find(a)->endpoint.value()) == "[2001:db8::1]:8"; }));
    CHECK(f.find(a)->allowed_ips == std::vector{*base::Prefix::parse("10.0.0.2")});
    sh("wg set wg0 peer " + a + " remove peer " + b + " allowed-ips 10.0.0.2/32");
    f.devices.refresh("wg0");
    CHECK(f.until([&] { return f.find(a) == nullptr && f.find(b) != nullptr; }));
    CHECK_FALSE(f.find(b)->endpoint);
    CHECK(f.devices.problems().empty());
}

TEST_CASE("500 peers of one device are all found, with all their allowed-ips" * doctest::skip(!support::is_root())) {
    Fixture f;
    const WireguardGo wireguard{"wg0"};
    {
        std::ofstream config{"/run/wg0.conf"};
        for (int i = 0; i < 500; ++i) {
            config << "[Peer]\nPublicKey = " << random_key() << "\nAllowedIPs = ";
            for (int j = 0; j < 5; ++j) config << (j > 0 ? ", " : "") << "10." << i / 250 << "." << i % 250 << "." << j;
            config << "\n";
        }
    }
    sh("wg setconf wg0 /run/wg0.conf");
    f.links();
    REQUIRE(f.until([&] { return f.wg0() != nullptr && f.wg0()->peers.size() == 500; }));
    CHECK(std::ranges::all_of(f.wg0()->peers, [](const adjacency::Peer& p) { return p.allowed_ips.size() == 5; }));
}

TEST_CASE("an interface that ends and starts again under another index is followed, peers and all" *
          doctest::skip(!support::is_root())) {
    Fixture f;
    std::optional<WireguardGo> wireguard{"wg0"};
    const auto a = random_key();
    sh("wg set wg0 peer " + a);
    f.links();
    REQUIRE(f.until([&] { return f.find(a) != nullptr; }));
    const auto index = f.wg0()->index;
    wireguard.reset();
    f.links();
    CHECK(f.until([&] { return f.now.empty(); }));
    sh("rm -f /run/wireguard/wg0.sock && ip link add filler type veth peer name filler2");
    wireguard.emplace("wg0");
    sh("wg set wg0 peer " + a);
    f.links();
    REQUIRE(f.until([&] { return f.find(a) != nullptr; }));
    CHECK(f.wg0()->index != index);
}

TEST_CASE("a stopped process is a problem that is told, and its peers stand; a continued one answers again" *
          doctest::skip(!support::is_root())) {
    Fixture f;
    const WireguardGo wireguard{"wg0"};
    const auto a = random_key();
    sh("wg set wg0 peer " + a);
    f.links();
    REQUIRE(f.until([&] { return f.find(a) != nullptr; }));
    ::kill(wireguard.pid(), SIGSTOP);
    REQUIRE(f.until([&] { return !f.devices.problems().empty(); }));
    CHECK(f.devices.problems().front().find("wg0: no answer in time") == 0);
    CHECK(f.find(a) != nullptr);
    ::kill(wireguard.pid(), SIGCONT);
    CHECK(f.until([&] { return f.devices.problems().empty(); }));
}

namespace {

bool kernel_has_wireguard() {
    static const bool has =
        support::is_root() && ::system("unshare -n ip link add wg0 type wireguard 2>/dev/null") == 0;
    return has;
}

}  // namespace

TEST_CASE("in-kernel devices by generic netlink: peers, a peer too large for one message, changes, and the end" *
          doctest::skip(!kernel_has_wireguard())) {
    Fixture f;
    const auto large = random_key();
    sh("ip link add wg0 type wireguard && ip link add wg1 type wireguard && umask 077; wg genkey > /run/key && wg set "
       "wg0 "
       "listen-port 51820 private-key /run/key");
    {
        std::ofstream config{"/run/wg0.conf"};
        for (int i = 0; i < 300; ++i)
            config << "[Peer]\nPublicKey = " << random_key() << "\nEndpoint = 192.0.2.1:" << i + 1
                   << "\nAllowedIPs = 10.0." << i / 250 << "." << i % 250 << "/32\n";
        config << "[Peer]\nPublicKey = " << large << "\nEndpoint = [2001:db8::1]:7\nAllowedIPs = ";
        for (int i = 0; i < 5000; ++i) config << (i > 0 ? ", " : "") << "10.1." << i / 250 << "." << i % 250 << "/32";
        config << "\n";
    }
    sh("wg addconf wg0 /run/wg0.conf");
    f.links("wireguard");
    REQUIRE(f.until([&] { return f.now.size() == 2 && f.now[0].peers.size() == 301; }));
    CHECK(f.now[0].interface == "wg0");
    CHECK(f.now[0].index.value == ::if_nametoindex("wg0"));
    CHECK(f.now[0].listen_port == 51820);
    CHECK(f.now[1].peers.empty());
    REQUIRE(f.find(large) != nullptr);
    CHECK(f.find(large)->allowed_ips.size() == 5000);
    CHECK(to_string(f.find(large)->endpoint.value()) == "[2001:db8::1]:7");
    sh("wg set wg0 peer " + large + " remove");
    f.devices.refresh("wg0");
    CHECK(f.until([&] { return f.now[0].peers.size() == 300; }));
    CHECK(f.devices.problems().empty());
    // Gone, and nobody has said so yet: what it showed stands, with the problem told.
    sh("ip link del wg0");
    f.devices.refresh("wg0");
    CHECK(f.until([&] { return !f.devices.problems().empty(); }));
    CHECK(f.now.size() == 2);
    f.links("wireguard");
    CHECK(f.until([&] { return f.now.size() == 1; }));
    CHECK(f.devices.problems().empty());
}
