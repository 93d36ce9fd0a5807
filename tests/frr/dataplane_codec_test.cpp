#include "frr/dataplane_codec.hpp"

#include <doctest/doctest.h>

#include "bytes.hpp"

using namespace frr;
using test::hex;

namespace {

test::Buffer as_buffer(auto bytes) { return {bytes.begin(), bytes.end()}; }
base::IpAddress ip(std::string_view text) { return *base::IpAddress::parse(text); }

}  // namespace

TEST_CASE("a captured DP_ADD_SESSION decodes to what bfdd was configured with") {
    const auto message = test::captured_add();
    const auto header = next_message(message);
    REQUIRE(header.has_value());
    REQUIRE(header->has_value());
    CHECK(**header == Header{.version = 1, .type = MessageType::add_session, .id = 0, .length = 140});
    const auto session = decode_session(message);
    REQUIRE(session.has_value());
    CHECK(session->lid == 0xb2b6da96);
    CHECK_FALSE(session->source.is_set());
    CHECK(session->destination == ip("10.9.0.2"));
    CHECK(session->min_tx.count() == 50'000);
    CHECK(session->min_rx.count() == 60'000);
    CHECK(session->min_echo_tx.count() == 50'000);
    CHECK(session->min_echo_rx.count() == 50'000);
    CHECK(session->ttl == 255);
    CHECK(session->detect_mult == 4);
    CHECK(session->ifindex.value == 2);
    CHECK(session->ifname == "ffv0");
    CHECK_FALSE(session->multihop);
    CHECK_FALSE(session->ipv6);
    CHECK_FALSE(session->shutdown);
}

TEST_CASE("a captured multihop ADD has its source, its minimum TTL and no interface") {
    auto message = test::add(7, 0x01);
    const auto addresses = hex("0a 09 00 01 00 00 00 00 00 00 00 00 00 00 00 00 0a 4d 00 09");
    std::copy(addresses.begin(), addresses.end(), message.begin() + 12);
    message[68] = std::byte{0xfa};
    std::fill(message.begin() + 72, message.end(), std::byte{0});
    const auto session = decode_session(message);
    REQUIRE(session.has_value());
    CHECK(session->multihop);
    CHECK(session->source == ip("10.9.0.1"));
    CHECK(session->destination == ip("10.77.0.9"));
    CHECK(session->ttl == 250);
    CHECK(session->ifindex.value == 0);
    CHECK(session->ifname.empty());
}

TEST_CASE("an IPv6 link-local ADD has both addresses whole") {
    auto message = test::add(7, 0x10);
    const auto addresses = hex(R"(fe 80 00 00 00 00 00 00 00 00 00 00 00 00 00 01
                                  fe 80 00 00 00 00 00 00 00 00 00 00 00 00 00 02)");
    std::copy(addresses.begin(), addresses.end(), message.begin() + 12);
    const auto session = decode_session(message);
    REQUIRE(session.has_value());
    CHECK(session->ipv6);
    CHECK(session->source == ip("fe80::1"));
    CHECK(session->destination == ip("fe80::2"));
}

TEST_CASE("each flag of an ADD is its own") {
    const auto flags = [](std::uint32_t bits) { return *decode_session(test::add(1, bits)); };
    const auto count = [](const AddSession& s) {
        return s.multihop + s.demand + s.control_plane_independent + s.echo + s.ipv6 + s.passive + s.shutdown;
    };
    CHECK(flags(0x01).multihop);
    CHECK(flags(0x02).demand);
    CHECK(flags(0x04).control_plane_independent);
    CHECK(flags(0x08).echo);
    CHECK(flags(0x10).ipv6);
    CHECK(flags(0x20).passive);
    CHECK(flags(0x40).shutdown);
    for (std::uint32_t bit = 1; bit <= 0x40; bit <<= 1) CHECK(count(flags(bit)) == 1);
    CHECK(count(flags(0xffffff80)) == 0);
}

TEST_CASE("an ADD with every field at all-ones decodes") {
    test::Buffer message(session_length, std::byte{0xff});
    const auto session = decode_session(message);
    REQUIRE(session.has_value());
    CHECK(session->lid == 0xffffffff);
    CHECK(session->destination == ip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
    CHECK(session->min_tx.count() == 0xffffffff);
    CHECK(session->detect_mult == 255);
    CHECK(session->ifindex.value == 0xffffffff);
    CHECK(session->ifname == std::string(64, '\xff'));
}

TEST_CASE("an ADD of 139 bytes is too short, of 140 and more it is taken") {
    auto message = test::captured_add();
    CHECK_FALSE(decode_session(base::Bytes{message}.first(139)).has_value());
    CHECK(decode_session(message).has_value());
    message.resize(348);
    CHECK(decode_session(message) == decode_session(test::captured_add()));
}

TEST_CASE("a message is handed out only when whole, at every byte") {
    const auto message = test::captured_add();
    for (std::size_t n = 0; n < message.size(); ++n) {
        const auto got = next_message(base::Bytes{message}.first(n));
        REQUIRE(got.has_value());
        CHECK_FALSE(got->has_value());
    }
    CHECK(next_message(message)->has_value());
}

TEST_CASE("a length of 7 is impossible, of 8 a message; 32768 is the longest, 32769 impossible") {
    const auto of = [](std::uint16_t length) {
        test::Buffer bytes = hex("01 00 00 63 00 00 00 00");
        bytes[6] = static_cast<std::byte>(length >> 8);
        bytes[7] = static_cast<std::byte>(length);
        return next_message(bytes);
    };
    CHECK(of(0).error() == FrameError::bad_length);
    CHECK(of(7).error() == FrameError::bad_length);
    CHECK(of(8).has_value());
    CHECK(of(32768).has_value());
    CHECK(of(32769).error() == FrameError::bad_length);
    CHECK(of(65535).error() == FrameError::bad_length);
}

TEST_CASE("version 0 is refused, version 1 and later ones are accepted") {
    auto message = test::captured_add();
    message[0] = std::byte{0};
    CHECK(next_message(message).error() == FrameError::bad_version);
    for (const int version : {1, 2, 255}) {
        message[0] = static_cast<std::byte>(version);
        CHECK(next_message(message)->value().version == version);
    }
}

TEST_CASE("an unknown type keeps its number and its length") {
    const auto header = next_message(hex("01 00 00 63 ff ff 00 08"));
    REQUIRE(header.has_value());
    CHECK((*header)->type == static_cast<MessageType>(0x63));
    CHECK((*header)->id == 0xffff);
}

TEST_CASE("BFD_STATE_CHANGE Up is the bytes that brought a session of FRR 8.4.4 up") {
    const StateMessage message{.lid = 0xd68c30be,
                               .remote_discriminator = bfd::Discriminator{0x11223344},
                               .desired_min_tx = bfd::Microseconds{300'000},
                               .required_min_rx = bfd::Microseconds{300'000},
                               .required_min_echo_rx = bfd::Microseconds{50'000},
                               .state = bfd::State::up,
                               .detect_mult = 3};
    CHECK(as_buffer(encode(message)) == hex(R"(01 00 00 04 00 00 00 24 d6 8c 30 be 11 22 33 44 00 00 00 00
                 00 04 93 e0 00 04 93 e0 00 00 c3 50 03 00 03 00)"));
}

TEST_CASE("BFD_STATE_CHANGE Down carries its diagnostic and the flags") {
    const StateMessage message{.lid = 0xffffffff,
                               .remote_discriminator = bfd::Discriminator{0xffffffff},
                               .control_plane_independent = true,
                               .demand = true,
                               .desired_min_tx = bfd::Microseconds{0xffffffff},
                               .required_min_rx = bfd::Microseconds{0xffffffff},
                               .required_min_echo_rx = bfd::Microseconds{0xffffffff},
                               .state = bfd::State::down,
                               .diagnostic = bfd::Diagnostic::control_detection_time_expired,
                               .detect_mult = 255};
    CHECK(as_buffer(encode(message)) == hex(R"(01 00 00 04 00 00 00 24 ff ff ff ff ff ff ff ff 00 00 00 03
                 ff ff ff ff ff ff ff ff ff ff ff ff 01 01 ff 00)"));
}

TEST_CASE("counters go back with the id of their question, echo counters are 0") {
    const auto request = decode_counters_request(test::counters_request(0xfffe, 0xd68c30be));
    REQUIRE(request.has_value());
    CHECK(*request == CountersRequest{.id = 0xfffe, .lid = 0xd68c30be});
    const auto bytes = as_buffer(encode(*request, Counters{.control_in_bytes = 0x0102030405060708,
                                                           .control_in_packets = 2,
                                                           .control_out_bytes = 3,
                                                           .control_out_packets = 0xffffffffffffffff}));
    auto wanted = hex(R"(01 00 00 06 ff fe 00 50 d6 8c 30 be 00 00 00 00 01 02 03 04 05 06 07 08
                         00 00 00 00 00 00 00 02 00 00 00 00 00 00 00 03 ff ff ff ff ff ff ff ff)");
    wanted.resize(counters_length);
    CHECK(bytes == wanted);
    CHECK_FALSE(decode_counters_request(base::Bytes{test::counters_request(1, 1)}.first(11)).has_value());
}

TEST_CASE("an echo carries our stamp there and back") {
    const auto bytes = encode_echo(MessageType::echo_request, 0x1122334455667788);
    CHECK(as_buffer(bytes) == hex("01 00 00 00 00 00 00 18 11 22 33 44 55 66 77 88 00 00 00 00 00 00 00 00"));
    CHECK(decode_echo(bytes) == 0x1122334455667788);
    CHECK_FALSE(decode_echo(base::Bytes{bytes}.first(15)).has_value());
}
