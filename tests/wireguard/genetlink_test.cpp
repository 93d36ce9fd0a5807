#include "wireguard/genetlink.hpp"

#include <doctest/doctest.h>
#include <linux/genetlink.h>
#include <linux/wireguard.h>
#include <netinet/in.h>

#include "support/netlink_bytes.hpp"

using namespace support;
using wireguard::DeviceDump;
using wireguard::GenetlinkRefusal;

namespace {

const Buffer header = raw(genlmsghdr{WG_CMD_GET_DEVICE, 1, 0});
Buffer key(std::uint8_t fill) { return Buffer(32, std::byte{fill}); }
Buffer in_peer(const Buffer& attributes) { return nested(0, attributes); }
Buffer ip(const char* text) {
    const auto address = base::IpAddress::parse(text).value();
    return {address.data().begin(), address.data().end()};
}
Buffer allowed(int family, const char* address, std::uint8_t length) {
    return nested(0, attribute(WGALLOWEDIP_A_FAMILY, raw(static_cast<std::uint16_t>(family))) +
                         attribute(WGALLOWEDIP_A_IPADDR, ip(address)) +
                         attribute(WGALLOWEDIP_A_CIDR_MASK, raw(length)));
}
Buffer endpoint4(const char* address, std::uint16_t port) {
    sockaddr_in out{};
    out.sin_family = AF_INET;
    out.sin_port = htons(port);
    std::memcpy(&out.sin_addr, ip(address).data(), 4);
    return attribute(WGPEER_A_ENDPOINT, raw(out));
}
Buffer endpoint6(const char* address, std::uint16_t port, std::uint32_t scope = 0) {
    sockaddr_in6 out{};
    out.sin6_scope_id = scope;
    out.sin6_family = AF_INET6;
    out.sin6_port = htons(port);
    std::memcpy(&out.sin6_addr, ip(address).data(), 16);
    return attribute(WGPEER_A_ENDPOINT, raw(out));
}
Buffer handshake(std::int64_t seconds, std::int64_t nanoseconds) {
    return attribute(WGPEER_A_LAST_HANDSHAKE_TIME, raw(seconds) + raw(nanoseconds));
}
// The order and the choice of attributes are the kernel's (get_peer in drivers/net/wireguard/netlink.c tells them so).
Buffer peer(std::uint8_t fill, const Buffer& more, const Buffer& allowed_ips) {
    return in_peer(attribute(WGPEER_A_PUBLIC_KEY, key(fill)) + attribute(WGPEER_A_PRESHARED_KEY, key(0xee)) + more +
                   nested(WGPEER_A_ALLOWEDIPS, allowed_ips) +
                   attribute(WGPEER_A_PROTOCOL_VERSION, raw(std::uint32_t{1})));
}
Buffer continued(std::uint8_t fill, const Buffer& allowed_ips) {
    return in_peer(attribute(WGPEER_A_PUBLIC_KEY, key(fill)) + nested(WGPEER_A_ALLOWEDIPS, allowed_ips));
}
Buffer device_part(const Buffer& peers) {
    return header + attribute(WGDEVICE_A_LISTEN_PORT, raw(std::uint16_t{51820})) +
           attribute(WGDEVICE_A_FWMARK, raw(std::uint32_t{0})) + attribute(WGDEVICE_A_IFINDEX, raw(std::uint32_t{7})) +
           attribute(WGDEVICE_A_IFNAME, text("wg0")) + attribute(WGDEVICE_A_PRIVATE_KEY, key(0xdd)) +
           attribute(WGDEVICE_A_PUBLIC_KEY, key(0xcc)) + nested(WGDEVICE_A_PEERS, peers);
}
Buffer further_part(const Buffer& peers) { return header + nested(WGDEVICE_A_PEERS, peers); }
std::optional<GenetlinkRefusal> refusal(const Buffer& peer_attributes) {
    return DeviceDump{}.take(further_part(in_peer(peer_attributes)));
}

}  // namespace

