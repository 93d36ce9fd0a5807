#include "base/ip_address.hpp"

#include <doctest/doctest.h>

#include <unordered_set>

namespace {

base::IpAddress ip(std::string_view text) {
    const auto parsed = base::IpAddress::parse(text);
    REQUIRE(parsed.has_value());
    return *parsed;
}

base::Prefix prefix(std::string_view text) {
    const auto parsed = base::Prefix::parse(text);
    REQUIRE(parsed.has_value());
    return *parsed;
}

}  // namespace

TEST_CASE("addresses are read and written as the kernel's tools do") {
    for (const auto* text : {"0.0.0.0", "10.8.0.1", "255.255.255.255", "::", "::1", "fe80::1", "2001:db8::ff00:42:8329",
                             "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}) {
        CAPTURE(text);
        CHECK(to_string(ip(text)) == text);
    }
    CHECK(to_string(ip("2001:DB8:0:0::1")) == "2001:db8::1");
    CHECK(to_string(base::IpAddress{}).empty());
}

TEST_CASE("what is no address is refused") {
    for (const std::string_view text : {"", "10.8.0", "10.8.0.256", "10.8.0.1.2", "010.8.0.1 ", "fe80::1%wg0",
                                        "10.8.0.0/24", ":::", "12345::", "localhost"}) {
        CAPTURE(text);
        CHECK_FALSE(base::IpAddress::parse(text));
    }
    CHECK_FALSE(base::IpAddress::parse(std::string_view{"10.8.0.1\0x", 10}));
}

TEST_CASE("bytes of the wire become addresses, IPv4 in the first four, the rest zero") {
    const std::array<std::byte, 4> four{std::byte{10}, std::byte{8}, std::byte{0}, std::byte{1}};
    CHECK(base::IpAddress::v4(four) == ip("10.8.0.1"));
    CHECK(base::IpAddress::v4(four).data().size() == 4);
    std::array<std::byte, 16> sixteen{};
    sixteen.fill(std::byte{0xff});
    CHECK(base::IpAddress::v6(sixteen) == ip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
    CHECK(base::IpAddress::v6(sixteen).data().size() == 16);
    CHECK(base::IpAddress{}.data().empty());
    CHECK(base::IpAddress{}.bits() == 0);
}

TEST_CASE("scope: link-local, multicast, unspecified, with the neighbours of each bound") {
    CHECK(ip("169.254.0.0").is_link_local());
    CHECK_FALSE(ip("169.253.255.255").is_link_local());
    CHECK_FALSE(ip("169.255.0.0").is_link_local());
    CHECK(ip("fe80::").is_link_local());
    CHECK(ip("febf:ffff::").is_link_local());
    CHECK_FALSE(ip("fec0::").is_link_local());
    CHECK_FALSE(ip("fe7f::").is_link_local());
    CHECK_FALSE(base::IpAddress{}.is_link_local());
    CHECK(ip("224.0.0.0").is_multicast());
    CHECK(ip("239.255.255.255").is_multicast());
    CHECK_FALSE(ip("223.255.255.255").is_multicast());
    CHECK_FALSE(ip("240.0.0.0").is_multicast());
    CHECK(ip("ff02::1").is_multicast());
    CHECK_FALSE(ip("feff::").is_multicast());
    CHECK(ip("0.0.0.0").is_unspecified());
    CHECK(ip("::").is_unspecified());
    CHECK(base::IpAddress{}.is_unspecified());
    CHECK_FALSE(ip("0.0.0.1").is_unspecified());
    CHECK_FALSE(ip("::1").is_unspecified());
}

TEST_CASE("0.0.0.0 and :: and none are three different values") {
    CHECK(ip("0.0.0.0") != ip("::"));
    CHECK(ip("0.0.0.0") != base::IpAddress{});
    const std::unordered_set<base::IpAddress> set{ip("0.0.0.0"), ip("::"), {}, ip("10.0.0.1"), ip("10.0.0.1")};
    CHECK(set.size() == 4);
}

TEST_CASE("a prefix holds its own addresses and not the next ones") {
    CHECK(prefix("10.8.0.0/24").contains(ip("10.8.0.255")));
    CHECK_FALSE(prefix("10.8.0.0/24").contains(ip("10.8.1.0")));
    CHECK(prefix("10.8.0.0/23").contains(ip("10.8.1.255")));
    CHECK_FALSE(prefix("10.8.0.0/23").contains(ip("10.8.2.0")));
    CHECK(prefix("10.8.0.5/32").contains(ip("10.8.0.5")));
    CHECK_FALSE(prefix("10.8.0.5/32").contains(ip("10.8.0.4")));
    CHECK(prefix("10.8.0.77/24").contains(ip("10.8.0.1")));  // host bits do not count
    CHECK(prefix("0.0.0.0/0").contains(ip("255.255.255.255")));
    CHECK(prefix("fe80::/10").contains(ip("febf::1")));
    CHECK_FALSE(prefix("fe80::/10").contains(ip("fec0::1")));
    CHECK(prefix("2001:db8::1/128").contains(ip("2001:db8::1")));
    CHECK_FALSE(prefix("2001:db8::1/128").contains(ip("2001:db8::")));
    CHECK(prefix("2001:db8::/127").contains(ip("2001:db8::1")));
    CHECK_FALSE(prefix("2001:db8::/127").contains(ip("2001:db8::2")));
}

TEST_CASE("a prefix holds no address of the other family, and none holds none") {
    CHECK_FALSE(prefix("0.0.0.0/0").contains(ip("::1")));
    CHECK_FALSE(prefix("::/0").contains(ip("10.0.0.1")));
    CHECK_FALSE(base::Prefix{}.contains(base::IpAddress{}));
}

TEST_CASE("prefixes are read with a length or as one host") {
    CHECK(prefix("10.8.0.0/24").length == 24);
    CHECK(prefix("10.8.0.1").length == 32);
    CHECK(prefix("10.8.0.1").is_host());
    CHECK_FALSE(prefix("10.8.0.0/31").is_host());
    CHECK(prefix("fe80::1").length == 128);
    CHECK(to_string(prefix("2001:db8::/0")) == "2001:db8::/0");
    CHECK(prefix("10.0.0.0/32").is_host());
    for (const std::string_view text : {"10.8.0.0/33", "::/129", "10.8.0.0/", "10.8.0.0/-1", "10.8.0.0/8x",
                                        "10.8.0.0/ 8", "/8", "10.8.0.0/99999999999"}) {
        CAPTURE(text);
        CHECK_FALSE(base::Prefix::parse(text));
    }
}

TEST_CASE("an endpoint is written with brackets for IPv6 alone") {
    CHECK(to_string(base::Endpoint{ip("192.0.2.1"), 51820}) == "192.0.2.1:51820");
    CHECK(to_string(base::Endpoint{ip("2001:db8::1"), 65535}) == "[2001:db8::1]:65535");
    CHECK(to_string(base::Endpoint{ip("fe80::1"), 1, base::IfIndex{3}}) == "[fe80::1%3]:1");
}
