#include "kernel/host_route.hpp"

#include <doctest/doctest.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "support/netlink_bytes.hpp"

using namespace support;

namespace {

Buffer header(int family, int length, int type, int table = 0, int protocol = kernel::our_protocol) {
    rtmsg out{};
    out.rtm_family = static_cast<unsigned char>(family);
    out.rtm_dst_len = static_cast<unsigned char>(length);
    out.rtm_type = static_cast<unsigned char>(type);
    out.rtm_table = static_cast<unsigned char>(table);
    out.rtm_protocol = static_cast<unsigned char>(protocol);
    return raw(out);
}
base::IpAddress ip(const char* text) { return base::IpAddress::parse(text).value(); }
Buffer destination(const char* text) {
    const auto data = ip(text);
    return attribute(RTA_DST, Buffer{data.data().begin(), data.data().end()});
}
Buffer number(int type, std::uint32_t value) { return attribute(static_cast<std::uint16_t>(type), raw(value)); }

}  // namespace

TEST_CASE("a host route is destination, metric and interface, in a table of any number") {
    const auto out =
        kernel::decode_host_route(header(AF_INET, 32, RTN_UNICAST, RT_TABLE_COMPAT) + number(RTA_TABLE, 4242) +
                                  destination("10.8.0.1") + number(RTA_PRIORITY, 10) + number(RTA_OIF, 7));
    REQUIRE(out);
    CHECK(*out == kernel::TableRoute{4242, 87, {ip("10.8.0.1"), false, 10, {7}}});
}

TEST_CASE("an unreachable one has no interface, though IPv6 names one") {
    const auto v4 = kernel::decode_host_route(header(AF_INET, 32, RTN_UNREACHABLE, 100) + destination("10.8.0.1") +
                                              number(RTA_PRIORITY, 1));
    CHECK(v4 == kernel::TableRoute{100, 87, {ip("10.8.0.1"), true, 1, {}}});
    const auto v6 = kernel::decode_host_route(header(AF_INET6, 128, RTN_UNREACHABLE, 100) + destination("fd00::1") +
                                              number(RTA_PRIORITY, 1) + number(RTA_OIF, 1));
    CHECK(v6 == kernel::TableRoute{100, 87, {ip("fd00::1"), true, 1, {}}});
}

TEST_CASE("whose route it is stands in the protocol; every field at all-ones is carried") {
    const auto out = kernel::decode_host_route(header(AF_INET6, 128, RTN_UNICAST, 0xff, 0xff) +
                                               number(RTA_TABLE, 0xffffffff) + destination("fd00::1") +
                                               number(RTA_PRIORITY, 0xffffffff) + number(RTA_OIF, 0xffffffff));
    CHECK(out == kernel::TableRoute{0xffffffff, 0xff, {ip("fd00::1"), false, 0xffffffff, {0xffffffff}}});
}

TEST_CASE("what is no host route to one interface and not unreachable is none of ours") {
    const auto whole = [](int length, int type) {
        return kernel::decode_host_route(header(AF_INET, length, type) + destination("10.8.0.1") + number(RTA_OIF, 7));
    };
    CHECK(whole(32, RTN_UNICAST));
    CHECK_FALSE(whole(31, RTN_UNICAST));
    CHECK_FALSE(whole(32, RTN_BLACKHOLE));
    CHECK_FALSE(whole(32, RTN_PROHIBIT));
    CHECK_FALSE(kernel::decode_host_route(header(AF_INET, 32, RTN_UNICAST) + destination("10.8.0.1")));
    CHECK_FALSE(kernel::decode_host_route(header(AF_INET, 32, RTN_UNICAST) + number(RTA_OIF, 7)));
    CHECK_FALSE(
        kernel::decode_host_route(header(AF_INET, 128, RTN_UNICAST) + destination("fd00::1") + number(RTA_OIF, 7)));
}

TEST_CASE("every byte string cut from a route decodes or is refused, and nothing is read beyond it") {
    const auto whole =
        header(AF_INET, 32, RTN_UNICAST) + destination("10.8.0.1") + number(RTA_PRIORITY, 10) + number(RTA_OIF, 7);
    for (std::size_t n = 0; n <= whole.size(); ++n) {
        const Buffer cut{whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(n)};  // its own memory, for ASan
        (void)kernel::decode_host_route(cut);
    }
}
