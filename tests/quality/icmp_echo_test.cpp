#include "quality/icmp_echo.hpp"

#include <doctest/doctest.h>

#include <array>

namespace icmp = quality::icmp;

namespace {

std::array<std::byte, icmp::length> request(base::Family family) {
    std::array<std::byte, icmp::length> out{};
    icmp::encode_request({0xbeef, 0x0001'0203, 0xdead'0102}, family, out);
    return out;
}

}  // namespace

TEST_CASE("RFC 792: an echo request, by hand") {
    const auto out = request(base::Family::v4);
    const std::array<unsigned, 16> expected{8,    0,    0x55, 0x59, 0xbe, 0xef, 0x02, 0x03,
                                            0xde, 0xad, 0x01, 0x02, 0,    1,    2,    3};
    for (std::size_t i = 0; i < expected.size(); ++i) CHECK(std::to_integer<unsigned>(out[i]) == expected[i]);
}

TEST_CASE("RFC 4443 §4.1: ICMPv6's differs in type, and its checksum is the kernel's") {
    const auto out = request(base::Family::v6);
    CHECK(std::to_integer<unsigned>(out[0]) == 128);
    CHECK(std::to_integer<unsigned>(out[2]) == 0);
}

TEST_CASE("the reply brings everything back; a request, another code or a short message is none") {
    for (const auto family : {base::Family::v4, base::Family::v6}) {
        auto message = request(family);
        CHECK_FALSE(icmp::decode_reply(message, family));
        message[0] = std::byte{family == base::Family::v4 ? std::uint8_t{0} : std::uint8_t{129}};
        const auto echo = icmp::decode_reply(message, family);
        REQUIRE(echo);
        CHECK(*echo == icmp::Echo{0xbeef, 0x0001'0203, 0xdead'0102});
        CHECK_FALSE(icmp::decode_reply(base::Bytes{message}.first(icmp::least_length - 1), family));
        CHECK(icmp::decode_reply(base::Bytes{message}.first(icmp::least_length), family));
        message[1] = std::byte{1};
        CHECK_FALSE(icmp::decode_reply(message, family));
        message[1] = std::byte{0};
        message[7] = std::byte{9};  // the two halves disagree: not of our making
        CHECK_FALSE(icmp::decode_reply(message, family));
    }
}

TEST_CASE("an IPv4 header is taken off by its own length") {
    std::array<std::byte, 28> packet{};
    packet[0] = std::byte{0x45};
    CHECK(icmp::without_v4_header(packet).size() == 8);
    packet[0] = std::byte{0x46};
    CHECK(icmp::without_v4_header(packet).size() == 4);
    for (const unsigned first : {0x48U, 0x44U, 0x65U}) {
        packet[0] = static_cast<std::byte>(first);
        CHECK(icmp::without_v4_header(packet).empty());
    }
    CHECK(icmp::without_v4_header({}).empty());
}
