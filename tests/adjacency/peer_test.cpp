#include <doctest/doctest.h>

#include "adjacency/adjacency.hpp"

using adjacency::PublicKey;

namespace {

PublicKey key_with(std::initializer_list<int> first) {
    PublicKey key;
    std::size_t i = 0;
    for (const int byte : first) key.bytes[i++] = static_cast<std::uint8_t>(byte);
    return key;
}

}  // namespace

TEST_CASE("a key reads and writes as wg prints it") {
    for (const auto* text :
         {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "//////////////////////////////////////////8=",
          "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="}) {
        const auto key = PublicKey::from_base64(text);
        REQUIRE(key.has_value());
        CHECK(to_base64(*key) == text);
    }
    const auto ones = PublicKey::from_base64("//////////////////////////////////////////8=");
    for (const auto byte : ones->bytes) CHECK(byte == 0xff);
}

TEST_CASE("base64 and hex of one key agree") {
    const auto base64 = PublicKey::from_base64("xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=");
    CHECK(base64 == PublicKey::from_hex("c53201039adba14be71f886da1d8dbe9eebded08cb111b75340078999aa9f038"));
    CHECK(base64 == PublicKey::from_hex("C53201039ADBA14BE71F886DA1D8DBE9EEBDED08CB111B75340078999AA9F038"));
}

TEST_CASE("what is no key is refused") {
    const std::string good = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";
    CHECK_FALSE(PublicKey::from_base64(""));
    CHECK_FALSE(PublicKey::from_base64(good.substr(1)));
    CHECK_FALSE(PublicKey::from_base64(good + "="));
    CHECK_FALSE(PublicKey::from_base64(good.substr(0, 43) + "A"));
    CHECK_FALSE(PublicKey::from_base64(good.substr(0, 42) + "=="));
    CHECK_FALSE(PublicKey::from_base64(good.substr(0, 20) + "-" + good.substr(21)));
    CHECK_FALSE(PublicKey::from_base64(good.substr(0, 42) + "h="));  // two bits beyond the 32nd byte
    CHECK_FALSE(PublicKey::from_hex(std::string(63, '0')));
    CHECK(PublicKey::from_hex(std::string(64, '0')));
    CHECK_FALSE(PublicKey::from_hex(std::string(65, '0')));
    CHECK_FALSE(PublicKey::from_hex(std::string(63, '0') + "g"));
}

TEST_CASE("a peer nobody named is called after its interface and its key") {
    const auto key = key_with({0xc5, 0x32, 0x01, 0x03, 0x9a, 0xdb, 0xa1, 0x4b});
    CHECK(adjacency::default_name("wg0", key, {}) == "wg0/xTIBA5rb");
    CHECK(adjacency::default_name("wg0", key, {key}) == "wg0/xTIBA5rb");  // itself is nobody else
    CHECK(adjacency::default_name("wg0", key, {key_with({0xc5, 0x32})}) == "wg0/xTIBA5rb");
}

TEST_CASE("names grow until they differ, for both of two similar keys") {
    const auto a = key_with({0xc5, 0x32, 0x01, 0x03, 0x9a, 0xdb, 0xa1});
    const auto b = key_with({0xc5, 0x32, 0x01, 0x03, 0x9a, 0xdb, 0xa2});
    const auto name_a = adjacency::default_name("wg0", a, {a, b});
    const auto name_b = adjacency::default_name("wg0", b, {a, b});
    CHECK(name_a == "wg0/xTIBA5rboQ");  // 8 characters shared, and the ninth; the tenth differs
    CHECK(name_b == "wg0/xTIBA5rbog");
    const auto last = [](int byte) {
        PublicKey key;
        key.bytes[31] = static_cast<std::uint8_t>(byte);
        return key;
    };
    CHECK(adjacency::default_name("wg0", last(1), {last(2)}) ==
          std::string{"wg0/"}.append(to_base64(last(1)).substr(0, 43)));
}
