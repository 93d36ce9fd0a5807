// Changes of one peer, as bytes for the kernel and as text for a userspace WireGuard.
#include <doctest/doctest.h>

#include <linux/genetlink.h>
#include <linux/wireguard.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "io/netlink_message.hpp"
#include "wireguard/genetlink.hpp"
#include "wireguard/name_cache.hpp"
#include "wireguard/set_peer.hpp"
#include "wireguard/uapi.hpp"

using namespace std::chrono_literals;

namespace {

adjacency::Peer peer(std::uint16_t keepalive) {
    adjacency::Peer out;
    out.key.bytes.fill(0xab);
    out.endpoint = base::Endpoint{*base::IpAddress::parse("192.0.2.1"), 51820};
    out.persistent_keepalive = keepalive;
    out.allowed_ips = {*base::Prefix::parse("10.8.0.1/32"), *base::Prefix::parse("2001:db8::/32")};
    return out;
}

struct Change {
    std::uint32_t flags = 0;
    std::vector<std::string> parts;
    friend bool operator==(const Change&, const Change&) = default;
};

// What a message does to its peers, in order.
std::vector<Change> changes(const std::vector<std::byte>& message) {
    std::vector<Change> out;
    base::Bytes rest{message};
    const auto whole = io::next_message(rest);
    REQUIRE(whole);
    CHECK(rest.empty());
    CHECK(whole->type == 33);
    CHECK(whole->flags == (NLM_F_REQUEST | NLM_F_ACK));
    CHECK(io::leading<genlmsghdr>(whole->payload)->cmd == WG_CMD_SET_DEVICE);
    auto attributes = whole->payload.subspan(GENL_HDRLEN);
    while (const auto a = io::next_attribute(attributes)) {
        if (a->type == WGDEVICE_A_IFNAME) CHECK(io::text_of(a->value) == "wg0");
        if (a->type != WGDEVICE_A_PEERS) continue;
        for (auto list = a->value; const auto entry = io::next_attribute(list);) {
            auto& change = out.emplace_back();
            for (auto inner = entry->value; const auto each = io::next_attribute(inner);) {
                if (each->type == WGPEER_A_FLAGS) change.flags = *io::leading<std::uint32_t>(each->value);
                if (each->type == WGPEER_A_PRESHARED_KEY) change.parts.push_back("psk");
                if (each->type == WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL)
                    change.parts.push_back("keepalive " + std::to_string(*io::leading<std::uint16_t>(each->value)));
            }
        }
    }
    return out;
}

using Parts = std::vector<std::string>;

}  // namespace

TEST_CASE("keep: the endpoint, and a keepalive at once, whatever the persistent one is; the peer must be there") {
    using enum wgpeer_flag;
    const auto off = changes(wireguard::compose_keep(33, "wg0", peer(0)));
    CHECK(off == std::vector<Change>{{WGPEER_F_UPDATE_ONLY, {}},
                                     {WGPEER_F_UPDATE_ONLY, {"keepalive 1"}},
                                     {WGPEER_F_UPDATE_ONLY, {"keepalive 0"}}});
    const auto on = changes(wireguard::compose_keep(33, "wg0", peer(25)));
    CHECK(on == std::vector<Change>{{WGPEER_F_UPDATE_ONLY, {}},
                                    {WGPEER_F_UPDATE_ONLY, {"keepalive 0"}},
                                    {WGPEER_F_UPDATE_ONLY, {"keepalive 25"}}});
}

TEST_CASE("fresh: removed and made again in one message, with all that it had") {
    wireguard::PresharedKey psk{};
    psk.fill(std::byte{7});
    const auto messages = wireguard::compose_fresh(33, "wg0", peer(0), psk);
    REQUIRE(messages.size() == 1);
    CHECK(changes(messages[0]) == std::vector<Change>{{WGPEER_F_REMOVE_ME, {}},
                                                      {0, {"psk"}},
                                                      {WGPEER_F_UPDATE_ONLY, {"keepalive 1"}},
                                                      {WGPEER_F_UPDATE_ONLY, {"keepalive 0"}}});
    // Read as a dump, its parts are the peer again.
    wireguard::DeviceDump dump;
    base::Bytes rest{messages[0]};
    const auto whole = io::next_message(rest);
    REQUIRE(!dump.take(whole->payload));
    auto device = dump.take_device();
    REQUIRE(!device.peers.empty());
    CHECK(device.peers[0].key == peer(0).key);
    CHECK(device.peers[0].allowed_ips == peer(0).allowed_ips);
    CHECK(wireguard::preshared_key(whole->payload, peer(0).key) == psk);
    CHECK(!wireguard::preshared_key(whole->payload, {}));
}

