// Neighbours of the routing daemon as a source of addresses: on which interface they stand, and whose address they are.
#include "adjacency/neighbor.hpp"

#include <doctest/doctest.h>

#include "adjacency/resolve.hpp"

namespace {

base::IpAddress ip(std::string_view text) {
    if (text.empty()) return {};
    return base::IpAddress::parse(text).value();
}

adjacency::LinkAddress own(std::string_view prefix) {
    const auto parsed = base::Prefix::parse(prefix).value();
    return {parsed.address, {}, parsed.length, false};
}

adjacency::Link link(std::string name, std::vector<std::string_view> addresses) {
    adjacency::Link out;
    out.index = {7};
    out.name = std::move(name);
    for (const auto text : addresses) out.addresses.push_back(own(text));
    return out;
}

adjacency::Peer peer(std::uint8_t number, std::vector<std::string_view> allowed_ips) {
    adjacency::Peer out;
    out.key.bytes[0] = number;
    for (const auto text : allowed_ips) out.allowed_ips.push_back(base::Prefix::parse(text).value());
    return out;
}

adjacency::Neighbor heard(std::string_view remote, std::string_view local = "") {
    return {.interface = "wg0", .local = ip(local), .remote = ip(remote), .direct = true, .heard = true};
}
adjacency::Neighbor configured(std::string_view remote) {
    return {.interface = "wg0", .local = {}, .remote = ip(remote), .direct = true, .heard = false};
}
adjacency::Neighbor nowhere(std::string_view remote, std::string_view local = "", bool direct = true) {
    return {.interface = "", .local = ip(local), .remote = ip(remote), .direct = direct, .heard = !local.empty()};
}

// What the first peer's address is. wg0 has 10.8.0.1/24 and fe80::1/64.
struct Tunnel {
    std::vector<adjacency::Peer> peers{peer(1, {"0.0.0.0/0", "::/0"})};
    std::optional<adjacency::Addresses> present{};
    std::vector<std::string_view> addresses{"10.8.0.1/24", "fe80::1/64"};

    std::string with(const std::vector<adjacency::Neighbor>& neighbors) const {
        const auto wg0 = link("wg0", addresses);
        const adjacency::Device device{.index = {7}, .interface = "wg0", .listen_port = 51820, .peers = peers};
        const auto found = resolve(wg0, device, peers.front(), std::nullopt, {neighbors, present});
        if (!found) return std::string{to_string(found.error().step)};
        return to_string(found->local) + " " + to_string(found->remote) + " " + std::string{to_string(found->source)};
    }
    Tunnel having(std::string_view local, std::string_view remote) const {
        auto out = *this;
        out.present = adjacency::Addresses{ip(local), ip(remote), adjacency::AddressSource::routing};
        return out;
    }
};

}  // namespace

TEST_CASE("a neighbour stands where its daemon says") {
    const std::vector links{link("eth0", {"10.8.0.1/24"}), link("wg0", {"10.9.0.1/24"})};
    CHECK(interface_of(heard("10.8.0.2"), links) == "wg0");
    CHECK(interface_of(heard("fe80::2"), {}) == "wg0");
}

TEST_CASE("else on the link whose prefix holds it, the longest of them") {
    const std::vector links{link("eth0", {"10.8.0.1/16"}), link("wg0", {"10.8.7.1/24"}), link("wg1", {"10.9.0.1/24"})};
    CHECK(interface_of(nowhere("10.8.7.2"), links) == "wg0");
    CHECK(interface_of(nowhere("10.8.8.2"), links) == "eth0");
    CHECK(interface_of(nowhere("10.8.7.2", "10.8.0.1"), links) == "eth0");  // it is spoken to from there
    CHECK(interface_of(nowhere("10.7.0.2"), links).empty());
    CHECK(interface_of(nowhere("2001:db8::2"), links).empty());
}

TEST_CASE("else on the link it is spoken to from, when it is one hop away") {
    const std::vector links{link("wg0", {"172.20.0.1/32"}), link("lo", {"127.0.0.1/8"})};
    CHECK(interface_of(nowhere("172.20.9.9", "172.20.0.1"), links) == "wg0");
    CHECK(interface_of(nowhere("172.20.9.9", "172.20.0.1", false), links).empty());  // iBGP: it may be anywhere
    CHECK(interface_of(nowhere("172.20.9.9"), links).empty());
}

TEST_CASE("on none when more than one would do") {
    const std::vector links{link("wg0", {"172.20.0.1/32"}), link("wg1", {"172.20.0.1/32"})};
    CHECK(interface_of(nowhere("172.20.9.9", "172.20.0.1"), links).empty());
    const std::vector same{link("wg0", {"10.8.0.1/24"}), link("wg1", {"10.8.0.3/24"})};
    CHECK(interface_of(nowhere("10.8.0.2"), same).empty());
    CHECK(interface_of(nowhere("10.8.0.2", "10.8.0.3"), same) == "wg1");
}

TEST_CASE("the interface of a link-local neighbour is known to its daemon alone") {
    const std::vector links{link("wg0", {"fe80::1/64"})};
    CHECK(interface_of(nowhere("fe80::2", "fe80::1"), links).empty());
}