TEST_CASE("a message becomes a device with its peers, each attribute at its place") {
    DeviceDump dump;
    REQUIRE_FALSE(dump.take(device_part(
        peer(1,
             endpoint4("192.0.2.1", 51821) + attribute(WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, raw(std::uint16_t{25})) +
                 handshake(1'700'000'000, 5) + attribute(WGPEER_A_RX_BYTES, raw(~std::uint64_t{0})) +
                 attribute(WGPEER_A_TX_BYTES, raw(std::uint64_t{8})),
             allowed(AF_INET, "10.0.0.0", 8) + allowed(AF_INET6, "fd00::1", 128)) +
        peer(2, endpoint6("2001:db8::1", 65535) + handshake(0, 0), {}))));
    const auto device = dump.take_device();
    CHECK(device.index.value == 7);
    CHECK(device.interface == "wg0");
    CHECK(device.listen_port == 51820);
    REQUIRE(device.peers.size() == 2);
    const auto& a = device.peers[0];
    CHECK(a.key.bytes[0] == 1);
    CHECK(to_string(a.endpoint.value()) == "192.0.2.1:51821");
    CHECK(a.persistent_keepalive == 25);
    CHECK(a.latest_handshake == base::WallTime{std::chrono::nanoseconds{1'700'000'000'000'000'005}});
    CHECK(a.rx_bytes == ~0ULL);
    CHECK(a.tx_bytes == 8);
    CHECK(a.allowed_ips == std::vector{*base::Prefix::parse("10.0.0.0/8"), *base::Prefix::parse("fd00::1/128")});
    CHECK(to_string(device.peers[1].endpoint.value()) == "[2001:db8::1]:65535");
    CHECK_FALSE(device.peers[1].latest_handshake);
}

TEST_CASE(
    "a peer that the next part continues is one peer, with all its allowed-ips in order and its first attributes") {
    DeviceDump dump;
    REQUIRE_FALSE(dump.take(device_part(
        peer(1, {}, {}) + peer(2, endpoint4("192.0.2.1", 9) + handshake(9, 0), allowed(AF_INET, "10.0.0.1", 32)))));
    REQUIRE_FALSE(dump.take(further_part(continued(2, allowed(AF_INET, "10.0.0.2", 32)))));
    REQUIRE_FALSE(dump.take(
        further_part(continued(2, allowed(AF_INET, "10.0.0.3", 32)) + peer(3, endpoint4("192.0.2.3", 9), {}))));
    const auto device = dump.take_device();
    REQUIRE(device.peers.size() == 3);
    CHECK(device.interface == "wg0");
    CHECK(device.peers[1].endpoint.has_value());
    CHECK(device.peers[1].latest_handshake.has_value());
    CHECK(device.peers[1].allowed_ips == std::vector{*base::Prefix::parse("10.0.0.1"), *base::Prefix::parse("10.0.0.2"),
                                                     *base::Prefix::parse("10.0.0.3")});
    CHECK(device.peers[2].allowed_ips.empty());
}

TEST_CASE("a device without peers, and attributes a newer kernel adds, are no trouble") {
    DeviceDump dump;
    REQUIRE_FALSE(dump.take(header + attribute(WGDEVICE_A_IFNAME, text("wg0")) + attribute(99, raw(std::uint64_t{1}))));
    REQUIRE_FALSE(dump.take(header));
    CHECK(dump.take_device().peers.empty());
    CHECK_FALSE(refusal(attribute(WGPEER_A_PUBLIC_KEY, key(1)) + attribute(99, key(1))));
}

TEST_CASE("each refusal has its reason") {
    const auto with_key = attribute(WGPEER_A_PUBLIC_KEY, key(1));
    CHECK(DeviceDump{}.take(base::Bytes{header}.first(3)) == GenetlinkRefusal::truncated);
    CHECK(refusal({}) == GenetlinkRefusal::bad_public_key);
    CHECK(refusal(attribute(WGPEER_A_PUBLIC_KEY, Buffer(31))) == GenetlinkRefusal::bad_public_key);
    CHECK(refusal(attribute(WGPEER_A_PUBLIC_KEY, Buffer(33))) == GenetlinkRefusal::bad_public_key);
    CHECK(refusal(with_key + attribute(WGPEER_A_ENDPOINT, Buffer(15))) == GenetlinkRefusal::bad_endpoint);
    CHECK(refusal(with_key + attribute(WGPEER_A_ENDPOINT, Buffer(28))) == GenetlinkRefusal::bad_endpoint);  // AF_UNSPEC
    CHECK(refusal(with_key + attribute(WGPEER_A_RX_BYTES, raw(std::uint32_t{1}))) == GenetlinkRefusal::bad_number);
    CHECK(refusal(with_key + handshake(-1, 0)) == GenetlinkRefusal::bad_number);
    CHECK(refusal(with_key + handshake(0, 1'000'000'000)) == GenetlinkRefusal::bad_number);
    CHECK(refusal(with_key + handshake(std::numeric_limits<std::int64_t>::max(), 0)) == GenetlinkRefusal::bad_number);
    const auto list = [&](const Buffer& one) { return refusal(with_key + nested(WGPEER_A_ALLOWEDIPS, one)); };
    CHECK_FALSE(list(allowed(AF_INET, "10.0.0.1", 32)));
    CHECK(list(allowed(AF_INET, "10.0.0.1", 33)) == GenetlinkRefusal::bad_allowed_ip);
    CHECK(list(allowed(AF_INET6, "10.0.0.1", 32)) == GenetlinkRefusal::bad_allowed_ip);
    CHECK(list(nested(0, {})) == GenetlinkRefusal::bad_allowed_ip);
}

TEST_CASE("every byte string cut from a dump decodes or is refused, and nothing is read beyond it") {
    const auto whole =
        device_part(peer(1, endpoint6("2001:db8::1", 1) + handshake(1, 1), allowed(AF_INET, "10.0.0.1", 8)));
    for (std::size_t n = 0; n <= whole.size(); ++n) {
        const Buffer cut{whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(n)};  // its own memory, for ASan
        (void)DeviceDump{}.take(cut);
    }
}

TEST_CASE("the family's id is found among the controller's attributes") {
    const auto ctrl = raw(genlmsghdr{CTRL_CMD_NEWFAMILY, 2, 0});
    CHECK(wireguard::family_id(ctrl + attribute(CTRL_ATTR_FAMILY_NAME, text("wireguard")) +
                               attribute(CTRL_ATTR_FAMILY_ID, raw(std::uint16_t{31}))) == 31);
    CHECK_FALSE(wireguard::family_id(ctrl));
    CHECK_FALSE(wireguard::family_id({}));
}

TEST_CASE("the interface that a link-local endpoint is behind") {
    DeviceDump dump;
    REQUIRE(!dump.take(device_part(peer(1, endpoint6("fe80::2", 7, 3), {}))));
    CHECK(dump.take_device().peers.at(0).endpoint ==
          base::Endpoint{base::IpAddress::parse("fe80::2").value(), 7, base::IfIndex{3}});
}
