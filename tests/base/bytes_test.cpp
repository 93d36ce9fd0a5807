#include "base/bytes.hpp"

#include <doctest/doctest.h>

#include <array>
#include <vector>

namespace {

template <class... T>
std::vector<std::byte> bytes(T... in) {
    return {static_cast<std::byte>(in)...};
}

}  // namespace

TEST_CASE("integers are read in network order") {
    const auto in = bytes(0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f);
    base::ByteReader reader{in};
    CHECK(reader.read<std::uint8_t>() == 0x01);
    CHECK(reader.read<std::uint16_t>() == 0x0203);
    CHECK(reader.read<std::uint32_t>() == 0x04050607U);
    CHECK(reader.read<std::uint64_t>() == 0x08090a0b0c0d0e0fULL);
    CHECK(reader.remaining() == 0);
    CHECK(reader.ok());
}

TEST_CASE("all ones stay all ones in each width") {
    const std::vector<std::byte> in(15, std::byte{0xff});
    base::ByteReader reader{in};
    CHECK(reader.read<std::uint8_t>() == 0xff);
    CHECK(reader.read<std::uint16_t>() == 0xffff);
    CHECK(reader.read<std::uint32_t>() == 0xffffffffU);
    CHECK(reader.read<std::uint64_t>() == ~std::uint64_t{0});
}

TEST_CASE("the last byte can be read, one more cannot, and a failed reader stays failed") {
    const auto in = bytes(1, 2, 3);
    base::ByteReader reader{in};
    CHECK(reader.read<std::uint16_t>() == 0x0102);
    CHECK(reader.read<std::uint16_t>() == 0);  // one byte is left, two are asked for
    CHECK_FALSE(reader.ok());
    CHECK(reader.remaining() == 0);
    CHECK(reader.read<std::uint8_t>() == 0);
    CHECK_FALSE(reader.ok());
}

TEST_CASE("bytes and skips stop at the end") {
    const auto in = bytes(1, 2, 3, 4);
    base::ByteReader reader{in};
    reader.skip(1);
    const auto middle = reader.read_bytes(2);
    REQUIRE(middle.size() == 2);
    CHECK(middle[0] == std::byte{2});
    CHECK(reader.remaining() == 1);
    CHECK(reader.read_bytes(2).empty());
    CHECK_FALSE(reader.ok());
    base::ByteReader whole{in};
    whole.skip(4);
    CHECK(whole.ok());
    whole.skip(0);
    CHECK(whole.ok());
    whole.skip(1);
    CHECK_FALSE(whole.ok());
}

TEST_CASE("integers are written in network order and read back") {
    std::array<std::byte, 15> out{};
    base::ByteWriter writer{out};
    writer.write(std::uint8_t{0x01});
    writer.write(std::uint16_t{0x0203});
    writer.write(std::uint32_t{0x04050607});
    writer.write(std::uint64_t{0x08090a0b0c0d0e0f});
    CHECK(writer.ok());
    CHECK(writer.size() == 15);
    for (std::size_t i = 0; i < out.size(); ++i) CHECK(out[i] == static_cast<std::byte>(i + 1));
}

TEST_CASE("a writer that runs full writes nothing of what does not fit") {
    std::array<std::byte, 3> out{};
    base::ByteWriter writer{out};
    writer.write(std::uint16_t{0xffff});
    CHECK(writer.ok());
    writer.write(std::uint16_t{0xffff});
    CHECK_FALSE(writer.ok());
    CHECK(writer.size() == 2);
    CHECK(out[2] == std::byte{0});
    base::ByteWriter other{out};
    const std::array<std::byte, 4> four{};
    other.write_bytes(base::Bytes{four}.first(3));
    CHECK(other.ok());
    other.write_bytes({});
    CHECK(other.ok());
    other.write_bytes(base::Bytes{four}.first(1));
    CHECK_FALSE(other.ok());
    CHECK(other.size() == 3);
}
