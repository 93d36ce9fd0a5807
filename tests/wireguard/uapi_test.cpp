#include "wireguard/uapi.hpp"

#include <doctest/doctest.h>

#include <string>

using wireguard::parse_uapi;
using wireguard::UapiRefusal;

namespace {

const std::string key_a(64, 'a'), key_b(64, '1');

// As wireguard-go 0.0.20220316 answers.
const std::string whole =
    "private_key=e84b5a6d2717c1003a13b431570353dbaca9146cf150c5f8575680feba52027a\n"
    "listen_port=12912\n"
    "fwmark=4711\n"
    "public_key=" +
    key_a +
    "\n"
    "preshared_key=188515093e952f5f22e865cef3012e72f8b5f0b598ac0309d5dacce3b70fcf52\n"
    "protocol_version=1\n"
    "endpoint=[abcd:23::33%2]:51820\n"
    "last_handshake_time_sec=1700000000\n"
    "last_handshake_time_nsec=123456789\n"
    "tx_bytes=38333\n"
    "rx_bytes=2224\n"
    "persistent_keepalive_interval=111\n"
    "allowed_ip=192.168.4.4/32\n"
    "allowed_ip=fd00::/64\n"
    "public_key=" +
    key_b +
    "\n"
    "preshared_key=" +
    std::string(64, '0') +
    "\n"
    "protocol_version=1\n"
    "last_handshake_time_sec=0\n"
    "last_handshake_time_nsec=0\n"
    "tx_bytes=0\n"
    "rx_bytes=0\n"
    "persistent_keepalive_interval=0\n"
    "errno=0\n"
    "\n";

UapiRefusal refusal(const std::string& text) {
    const auto out = parse_uapi(text);
    REQUIRE_FALSE(out.has_value());
    return out.error();
}
// One peer with this line, rightly ended.
std::string peer_with(const std::string& line) { return "public_key=" + key_a + "\n" + line + "\nerrno=0\n\n"; }

}  // namespace

TEST_CASE("a whole answer becomes a device with its peers") {
    const auto device = parse_uapi(whole);
    REQUIRE(device);
    CHECK(device->listen_port == 12912);
    REQUIRE(device->peers.size() == 2);
    const auto& a = device->peers[0];
    CHECK(a.key == *adjacency::PublicKey::from_hex(key_a));
    REQUIRE(a.endpoint);
    CHECK(to_string(*a.endpoint) == "[abcd:23::33%2]:51820");
    CHECK(a.latest_handshake == base::WallTime{std::chrono::nanoseconds{1'700'000'000'123'456'789}});
    CHECK(a.rx_bytes == 2224);
    CHECK(a.tx_bytes == 38333);
    CHECK(a.persistent_keepalive == 111);
    CHECK(a.allowed_ips == std::vector{*base::Prefix::parse("192.168.4.4/32"), *base::Prefix::parse("fd00::/64")});
    const auto& b = device->peers[1];
    CHECK_FALSE(b.endpoint);
    CHECK_FALSE(b.latest_handshake);
    CHECK(b.allowed_ips.empty());
}

TEST_CASE("an answer cut anywhere is truncated, and one that comes in pieces is as good as a whole one") {
    for (std::size_t cut = 0; cut < whole.size(); ++cut) {
        CAPTURE(cut);
        CHECK(refusal(whole.substr(0, cut)) == UapiRefusal::truncated);
    }
    for (std::size_t piece = 1; piece < 200; ++piece) {
        CAPTURE(piece);
        wireguard::UapiParser parser;
        std::string pending;
        for (std::size_t at = 0; at < whole.size(); at += piece) {
            pending += whole.substr(at, piece);
            const auto used = parser.take(pending);
            REQUIRE(used);
            pending.erase(0, *used);
        }
        CHECK(parser.is_done());
        CHECK(parser.take_device() == *parse_uapi(whole));
    }
}

TEST_CASE("what follows the blank line is not read") {
    CHECK(parse_uapi("errno=0\n\ngarbage").has_value());
    wireguard::UapiParser parser;
    CHECK(parser.take("errno=0\n\nxx").value() == 9);
}

TEST_CASE("unknown keys are skipped, wherever they stand") {
    CHECK(parse_uapi("listen_fd=7\nerrno=0\n\n").has_value());
    CHECK(parse_uapi(peer_with("new_in_2030=yes,=really")).has_value());
    CHECK(parse_uapi(peer_with("empty=")).has_value());
}

