#include "quality/far_end.hpp"

#include <doctest/doctest.h>

#include <array>
#include <vector>

#include "quality/stamp.hpp"

using namespace std::chrono_literals;
using base::TimePoint;
using quality::ReversePath;
namespace far_end = quality::far_end;
namespace stamp = quality::stamp;

namespace {

constexpr auto all = {ReversePath::unknown, ReversePath::open, ReversePath::strict};

std::vector<std::byte> bytes(std::initializer_list<unsigned> in) {
    std::vector<std::byte> out;
    for (const auto b : in) out.push_back(static_cast<std::byte>(b));
    return out;
}

const auto question = bytes({0x80, 252, 0, 8, 'w', 'g', 'b', 'd', 0, 0, 0, 0});

std::vector<std::byte> request(std::size_t size, stamp::Asks asks = stamp::Asks::far_end) {
    std::vector<std::byte> out(size, std::byte{0xee});
    stamp::encode({7, {}, stamp::our_error_estimate, {0x1234}}, out, asks);
    return out;
}

std::vector<std::byte> tlvs_of(const std::vector<std::byte>& packet) {
    return {packet.begin() + stamp::base_length, packet.end()};
}

std::vector<std::byte> reflected(const std::vector<std::byte>& request, ReversePath ours) {
    std::vector<std::byte> out(request.size());
    stamp::reflect(request, *stamp::decode_request(request), 5, {}, {}, 255, ours, out);
    return out;
}

}  // namespace

TEST_CASE("RFC 8972 §4: the question is one TLV with U set, before the padding; there is none where there is no room") {
    CHECK(tlvs_of(request(stamp::base_length + 12)) == question);
    auto padded = question;
    const auto padding = bytes({0x80, 1, 0, 2, 0, 0});
    padded.insert(padded.end(), padding.begin(), padding.end());
    CHECK(tlvs_of(request(stamp::base_length + 18)) == padded);
    CHECK(tlvs_of(request(stamp::base_length + 11)) == bytes({0x80, 1, 0, 7, 0, 0, 0, 0, 0, 0, 0}));
    CHECK(tlvs_of(request(stamp::base_length + 12, stamp::Asks::nothing))[1] == std::byte{1});
}

TEST_CASE("one of ours answers with U clear and what it knows, in as many bytes") {
    for (const auto ours : all) {
        CAPTURE(to_string(ours));
        const auto sent = request(stamp::base_length + 40);
        const auto reply = stamp::decode_reply(reflected(sent, ours));
        REQUIRE(reply);
        CHECK(reply->far_end == ours);
    }
    const auto strict = tlvs_of(reflected(request(stamp::base_length + 18), ReversePath::strict));
    CHECK(strict == bytes({0, 252, 0, 8, 'w', 'g', 'b', 'd', 0xc0, 0, 0, 0, 0, 1, 0, 2, 0, 0}));
}

TEST_CASE("a reflector that is not ours says nothing: U stays, or whatever else it makes of the bytes") {
    const auto said = [](std::vector<std::byte> tlvs) { return far_end::decode_answer(tlvs); };
    CHECK(said(question) == ReversePath::unknown);  // as it came, or with U
    CHECK(said(bytes({0, 252, 0, 8, 'w', 'g', 'b', 'd', 0, 0, 0, 0})) == ReversePath::unknown);  // flags zeroed
    CHECK(said(std::vector<std::byte>(12)) == ReversePath::unknown);                             // TWAMP's zeros
    CHECK(said({}) == ReversePath::unknown);
    const auto strict = bytes({0, 252, 0, 8, 'w', 'g', 'b', 'd', 0xc0, 0, 0, 0});
    CHECK(said(strict) == ReversePath::strict);
    CHECK(said({strict.begin(), strict.end() - 1}) == ReversePath::unknown);
    for (const std::byte flag : {std::byte{0x80}, std::byte{0x40}, std::byte{0x20}}) {
        auto marked = strict;
        marked[0] = flag;
        CHECK(said(marked) == ReversePath::unknown);
    }
    for (std::size_t i = 1; i < 8; ++i) {  // type, length, name
        auto other = strict;
        other[i] ^= std::byte{1};
        CHECK(said(other) == ReversePath::unknown);
    }
    auto unknown = strict;
    unknown[8] = std::byte{0x40};  // S without K
    CHECK(said(unknown) == ReversePath::unknown);
    CHECK(stamp::decode_reply(request(stamp::base_length, stamp::Asks::nothing))->far_end == ReversePath::unknown);
}

TEST_CASE(
    "RFC 8972 §4: what another means by that type comes back as not recognised, what runs past the end as malformed") {
    const auto answered = [](const std::vector<std::byte>& tlvs) {
        auto whole = request(stamp::base_length, stamp::Asks::nothing);
        whole.insert(whole.end(), tlvs.begin(), tlvs.end());
        return tlvs_of(reflected(whole, ReversePath::strict));
    };
    auto other = question;
    other[4] = std::byte{'W'};
    CHECK(answered(other) == other);
    const auto longer = bytes({0x80, 252, 0, 9, 'w', 'g', 'b', 'd', 0, 0, 0, 0, 0});
    CHECK(answered(longer) == longer);
    const auto shorter = bytes({0x80, 252, 0, 4, 'w', 'g', 'b', 'd'});
    CHECK(answered(shorter) == shorter);
    const auto cut = answered({question.begin(), question.end() - 1});
    CHECK(cut == bytes({0x40, 252, 0, 8, 'w', 'g', 'b', 'd', 0, 0, 0}));
    auto after = bytes({0x80, 1, 0, 1, 0xaa});  // wherever it stands
    after.insert(after.end(), question.begin(), question.end());
    CHECK(answered(after)[5] == std::byte{0});
    CHECK(answered(after)[13] == std::byte{0xc0});
}

TEST_CASE("what the far end said holds until it says otherwise, or for five minutes of silence") {
    quality::FarEnd it;
    TimePoint now{1h};
    it.on_time(now);
    CHECK(it.reverse_path() == ReversePath::unknown);
    it.on_answer(now, ReversePath::strict);
    it.on_answer(now + 1min, ReversePath::unknown);  // it has just begun, and has not looked
    it.on_time(now + 5min);
    CHECK(it.reverse_path() == ReversePath::strict);
    it.on_answer(now + 5min, ReversePath::open);
    CHECK(it.reverse_path() == ReversePath::open);
    it.on_time(now + 10min);
    CHECK(it.reverse_path() == ReversePath::open);
    it.on_time(now + 10min + 1s);
    CHECK(it.reverse_path() == ReversePath::unknown);
    const TimePoint before_wrap{65'535s};  // the seconds it keeps begin anew
    it.on_answer(before_wrap, ReversePath::strict);
    it.on_time(before_wrap + 4min);
    CHECK(it.reverse_path() == ReversePath::strict);
    it.on_time(before_wrap + 6min);
    CHECK(it.reverse_path() == ReversePath::unknown);
}
