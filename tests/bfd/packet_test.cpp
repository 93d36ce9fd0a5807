#include "bfd/packet.hpp"

#include <array>
#include <string_view>
#include <vector>

#include "wire.hpp"

using namespace bfd_test;
using bfd::decode;
using bfd::DropReason;
using bfd::encode;

namespace {

using Datagram = std::vector<std::byte>;

Datagram bytes(std::string_view hex) {
    const auto digit = [](char c) { return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10); };
    Datagram out;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 3)
        out.push_back(static_cast<std::byte>(digit(hex[i]) << 4 | digit(hex[i + 1])));
    return out;
}

Datagram encoded(const Packet& packet) {
    std::array<std::byte, bfd::mandatory_length> out{};
    encode(packet, out);
    return {out.begin(), out.end()};
}

// An acceptable packet of an Up session, byte by byte.
Datagram good() { return bytes("20 c0 03 18 11 22 33 44 55 66 77 88 00 00 c3 50 00 01 86 a0 00 00 00 00"); }

Datagram with(std::size_t at, unsigned value, Datagram datagram = good()) {
    datagram.at(at) = static_cast<std::byte>(value);
    return datagram;
}
Datagram without_discriminator(std::size_t at, Datagram datagram = good()) {
    for (std::size_t i = 0; i < 4; ++i) datagram.at(at + i) = std::byte{};
    return datagram;
}

void check_refused(const Datagram& datagram, DropReason why) {
    const auto result = decode(datagram);
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error() == why);
}

}  // namespace

TEST_CASE("RFC 5880 §4.1: each field stands where the RFC draws it") {
    Packet p;
    p.diagnostic = Diagnostic::path_down;
    p.state = State::init;
    p.poll = true;
    p.control_plane_independent = true;
    p.detect_mult = 7;
    p.my_discriminator = Discriminator{0x01020304};
    p.your_discriminator = Discriminator{0x05060708};
    p.desired_min_tx = Microseconds{0x090a0b0c};
    p.required_min_rx = Microseconds{0x0d0e0f10};
    p.required_min_echo_rx = Microseconds{0x11121314};
    CHECK(encoded(p) == bytes("25 a8 07 18 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10 11 12 13 14"));
    CHECK(decode(encoded(p)) == p);
}

TEST_CASE("RFC 5880 §4.1: each flag is its own bit") {
    for (const auto& [value, flag] :
         {std::pair{0xe0U, &Packet::poll}, std::pair{0xd0U, &Packet::final},
          std::pair{0xc8U, &Packet::control_plane_independent}, std::pair{0xc2U, &Packet::demand}}) {
        const auto decoded = decode(with(1, value));
        REQUIRE(decoded.has_value());
        Packet expected = *decode(good());
        expected.*flag = true;
        CHECK(*decoded == expected);
        CHECK(encoded(*decoded) == with(1, value));
    }
}

TEST_CASE("RFC 5880 §4.1: the four states are 0 AdminDown, 1 Down, 2 Init, 3 Up") {
    for (unsigned value = 0; value < 4; ++value) CHECK(decode(with(1, value << 6))->state == static_cast<State>(value));
}

TEST_CASE("RFC 5880 §4.1: Diag has five bits, reserved values are kept") {
    for (unsigned value = 0; value < 32; ++value) {
        const auto decoded = decode(with(0, 0x20 | value));
        REQUIRE(decoded.has_value());
        CHECK(static_cast<unsigned>(decoded->diagnostic) == value);
        CHECK(encoded(*decoded) == with(0, 0x20 | value));
    }
    CHECK(to_string(static_cast<Diagnostic>(31)) == "reserved");
}