TEST_CASE("each refusal has its reason") {
    CHECK(refusal("HTTP/1.1 400 Bad Request\r\n\r\n") == UapiRefusal::not_key_value);
    CHECK(refusal("=x\n") == UapiRefusal::not_key_value);
    CHECK(refusal("\n") == UapiRefusal::no_errno);
    CHECK(refusal(peer_with("errno=-22").substr(0, 0) + "errno=1\n\n") == UapiRefusal::errno_nonzero);
    CHECK(refusal("errno=-22\n\n") == UapiRefusal::errno_nonzero);
    CHECK(refusal("errno=x\n\n") == UapiRefusal::bad_number);
    CHECK(refusal("public_key=" + key_a.substr(1) + "\n") == UapiRefusal::bad_public_key);
    CHECK(refusal("public_key=" + key_a.substr(1) + "g\n") == UapiRefusal::bad_public_key);
    CHECK(refusal("rx_bytes=1\n") == UapiRefusal::outside_peer);
    CHECK(refusal("allowed_ip=10.0.0.0/8\n") == UapiRefusal::outside_peer);
    for (const char* bad : {"10.0.0.0/33", "fd00::/129", "10.0.0/8", "", "10.0.0.0/", "10.0.0.0/x"})
        CHECK(refusal(peer_with(std::string{"allowed_ip="} + bad)) == UapiRefusal::bad_allowed_ip);
    for (const char* bad :
         {"", "1.2.3.4", "1.2.3.4:", "1.2.3.4:65536", "fd00::1:5", "[1.2.3.4]:5", "[fd00::1:5", "x:1"})
        CHECK(refusal(peer_with(std::string{"endpoint="} + bad)) == UapiRefusal::bad_endpoint);
}

TEST_CASE("numbers at their largest are taken, one more is refused") {
    const auto peer = [](const std::string& line) { return parse_uapi(peer_with(line)); };
    CHECK(peer("rx_bytes=18446744073709551615")->peers[0].rx_bytes == ~0ULL);
    CHECK_FALSE(peer("rx_bytes=18446744073709551616"));
    CHECK_FALSE(peer("tx_bytes=-1"));
    CHECK_FALSE(peer("tx_bytes= 1"));
    CHECK_FALSE(peer("tx_bytes="));
    CHECK(peer("persistent_keepalive_interval=65535")->peers[0].persistent_keepalive == 65535);
    CHECK_FALSE(peer("persistent_keepalive_interval=65536"));
    CHECK(parse_uapi("listen_port=65535\nerrno=0\n\n")->listen_port == 65535);
    CHECK_FALSE(parse_uapi("listen_port=65536\nerrno=0\n\n"));
    CHECK(peer("last_handshake_time_nsec=999999999")->peers[0].latest_handshake.has_value());
    CHECK_FALSE(peer("last_handshake_time_nsec=1000000000"));
    CHECK(peer("last_handshake_time_sec=9223372035")->peers[0].latest_handshake.has_value());
    CHECK_FALSE(peer("last_handshake_time_sec=9223372036"));
}

TEST_CASE("a line of the greatest length is taken, a longer one refused even before it ends") {
    const auto longest = "x=" + std::string(wireguard::UapiParser::longest_line - 2, 'y');
    CHECK(parse_uapi(longest + "\nerrno=0\n\n").has_value());
    CHECK(refusal(longest + "y\nerrno=0\n\n") == UapiRefusal::line_too_long);
    CHECK(refusal(longest + "y") == UapiRefusal::line_too_long);
    CHECK(refusal(longest) == UapiRefusal::truncated);
}

TEST_CASE("the interface that a link-local endpoint is behind: by its name, or its number") {
    const auto index_of = [](const char* name) { return std::string_view{name} == "eth0" ? 5U : 0U; };
    const auto scope = [&](const char* zone) {
        const auto text = std::string{"[fe80::2%"} + zone + "]:51820";
        return wireguard::parse_endpoint(text, index_of).value().scope.value;
    };
    CHECK(scope("eth0") == 5);
    CHECK(scope("3") == 3);
    CHECK(scope("eth1") == 0);  // it has gone
    CHECK(scope("") == 0);
    CHECK(wireguard::parse_endpoint("[fe80::2%eth0]:1").value().scope.value == 0);
    const base::Endpoint endpoint{*base::IpAddress::parse("fe80::2"), 51820, base::IfIndex{5}};
    CHECK(wireguard::parse_endpoint(to_string(endpoint)) == endpoint);
    const auto device = wireguard::parse_uapi(
        "public_key=" + std::string(64, '1') + "\nendpoint=[fe80::2%eth0]:51820\nerrno=0\n\n", index_of);
    REQUIRE(device);
    CHECK(device->peers.at(0).endpoint == endpoint);
}