TEST_CASE("a peer that allows more than a message holds takes several, none too long, and loses none") {
    auto wide = peer(25);
    wide.allowed_ips.clear();
    for (int i = 0; i < 2'500; ++i)
        wide.allowed_ips.push_back(
            *base::Prefix::parse("2001:db8:" + std::to_string(i % 1000) + ":" + std::to_string(i / 1000) + "::/64"));
    const auto messages = wireguard::compose_fresh(33, "wg0", wide, {});
    CHECK(messages.size() == 3);
    wireguard::DeviceDump dump;
    for (const auto& message : messages) {
        CHECK(message.size() < 65'000);
        base::Bytes rest{message};
        REQUIRE(!dump.take(io::next_message(rest)->payload));
    }
    CHECK(dump.take_device().peers[0].allowed_ips == wide.allowed_ips);
}

TEST_CASE("a link-local endpoint keeps the interface that it is behind") {
    auto local = peer(0);
    local.endpoint = base::Endpoint{*base::IpAddress::parse("fe80::2"), 7, base::IfIndex{3}};
    const auto written = [](const std::vector<std::byte>& message) {
        wireguard::DeviceDump dump;
        base::Bytes rest{message};
        REQUIRE(!dump.take(io::next_message(rest)->payload));
        std::optional<base::Endpoint> out;
        for (const auto& each : dump.take_device().peers)
            if (each.endpoint) out = each.endpoint;
        return out;
    };
    CHECK(written(wireguard::compose_keep(33, "wg0", local)) == local.endpoint);
    CHECK(wireguard::compose_keep(local).find("\nendpoint=[fe80::2%3]:7\n") != std::string::npos);
    CHECK(wireguard::compose_fresh(local, {}).find("\nendpoint=[fe80::2%3]:7\n") != std::string::npos);
    // Removed and made again, a peer stands twice in what is read as a dump: its endpoint is with the second.
    const auto fresh = wireguard::compose_fresh(33, "wg0", local, {});
    const sockaddr_in6 in = [] {
        sockaddr_in6 out{};
        out.sin6_family = AF_INET6;
        out.sin6_port = htons(7);
        out.sin6_scope_id = 3;
        const auto address = *base::IpAddress::parse("fe80::2");
        std::memcpy(&out.sin6_addr, address.bytes.data(), sizeof out.sin6_addr);
        return out;
    }();
    const auto bytes = std::as_bytes(std::span{&in, 1});
    CHECK(std::search(fresh[0].begin(), fresh[0].end(), bytes.begin(), bytes.end()) != fresh[0].end());
}

TEST_CASE("the same as text, for a userspace WireGuard") {
    const std::string key = "public_key=" + std::string(64, 'x');
    const auto text = [&](std::string all) {
        for (std::size_t at; (at = all.find(wireguard::to_hex(peer(0).key))) != std::string::npos;)
            all.replace(at, 64, std::string(64, 'x'));
        return all;
    };
    CHECK(text(wireguard::compose_keep(peer(0))) == "set=1\n" + key + "\nupdate_only=true\nendpoint=192.0.2.1:51820\n" +
                                                        key + "\nupdate_only=true\npersistent_keepalive_interval=1\n" +
                                                        key +
                                                        "\nupdate_only=true\npersistent_keepalive_interval=0\n\n");
    wireguard::PresharedKey psk{};
    psk[31] = std::byte{0x1f};
    CHECK(text(wireguard::compose_fresh(peer(25), psk)) ==
          "set=1\n" + key + "\nremove=true\n" + key + "\npreshared_key=" + std::string(62, '0') +
              "1f\nendpoint=192.0.2.1:51820\nallowed_ip=10.8.0.1/32\nallowed_ip=2001:db8::/32\n" + key +
              "\nupdate_only=true\npersistent_keepalive_interval=25\n\n");
    auto gone = peer(25);
    gone.endpoint.reset();
    CHECK(wireguard::compose_fresh(gone, psk).find("endpoint=") == std::string::npos);
}

TEST_CASE("the preshared key in an answer is its own peer's") {
    const auto mine = wireguard::to_hex(peer(0).key);
    const auto other = std::string(64, '1');
    const auto answer = "private_key=" + std::string(64, '9') + "\npublic_key=" + other +
                        "\npreshared_key=" + std::string(64, '2') + "\npublic_key=" + mine +
                        "\nallowed_ip=10.0.0.1/32\npreshared_key=" + std::string(62, '0') + "aa\nerrno=0\n\n";
    auto psk = wireguard::preshared_key(answer, peer(0).key);
    REQUIRE(psk);
    CHECK((*psk)[31] == std::byte{0xaa});
    CHECK(wireguard::preshared_key(
              "public_key=" + mine + "\npublic_key=" + other + "\npreshared_key=" + std::string(64, '2') + "\n",
              peer(0).key) == wireguard::PresharedKey{});
    CHECK(!wireguard::preshared_key("public_key=" + other + "\n", peer(0).key));
}

TEST_CASE("what a look-up prints: addresses, and a time to live where there is one") {
    using wireguard::parse_looked;
    const auto looked = parse_looked("192.0.2.1\n192.0.2.1\n2001:db8::1\nfe80::1\nttl 60\n");
    REQUIRE(looked);
    CHECK(looked->addresses.size() == 2);
    CHECK(looked->ttl == 60s);
    for (const auto* text : {"", "ttl 60\n", "Name or service not known", "192.0.2.1\nttl x\n", "0.0.0.0\n"})
        CHECK(!parse_looked(text));
}

TEST_CASE("a name is looked up when its time has come, at once when a peer is not heard, and keeps what it had") {
    wireguard::NameCache names;
    const auto at = [](base::Duration elapsed) { return base::TimePoint{} + elapsed; };
    const auto answer = wireguard::parse_looked("192.0.2.1\nttl 60\n");
    names.want({"vpn"});
    CHECK(names.due(at(0s), {}) == std::vector<std::string>{"vpn"});
    CHECK(names.due(at(1s), {"vpn"}).empty());  // it is being asked
    CHECK(names.on_answer(at(1s), "vpn", answer, 300s));
    CHECK(names.deadline() == at(61s));
    CHECK(names.due(at(60s), {}).empty());
    CHECK(names.due(at(9s), {"vpn"}).empty());
    CHECK(names.due(at(10s), {"vpn"}).size() == 1);
    CHECK(!names.on_answer(at(15s), "vpn", std::nullopt, 300s));
    CHECK(names.addresses("vpn").size() == 1);
    CHECK(names.unknown().empty());
    CHECK(names.deadline() == at(45s));
    names.want({"other"});
    CHECK(names.addresses("vpn").empty());
    names.due(at(50s), {});
    names.on_answer(at(50s), "other", std::nullopt, 300s);
    CHECK(names.unknown() == std::vector<std::string>{"other"});
}

TEST_CASE("so many names are looked up at once and no more: urgent ones first, then whoever has waited longest") {
    wireguard::NameCache names;
    const auto at = [](base::Duration elapsed) { return base::TimePoint{} + elapsed; };
    const auto answer = wireguard::parse_looked("192.0.2.1\nttl 10\n");
    std::set<std::string> all;
    for (char c = 'a'; c <= 't'; ++c) all.insert(std::string(1, c));
    names.want(all);
    const auto begun = names.due(at(0s), {"t"});
    CHECK(begun == std::vector<std::string>{"t", "a", "b", "c", "d", "e", "f", "g"});
    CHECK(names.due(at(0s), {"s"}).empty());
    CHECK(names.deadline() == base::never);
    for (const auto* name : {"a", "b"}) names.on_answer(at(1s), name, answer, 300s);
    CHECK(names.deadline() <= at(1s));
    CHECK(names.due(at(1s), {"s"}) == std::vector<std::string>{"s", "h"});
    for (const auto* name : {"c", "d"}) names.on_answer(at(2s), name, std::nullopt, 300s);
    CHECK(names.due(at(20s), {}) == std::vector<std::string>{"i", "j"});  // before "a", whose time has come again
}
