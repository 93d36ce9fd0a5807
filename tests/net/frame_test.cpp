#include "net/frame.hpp"

#include <doctest/doctest.h>

#include <random>
#include <vector>

namespace {

base::IpAddress ip(std::string_view text) { return *base::IpAddress::parse(text); }

std::vector<std::byte> bytes(std::initializer_list<int> values) {
    std::vector<std::byte> out;
    for (const int v : values) out.push_back(static_cast<std::byte>(v));
    return out;
}

// As a receiver does it: the sum over pseudo-header and datagram, checksum included, is all ones.
bool is_valid(const base::IpAddress& from, const base::IpAddress& to, base::Bytes datagram) {
    std::uint64_t sum = 17 + datagram.size();
    const auto add = [&sum](base::Bytes part) {
        for (std::size_t i = 0; i < part.size(); ++i)
            sum += std::to_integer<std::uint64_t>(part[i]) << (i % 2 == 0 ? 8 : 0);
    };
    add(from.data());
    add(to.data());
    add(datagram);
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    return sum == 0xffff;
}

probe::Outgoing outgoing(std::string_view from, std::string_view to, bool multihop = false) {
    probe::Outgoing out{{1, 1}, {{1}, ip(from), ip(to), multihop}, 49'152};
    for (std::size_t i = 0; i < out.payload.size(); ++i) out.payload[i] = static_cast<std::byte>(0x20 + i);
    return out;
}

int at(const net::Frame& frame, std::size_t i) { return std::to_integer<int>(frame.bytes[i]); }

}  // namespace

TEST_CASE("RFC 768: the checksum of a datagram worked out by hand") {
    // 0a00+0001 + 0a00+0002 + 0011 + 000c + c000+0ec8+000c+0000 + 0102+0304 = e70... folded and inverted
    const auto datagram = bytes({0xc0, 0x00, 0x0e, 0xc8, 0x00, 0x0c, 0x00, 0x00, 0x01, 0x02, 0x03, 0x04});
    const unsigned sum =
        0x0a00 + 0x0001 + 0x0a00 + 0x0002 + 0x0011 + 0x000c + 0xc000 + 0x0ec8 + 0x000c + 0x0102 + 0x0304;
    REQUIRE(sum < 0x10000);
    CHECK(net::udp_checksum(ip("10.0.0.1"), ip("10.0.0.2"), datagram) == (~sum & 0xffff));
}

TEST_CASE("RFC 768: a checksum that comes out as zero is sent as all ones") {
    auto datagram = bytes({0xc0, 0x00, 0x0e, 0xc8, 0x00, 0x0c, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00});
    const auto missing = net::udp_checksum(ip("10.0.0.1"), ip("10.0.0.2"), datagram);
    datagram[8] = static_cast<std::byte>(missing >> 8);
    datagram[9] = static_cast<std::byte>(missing & 0xff);
    CHECK(net::udp_checksum(ip("10.0.0.1"), ip("10.0.0.2"), datagram) == 0xffff);
}

TEST_CASE("RFC 5881 §4, §5: an IPv4 frame has TTL 255, port 3784, the session's source port and a right checksum") {
    const auto frame = net::frame(outgoing("10.8.0.1", "10.8.0.2"));
    REQUIRE(frame.size == 52);
    CHECK(at(frame, 0) == 0x45);
    CHECK(at(frame, 1) == 0xc0);  // DSCP CS6
    CHECK(at(frame, 3) == 52);
    CHECK(at(frame, 8) == 255);
    CHECK(at(frame, 9) == 17);
    CHECK(at(frame, 12) == 10);
    CHECK(at(frame, 19) == 2);
    CHECK((at(frame, 20) << 8 | at(frame, 21)) == 49'152);
    CHECK((at(frame, 22) << 8 | at(frame, 23)) == 3784);
    CHECK(at(frame, 25) == 32);
    CHECK(is_valid(ip("10.8.0.1"), ip("10.8.0.2"), frame.view().subspan(20)));
    CHECK(at(frame, 28) == 0x20);
    CHECK(at(frame, 51) == 0x37);
}

TEST_CASE("an IPv6 frame has hop limit 255, CS6 and a right checksum; RFC 5883 §5: multihop goes to port 4784") {
    const auto frame = net::frame(outgoing("fe80::1", "fe80::2", true));
    REQUIRE(frame.size == 72);
    CHECK(at(frame, 0) == 0x6c);
    CHECK(at(frame, 1) == 0x00);
    CHECK(at(frame, 5) == 32);
    CHECK(at(frame, 6) == 17);
    CHECK(at(frame, 7) == 255);
    CHECK((at(frame, 42) << 8 | at(frame, 43)) == 4784);
    CHECK(is_valid(ip("fe80::1"), ip("fe80::2"), frame.view().subspan(40)));
}

TEST_CASE("the checksum is right whatever the packet") {
    std::mt19937 random{1};
    for (int i = 0; i < 2000; ++i) {
        auto packet = i % 2 == 0 ? outgoing("10.8.0.1", "10.8.0.2") : outgoing("2001:db8::1", "2001:db8::2");
        for (auto& b : packet.payload) b = static_cast<std::byte>(i % 7 == 0 ? 0xff : random());
        packet.source_port = static_cast<std::uint16_t>(random());
        const auto frame = net::frame(packet);
        REQUIRE(is_valid(packet.key.local, packet.key.remote, frame.view().subspan(frame.size - 32)));
    }
}

TEST_CASE(
    "RFC 9764 §3: a padded packet is as long as asked, to the byte; the zeros count in both lengths and in the "
    "checksum") {
    for (const auto padding : std::initializer_list<std::uint16_t>{72, 73, 1280, 1420, 65'535})
        for (const bool v4 : {true, false}) {
            CAPTURE(padding);
            auto packet = v4 ? outgoing("10.8.0.1", "10.8.0.2") : outgoing("2001:db8::1", "2001:db8::2");
            packet.padding = padding;
            const auto frame = net::frame(packet);
            const std::size_t header = v4 ? 20 : 40;
            CHECK(frame.size == header + 32);
            REQUIRE(frame.size + frame.zeros == padding);
            std::vector<std::byte> whole{frame.view().begin(), frame.view().end()};
            whole.resize(padding);
            CHECK((at(frame, v4 ? 2 : 4) << 8 | at(frame, v4 ? 3 : 5)) == (v4 ? padding : padding - 40));
            CHECK((at(frame, header + 4) << 8 | at(frame, header + 5)) == static_cast<int>(padding - header));
            CHECK(is_valid(packet.key.local, packet.key.remote, base::Bytes{whole}.subspan(header)));
            CHECK((!v4 || at(frame, 6) == 0x40));  // RFC 9764 §3: don't fragment
        }
}

TEST_CASE("padding less than the packet itself adds nothing") {
    for (const auto padding : std::initializer_list<std::uint16_t>{0, 51, 52}) {
        auto packet = outgoing("10.8.0.1", "10.8.0.2");
        packet.padding = padding;
        CHECK(net::frame(packet).zeros == 0);
    }
}