TEST_CASE("packets captured from FRR 8.4.4 and BIRD 2.0.12 decode and encode to the same bytes") {
    constexpr std::array<std::string_view, 13> captured{
        // BIRD, alone: Down
        "20 40 04 18 a1 dd 5c fa 00 00 00 00 00 0f 42 40 00 01 38 80 00 00 00 00",
        // FRR has heard it: Init, echo 50 ms
        "20 80 05 18 eb b7 96 57 a1 dd 5c fa 00 0f 42 40 00 0f 42 40 00 00 c3 50",
        // BIRD Up with P, FRR Up with P, FRR's F, BIRD's F, then both without
        "20 e0 04 18 a1 dd 5c fa eb b7 96 57 00 01 38 80 00 01 38 80 00 00 00 00",
        "20 e0 05 18 eb b7 96 57 a1 dd 5c fa 00 01 11 70 00 00 ea 60 00 00 c3 50",
        "20 d0 05 18 eb b7 96 57 a1 dd 5c fa 00 01 11 70 00 00 ea 60 00 00 c3 50",
        "20 d0 04 18 a1 dd 5c fa eb b7 96 57 00 01 38 80 00 01 38 80 00 00 00 00",
        "20 c0 04 18 a1 dd 5c fa eb b7 96 57 00 01 38 80 00 01 38 80 00 00 00 00",
        "20 c0 05 18 eb b7 96 57 a1 dd 5c fa 00 01 11 70 00 00 ea 60 00 00 c3 50",
        // FRR's transmit-interval changed to 200 ms: P
        "20 e0 05 18 eb b7 96 57 a1 dd 5c fa 00 03 0d 40 00 00 ea 60 00 00 c3 50",
        // FRR shut: AdminDown; BIRD: Down with diagnostic 3 and P; FRR's F; BIRD, later, has forgotten the
        // discriminator
        "20 00 05 18 eb b7 96 57 a1 dd 5c fa 00 03 0d 40 00 00 ea 60 00 00 c3 50",
        "23 60 04 18 a1 dd 5c fa eb b7 96 57 00 0f 42 40 00 01 38 80 00 00 00 00",
        "20 10 05 18 eb b7 96 57 a1 dd 5c fa 00 03 0d 40 00 00 ea 60 00 00 c3 50",
        "23 40 04 18 a1 dd 5c fa 00 00 00 00 00 0f 42 40 00 01 38 80 00 00 00 00",
    };
    for (const auto hex : captured) {
        CAPTURE(hex);
        const auto decoded = decode(bytes(hex));
        REQUIRE(decoded.has_value());
        CHECK(encoded(*decoded) == bytes(hex));
    }
    const auto bird = *decode(bytes(captured[10]));
    CHECK(bird.state == State::down);
    CHECK(bird.poll);
    CHECK(bird.diagnostic == Diagnostic::neighbor_signaled_session_down);
    CHECK(bird.detect_mult == 4);
    CHECK(bird.my_discriminator == Discriminator{0xa1dd5cfa});
    CHECK(bird.your_discriminator == Discriminator{0xebb79657});
    CHECK(bird.desired_min_tx == Microseconds{1'000'000});
    CHECK(bird.required_min_rx == Microseconds{80'000});
    CHECK(decode(bytes(captured[3]))->required_min_echo_rx == Microseconds{50'000});
}

TEST_CASE("every field at all-ones survives both ways") {
    auto datagram = Datagram(24, std::byte{0xff});
    datagram[0] = std::byte{0x3f};  // version 1, all of Diag
    datagram[1] = std::byte{0xfa};  // all but A and M
    datagram[3] = std::byte{24};
    const auto decoded = decode(datagram);
    REQUIRE(decoded.has_value());
    CHECK(decoded->detect_mult == 255);
    CHECK(decoded->desired_min_tx.count() == UINT32_MAX);
    CHECK(encoded(*decoded) == datagram);
}

TEST_CASE("a datagram of 23 bytes is truncated, one of 24 is not; an empty one is") {
    auto short_one = good();
    short_one.pop_back();
    check_refused(short_one, DropReason::truncated);
    check_refused({}, DropReason::truncated);
    CHECK(decode(good()).has_value());
}

TEST_CASE("RFC 5880 §6.8.6: any version but 1 MUST be discarded") {
    for (unsigned version = 0; version < 8; ++version) {
        if (version == 1)
            CHECK(decode(with(0, version << 5)).has_value());
        else
            check_refused(with(0, version << 5), DropReason::bad_version);
    }
}

TEST_CASE("RFC 5880 §6.8.6: a Length below 24 MUST be discarded, below 26 with the A bit") {
    check_refused(with(3, 0), DropReason::bad_length);
    check_refused(with(3, 23), DropReason::bad_length);
    CHECK(decode(with(3, 24)).has_value());
    auto longer = with(1, 0xc4);
    longer.resize(64);
    check_refused(with(3, 25, longer), DropReason::bad_length);
    check_refused(with(3, 26, longer), DropReason::authentication_unsupported);
}

TEST_CASE("RFC 5880 §6.8.6: a Length greater than the payload MUST be discarded, no 8-bit sum is fooled") {
    check_refused(with(3, 25), DropReason::bad_length);
    check_refused(with(3, 255), DropReason::bad_length);
    auto padded = good();
    padded.resize(254);
    check_refused(with(3, 255, padded), DropReason::bad_length);
    padded.resize(255);
    CHECK(decode(with(3, 255, padded)).has_value());
}

TEST_CASE("RFC 9764 §3: bytes after Length are padding and change nothing") {
    auto padded = good();
    padded.resize(1472, std::byte{0xff});
    CHECK(decode(padded) == decode(good()));
}

TEST_CASE("RFC 5880 §6.8.6: a Detect Mult of zero MUST be discarded") {
    check_refused(with(2, 0), DropReason::zero_detect_mult);
    CHECK(decode(with(2, 1)).has_value());
}

TEST_CASE("RFC 5880 §6.8.6: the Multipoint bit MUST be discarded") {
    check_refused(with(1, 0xc1), DropReason::multipoint);
}

TEST_CASE("RFC 5880 §4.1: Multipoint and A are never sent, whatever a packet holds") {
    for (const auto state : {State::admin_down, State::down, State::init, State::up}) {
        Packet p;
        p.state = state;
        p.poll = p.final = p.demand = p.control_plane_independent = true;
        CHECK((encoded(p)[1] & std::byte{0x05}) == std::byte{});
    }
}

TEST_CASE("RFC 5880 §6.8.6: My Discriminator zero MUST be discarded, and is no version error") {
    check_refused(without_discriminator(4), DropReason::zero_my_discriminator);
}

TEST_CASE("RFC 5880 §6.8.6: Your Discriminator zero MUST be discarded unless the state is Down or AdminDown") {
    check_refused(without_discriminator(8, with(1, 0xc0)), DropReason::zero_your_discriminator);
    check_refused(without_discriminator(8, with(1, 0x80)), DropReason::zero_your_discriminator);
    CHECK(decode(without_discriminator(8, with(1, 0x40))).has_value());
    CHECK(decode(without_discriminator(8, with(1, 0x00))).has_value());
}

TEST_CASE("RFC 5880 §6.8.6: the A bit MUST be discarded where no authentication is in use") {
    auto authenticated = with(3, 28, with(1, 0xc4));
    for (const unsigned b : {1U, 4U, 1U, 0x61U}) authenticated.push_back(static_cast<std::byte>(b));
    check_refused(authenticated, DropReason::authentication_unsupported);
}

TEST_CASE("RFC 5880 §6.8.6: the checks come in the RFC's order: each fault hides the later ones") {
    Datagram all = Datagram(24, std::byte{});  // everything wrong at once
    all[1] = std::byte{0xc5};                  // Up, A and M
    check_refused(all, DropReason::bad_version);
    all[0] = std::byte{0x20};
    check_refused(all, DropReason::bad_length);
    all.resize(26);
    all[3] = std::byte{26};
    check_refused(all, DropReason::zero_detect_mult);
    all[2] = std::byte{3};
    check_refused(all, DropReason::multipoint);
    all[1] = std::byte{0xc4};
    check_refused(all, DropReason::zero_my_discriminator);
    all[7] = std::byte{1};
    check_refused(all, DropReason::zero_your_discriminator);
    all[11] = std::byte{1};
    check_refused(all, DropReason::authentication_unsupported);
    all[1] = std::byte{0xc0};
    CHECK(decode(all).has_value());
}

TEST_CASE("every enumerator prints itself") {
    for (std::size_t i = 0; i < bfd::drop_reasons; ++i) CHECK(to_string(static_cast<DropReason>(i)) != "?");
    CHECK(to_string(static_cast<DropReason>(bfd::drop_reasons)) == "?");
    for (unsigned i = 0; i < 9; ++i) CHECK(to_string(static_cast<Diagnostic>(i)) != "reserved");
}
