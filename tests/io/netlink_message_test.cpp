#include "io/netlink_message.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstring>
#include <vector>

namespace {

void append(std::vector<std::byte>& out, const void* data, std::size_t length) {
    const auto* const bytes = static_cast<const std::byte*>(data);
    out.insert(out.end(), bytes, bytes + length);
    out.resize((out.size() + 3) & ~std::size_t{3});
}

std::vector<std::byte> message(std::uint32_t stated_length, std::size_t payload) {
    const nlmsghdr header{stated_length, 16, 2, 7, 0};
    std::vector<std::byte> out;
    append(out, &header, sizeof header);
    out.resize(out.size() + payload, std::byte{0xab});
    return out;
}

}  // namespace

TEST_CASE("two messages in one datagram are walked one after the other, padding between them skipped") {
    auto datagram = message(17, 4);  // one byte of payload, three of padding
    const auto second = message(20, 4);
    datagram.insert(datagram.end(), second.begin(), second.end());
    base::Bytes rest{datagram};
    const auto first = io::next_message(rest);
    REQUIRE(first);
    CHECK(first->payload.size() == 1);
    CHECK(first->sequence == 7);
    const auto then = io::next_message(rest);
    REQUIRE(then);
    CHECK(then->payload.size() == 4);
    CHECK_FALSE(io::next_message(rest));
}

TEST_CASE("a message longer than its datagram, or shorter than its header, ends the walk") {
    for (const std::uint32_t length : {0U, 15U, 21U, 0xffffffffU}) {
        CAPTURE(length);
        const auto datagram = message(length, 4);
        base::Bytes rest{datagram};
        CHECK_FALSE(io::next_message(rest));
    }
    const auto whole = message(20, 4);
    base::Bytes rest{whole};
    CHECK(io::next_message(rest));
    base::Bytes headless = base::Bytes{whole}.first(15);
    CHECK_FALSE(io::next_message(headless));
}

TEST_CASE("attributes lose their nested flag, and a lying length ends the walk") {
    std::vector<std::byte> in;
    const nlattr nested{6, 8 | NLA_F_NESTED};
    append(in, &nested, sizeof nested);
    append(in, "xy", 2);
    const nlattr lying{200, 9};
    append(in, &lying, sizeof lying);
    base::Bytes rest{in};
    const auto attribute = io::next_attribute(rest);
    REQUIRE(attribute);
    CHECK(attribute->type == 8);
    CHECK(attribute->value.size() == 2);
    CHECK_FALSE(io::next_attribute(rest));
}

TEST_CASE("text ends at its NUL, or with the attribute where there is none") {
    const std::array<std::byte, 4> bounded{std::byte{'w'}, std::byte{'g'}, std::byte{0}, std::byte{'x'}};
    CHECK(io::text_of(bounded) == "wg");
    CHECK(io::text_of(base::Bytes{bounded}.first(2)) == "wg");
    CHECK(io::text_of({}).empty());
}