TEST_CASE("the one neighbour of a one-peer interface is the peer, after all other rules") {
    const Tunnel tunnel;
    CHECK(tunnel.with({}) == "no-candidate");
    CHECK(tunnel.with({heard("10.8.0.2")}) == "10.8.0.1 10.8.0.2 routing");
    CHECK(tunnel.with({heard("fe80::2")}) == "fe80::1 fe80::2 routing");
    auto by_allowed_ips = tunnel;
    by_allowed_ips.peers = {peer(1, {"10.8.0.9/32", "::/0"})};
    CHECK(by_allowed_ips.with({heard("fe80::2")}) == "10.8.0.1 10.8.0.9 allowed-ips");
}

TEST_CASE("a neighbour of each kind is one peer: IPv4 first, then global IPv6, then link-local") {
    const Tunnel tunnel{.addresses = {"10.8.0.1/24", "2001:db8::1/64", "fe80::1/64"}};
    CHECK(tunnel.with({heard("fe80::2"), heard("2001:db8::2"), heard("10.8.0.2")}) == "10.8.0.1 10.8.0.2 routing");
    CHECK(tunnel.with({heard("fe80::2"), heard("2001:db8::2")}) == "2001:db8::1 2001:db8::2 routing");
}

TEST_CASE("one that is heard counts before one that is only configured; two of a kind are none") {
    const Tunnel tunnel;
    CHECK(tunnel.with({heard("10.8.0.2"), configured("10.8.0.3")}) == "10.8.0.1 10.8.0.2 routing");
    CHECK(tunnel.with({configured("10.8.0.3")}) == "10.8.0.1 10.8.0.3 routing");
    CHECK(tunnel.with({heard("fe80::2"), configured("10.8.0.3")}) == "fe80::1 fe80::2 routing");
    CHECK(tunnel.with({heard("10.8.0.2"), heard("10.8.0.3")}) == "several-candidates");
    CHECK(tunnel.with({heard("10.8.0.2"), heard("10.8.0.3"), heard("fe80::2")}) == "fe80::1 fe80::2 routing");
    CHECK(tunnel.with({heard("10.8.0.2", "10.8.0.1"), heard("10.8.0.2")}) == "10.8.0.1 10.8.0.2 routing");
}

TEST_CASE("with several peers a neighbour is the one's whose allowed-ips own its address") {
    Tunnel hub;
    hub.peers = {peer(1, {"10.8.0.0/25"}), peer(2, {"0.0.0.0/0"})};
    CHECK(hub.with({heard("10.8.0.2")}) == "10.8.0.1 10.8.0.2 routing");
    CHECK(hub.with({heard("10.8.0.200")}) == "no-candidate");  // the second one's
    CHECK(hub.with({heard("10.8.0.2"), heard("10.8.0.200")}) == "10.8.0.1 10.8.0.2 routing");
    CHECK(hub.with({heard("10.8.0.2"), heard("10.8.0.3")}) == "several-candidates");
    hub.peers = {peer(1, {"10.9.0.0/16"}), peer(2, {"10.10.0.0/16"})};
    CHECK(hub.with({heard("fe80::2")}) == "no-candidate");
}

TEST_CASE("our own address, a multicast one and none are no neighbour's") {
    const Tunnel tunnel;
    CHECK(tunnel.with({heard("10.8.0.1")}) == "no-candidate");
    CHECK(tunnel.with({heard("224.0.0.5")}) == "no-candidate");
    CHECK(tunnel.with({heard("::")}) == "no-candidate");
    CHECK(tunnel.with({heard("2001:db8::2")}) == "no-local-for-remote");
}

TEST_CASE("the local address is the one the daemon speaks from, where it is the interface's") {
    const Tunnel tunnel{.addresses = {"fe80::9/64", "fe80::1/64"}};
    CHECK(tunnel.with({heard("fe80::2", "fe80::1")}) == "fe80::1 fe80::2 routing");
    CHECK(tunnel.with({heard("fe80::2", "fe80::7")}) == "fe80::9 fe80::2 routing");
    CHECK(tunnel.with({heard("fe80::2"), heard("fe80::2", "fe80::1")}) == "fe80::1 fe80::2 routing");
}

TEST_CASE("what routing gave once stays when the daemon has nothing to say, or says less") {
    const auto tunnel = Tunnel{}.having("fe80::1", "fe80::2");
    CHECK(tunnel.with({}) == "fe80::1 fe80::2 routing");
    CHECK(tunnel.with({configured("fe80::2")}) == "fe80::1 fe80::2 routing");
    CHECK(tunnel.with({heard("10.8.0.2")}) == "fe80::1 fe80::2 routing");  // another kind: bgpd restarts, ospfd goes on
    CHECK(tunnel.with({heard("fe80::2"), heard("fe80::3")}) == "fe80::1 fe80::2 routing");
    CHECK(tunnel.with({configured("fe80::3")}) == "fe80::1 fe80::2 routing");
    CHECK(tunnel.with({heard("fe80::3"), heard("fe80::4")}) == "fe80::1 fe80::2 routing");
}

TEST_CASE("it goes when another neighbour of its kind is heard in its place, or its local address is gone") {
    const auto tunnel = Tunnel{}.having("fe80::1", "fe80::2");
    CHECK(tunnel.with({heard("fe80::3")}) == "fe80::1 fe80::3 routing");
    CHECK(tunnel.with({heard("fe80::3"), configured("fe80::9")}) == "fe80::1 fe80::3 routing");
    CHECK(Tunnel{}.having("fe80::5", "fe80::2").with({}) == "no-candidate");
}
