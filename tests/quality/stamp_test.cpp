#include "quality/stamp.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace std::chrono_literals;
namespace stamp = quality::stamp;

namespace {

std::vector<std::byte> bytes(std::initializer_list<unsigned> in) {
    std::vector<std::byte> out;
    for (const auto b : in) out.push_back(static_cast<std::byte>(b));
    return out;
}

// By hand from RFC 8762 §4.2.1: number 7; 2026-01-01T00:00:00.5Z is 3976214400.5 s after 1900, ED 00 37 80;
// unsynchronised, NTP, scale 22, multiplier 1; SSID 0x1234 (RFC 8972 §3); zeroes.
const auto request_bytes =
    bytes({0, 0, 0, 7, 0xed, 0x00, 0x37, 0x80, 0x80, 0, 0, 0, 0x16, 0x01, 0x12, 0x34, 0, 0, 0, 0, 0, 0,
           0, 0, 0, 0, 0,    0,    0,    0,    0,    0, 0, 0, 0,    0,    0,    0,    0, 0, 0, 0, 0, 0});
constexpr base::WallTime new_year{1'767'225'600s};

// RFC 8762 §4.3.1: number 5; sent 1 s after the new year, received half a second before that; error estimate; SSID;
// the request's number, stamp and estimate; TTL 255.
const auto reply_bytes = bytes({0,    0,    0,    5,    0xed, 0x00, 0x37, 0x81, 0, 0, 0,    0, 0x16, 0x01, 0x12,
                                0x34, 0xed, 0x00, 0x37, 0x80, 0x80, 0,    0,    0, 0, 0,    0, 7,    0xed, 0x00,
                                0x37, 0x80, 0x80, 0,    0,    0,    0x16, 0x01, 0, 0, 0xff, 0, 0,    0});

std::vector<std::byte> reflected(const std::vector<std::byte>& request,
                                 quality::ReversePath ours = quality::ReversePath::strict) {
    std::vector<std::byte> out(request.size(), std::byte{0xee});
    const auto decoded = stamp::decode_request(request);
    REQUIRE(decoded);
    stamp::reflect(request, *decoded, 5, new_year + 500ms, new_year + 1s, 255, ours, out);
    return out;
}

}  // namespace

TEST_CASE("RFC 8762 §4.2.1: a request is 44 bytes as drawn") {
    std::array<std::byte, stamp::base_length> out{};
    stamp::encode({7, stamp::to_wire(new_year + 500ms), stamp::our_error_estimate, {0x1234}}, out);
    CHECK(std::vector<std::byte>(out.begin(), out.end()) == request_bytes);
    const auto again = stamp::decode_request(request_bytes);
    REQUIRE(again);
    CHECK(again->sequence == 7);
    CHECK(again->ssid.value == 0x1234);
    CHECK(again->clock() == stamp::Clock::ntp);
    CHECK(stamp::from_wire(again->sent, again->clock()) == new_year + 500ms);
}

TEST_CASE("RFC 8762 §4.3.1: a reply is as long as its request and as drawn") {
    CHECK(reflected(request_bytes) == reply_bytes);
    const auto reply = stamp::decode_reply(reply_bytes);
    REQUIRE(reply);
    CHECK(reply->number == 5);
    CHECK(reply->sequence == 7);
    CHECK(reply->ssid.value == 0x1234);
    CHECK(reply->received == new_year + 500ms);
    CHECK(reply->sent - reply->received == 500ms);
    CHECK(reply->request_sent == stamp::to_wire(new_year + 500ms));
}

TEST_CASE("RFC 8762 §4.3: test packets are of symmetric size, those of TWAMP with 41 bytes too") {
    for (std::size_t size = stamp::least_length; size <= stamp::base_length; ++size) {
        const std::vector<std::byte> request(request_bytes.begin(), request_bytes.begin() + static_cast<long>(size));
        const auto out = reflected(request);
        CHECK(out == std::vector<std::byte>(reply_bytes.begin(), reply_bytes.begin() + static_cast<long>(size)));
        CHECK(stamp::decode_reply(out));
    }
}

TEST_CASE("RFC 8972 §4.1: extra padding comes back, known; §4: another TLV comes back marked as not recognised") {
    auto request = request_bytes;
    const auto tlvs = bytes({0x80, 1, 0, 2, 0xaa, 0xbb, 0x80, 9, 0, 1, 0xcc, 0x80, 1, 0, 0});
    request.insert(request.end(), tlvs.begin(), tlvs.end());
    const auto out = reflected(request);
    const auto expected = bytes({0x00, 1, 0, 2, 0xaa, 0xbb, 0x80, 9, 0, 1, 0xcc, 0x00, 1, 0, 0});
    CHECK(std::vector<std::byte>(out.begin() + stamp::base_length, out.end()) == expected);
}

TEST_CASE("RFC 8972 §4: a TLV that runs past the end comes back as malformed") {
    for (const auto& tlv :
         {bytes({0x80, 1, 0, 3, 0xaa, 0xbb}), bytes({0x80, 1, 0xff, 0xff}), bytes({0x80, 1, 0}), bytes({0x80})}) {
        auto request = request_bytes;
        request.insert(request.end(), tlv.begin(), tlv.end());
        auto expected = tlv;
        expected[0] = std::byte{0x40};
        const auto out = reflected(request);
        CHECK(std::vector<std::byte>(out.begin() + stamp::base_length, out.end()) == expected);
    }
}

TEST_CASE("a datagram too short, too long, or with an error estimate of nothing is refused") {
    auto request = request_bytes;
    request.resize(stamp::least_length - 1);
    CHECK(stamp::decode_request(request).error() == stamp::DropReason::truncated);
    CHECK(stamp::decode_reply(request).error() == stamp::DropReason::truncated);
    request.resize(stamp::greatest_length);
    CHECK(stamp::decode_request(request));
    request.resize(stamp::greatest_length + 1);
    CHECK(stamp::decode_request(request).error() == stamp::DropReason::too_long);
    CHECK(stamp::decode_reply(request).error() == stamp::DropReason::too_long);
    auto corrupt = request_bytes;
    corrupt[13] = std::byte{0};  // RFC 4656 §4.1.2: the multiplier
    CHECK(stamp::decode_request(corrupt).error() == stamp::DropReason::bad_error_estimate);
    CHECK(stamp::decode_reply(corrupt).error() == stamp::DropReason::bad_error_estimate);
}

TEST_CASE("RFC 8762 §4.2.1: the Z bit tells NTP's stamps from PTP's") {
    const auto at = new_year + 123'456'789ns;
    CHECK(stamp::to_wire(at, stamp::Clock::ptp).bits == (1'767'225'600ULL << 32 | 123'456'789));
    CHECK(stamp::from_wire(stamp::to_wire(at, stamp::Clock::ptp), stamp::Clock::ptp) == at);
    const auto error = stamp::from_wire(stamp::to_wire(at), stamp::Clock::ntp) - at;
    CHECK(std::chrono::abs(error) <= 1ns);
    auto reply = reply_bytes;
    reply[12] |= std::byte{0x40};
    const auto ptp_sent = bytes({0x69, 0x55, 0xb9, 0x01, 0, 0, 0, 0});
    const auto ptp_received = bytes({0x69, 0x55, 0xb9, 0x00, 0x1d, 0xcd, 0x65, 0x00});
    std::copy(ptp_sent.begin(), ptp_sent.end(), reply.begin() + 4);
    std::copy(ptp_received.begin(), ptp_received.end(), reply.begin() + 16);
    const auto decoded = stamp::decode_reply(reply);
    REQUIRE(decoded);
    CHECK(decoded->sent - decoded->received == 500ms);
}

TEST_CASE("NTP's era ends in 2036, and the times after it are read right") {
    const base::WallTime later{2'090'000'000s};  // 2036-03-24
    CHECK((stamp::to_wire(later).bits >> 32) < 1U << 31);
    CHECK(stamp::from_wire(stamp::to_wire(later), stamp::Clock::ntp) == later);
}
