#include "frr/fpm_codec.hpp"

#include <doctest/doctest.h>

#include "io/netlink_message.hpp"
#include "support/fpm_frames.hpp"

using frr::FpmError;
using frr::next_fpm_frame;
using support::fpm::hex;
namespace fpm = support::fpm;

TEST_CASE("a captured frame gives the netlink messages in it, one or more") {
    for (const auto& [frame, messages] : {std::pair{fpm::route_v4, 1}, {fpm::update_v4, 2}, {fpm::nexthop_group, 1}}) {
        const auto bytes = hex(frame);
        const auto body = next_fpm_frame(bytes);
        REQUIRE(body.has_value());
        REQUIRE(body->has_value());
        CHECK((*body)->size() == bytes.size() - frr::fpm_header_length);
        int found = 0;
        for (auto rest = **body; io::next_message(rest);) ++found;
        CHECK(found == messages);
    }
}

TEST_CASE("a frame that is not whole yet is none, wherever it is cut") {
    const auto bytes = hex(fpm::update_v4);
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        CAPTURE(length);
        const auto cut = next_fpm_frame(base::Bytes{bytes}.first(length));
        REQUIRE(cut.has_value());
        CHECK(!cut->has_value());
    }
}

TEST_CASE("what follows a frame is not looked at, and an empty frame is one") {
    auto bytes = hex(fpm::route_v4);
    const auto length = bytes.size();
    bytes.push_back(std::byte{99});
    CHECK((*next_fpm_frame(bytes))->size() == length - 4);
    const auto empty = hex("01 01 00 04");
    REQUIRE(next_fpm_frame(empty).has_value());
    CHECK((*next_fpm_frame(empty))->empty());
}

TEST_CASE("each way of being no frame is refused with its reason") {
    const auto error = [](std::string_view text) {
        const auto frame = next_fpm_frame(hex(text));
        REQUIRE(!frame.has_value());
        return frame.error();
    };
    CHECK(error("00 01 00 04") == FpmError::bad_version);
    CHECK(error("02 01 00 04") == FpmError::bad_version);
    CHECK(error("ff 01 00 04") == FpmError::bad_version);
    CHECK(error("01 00 00 04") == FpmError::bad_type);
    CHECK(error("01 02 00 04") == FpmError::bad_type);  // protobuf
    CHECK(error("01 01 00 03") == FpmError::bad_length);
    CHECK(error("01 01 00 00") == FpmError::bad_length);
    CHECK(error("01 01 00 05 00") == FpmError::bad_netlink);
    CHECK(error("01 01 00 14 0f000000 0000 0000 00000000 00000000") ==
          FpmError::bad_netlink);  // shorter than its header
    CHECK(error("01 01 00 14 11000000 0000 0000 00000000 00000000") == FpmError::bad_netlink);  // longer than the frame
    const auto longest = next_fpm_frame(hex("01 01 ff ff"));
    REQUIRE(longest.has_value());
    CHECK(!longest->has_value());
}
