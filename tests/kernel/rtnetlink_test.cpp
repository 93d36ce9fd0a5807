#include "kernel/rtnetlink.hpp"

#include <doctest/doctest.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include "support/netlink_bytes.hpp"

using namespace support;
using adjacency::Operstate;

namespace {

Buffer link_header(int index, unsigned flags, int family = AF_UNSPEC) {
    ifinfomsg header{};
    header.ifi_family = static_cast<unsigned char>(family);
    header.ifi_index = index;
    header.ifi_flags = flags;
    return raw(header);
}
Buffer address_header(int family, int length, int flags = 0) {
    return raw(ifaddrmsg{static_cast<std::uint8_t>(family), static_cast<std::uint8_t>(length),
                         static_cast<std::uint8_t>(flags), 0, 7});
}
Buffer address(const char* text) {
    const auto data = base::IpAddress::parse(text).value();
    return {data.data().begin(), data.data().end()};
}
base::IpAddress ip(const char* text) { return base::IpAddress::parse(text).value(); }

}  // namespace

TEST_CASE("a link is decoded whole, unknown attributes skipped") {
    const auto in = link_header(7, IFF_UP | IFF_RUNNING) + attribute(IFLA_IFNAME, text("wg0")) +
                    attribute(IFLA_MTU, raw(std::uint32_t{1420})) + attribute(0x3fff, raw(std::uint64_t{~0ULL})) +
                    attribute(IFLA_MASTER, raw(std::uint32_t{9})) + attribute(IFLA_OPERSTATE, raw(std::uint8_t{5})) +
                    nested(IFLA_LINKINFO, attribute(IFLA_INFO_KIND, text("wireguard")));
    const auto link = kernel::decode_link(in);
    REQUIRE(link);
    CHECK(link->index.value == 7);
    CHECK(link->name == "wg0");
    CHECK(link->kind == "wireguard");
    CHECK(link->up);
    CHECK(link->running);
    CHECK(link->mtu == 1420);
    CHECK(link->master.value == 9);
    CHECK(link->operstate == Operstate::dormant);
}

TEST_CASE("a VRF tells its table; other kinds' data is not looked into") {
    const auto with = [](const char* kind) {
        return kernel::decode_link(
            link_header(7, IFF_UP) + attribute(IFLA_IFNAME, text("red")) +
            nested(IFLA_LINKINFO, attribute(IFLA_INFO_KIND, text(kind)) +
                                      nested(IFLA_INFO_DATA, attribute(IFLA_VRF_TABLE, raw(std::uint32_t{1000})))));
    };
    CHECK(with("vrf")->vrf_table == 1000);
    CHECK(with("vlan")->vrf_table == 0);
}

TEST_CASE("a bridge's message about its port is not the port's own") {
    const auto name = attribute(IFLA_IFNAME, text("wg0"));
    CHECK_FALSE(kernel::decode_link(link_header(7, IFF_UP, AF_BRIDGE) + name));
    CHECK(kernel::decode_link(link_header(7, IFF_UP) + name));
}

TEST_CASE("a link with no name, no index or half a header is refused") {
    CHECK_FALSE(kernel::decode_link(link_header(7, IFF_UP)));
    CHECK_FALSE(kernel::decode_link(link_header(0, IFF_UP) + attribute(IFLA_IFNAME, text("wg0"))));
    CHECK_FALSE(kernel::decode_link(link_header(-1, IFF_UP) + attribute(IFLA_IFNAME, text("wg0"))));
    CHECK_FALSE(kernel::decode_link(base::Bytes{link_header(7, IFF_UP)}.first(15)));
    CHECK_FALSE(kernel::decode_link({}));
}

TEST_CASE("an operstate beyond RFC 2863's last is unknown; the last is up") {
    const auto state = [](std::uint8_t n) {
        return kernel::decode_link(link_header(7, 0) + attribute(IFLA_IFNAME, text("x")) +
                                   attribute(IFLA_OPERSTATE, raw(n)))
            ->operstate;
    };
    CHECK(state(6) == Operstate::up);
    CHECK(state(7) == Operstate::unknown);
    CHECK(state(255) == Operstate::unknown);
}

TEST_CASE("every byte string cut from a link message decodes or is refused, and nothing is read beyond it") {
    const auto whole = link_header(7, IFF_UP) + attribute(IFLA_IFNAME, text("wg0")) +
                       nested(IFLA_LINKINFO, attribute(IFLA_INFO_KIND, text("wireguard")));
    for (std::size_t n = 0; n <= whole.size(); ++n) {
        const Buffer cut{whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(n)};  // its own memory, for ASan
        (void)kernel::decode_link(cut);
        (void)kernel::decode_address(cut);
        (void)kernel::decode_route(cut);
    }
}

TEST_CASE("an IPv4 address without a peer has the same local and address") {
    const auto out = kernel::decode_address(address_header(AF_INET, 24) + attribute(IFA_ADDRESS, address("10.8.0.1")) +
                                            attribute(IFA_LOCAL, address("10.8.0.1")));
    REQUIRE(out);
    CHECK(out->index.value == 7);
    CHECK(out->address == adjacency::LinkAddress{ip("10.8.0.1"), {}, 24, false});
}

TEST_CASE("a point-to-point address keeps its peer, IPv4 and IPv6") {
    const auto v4 = kernel::decode_address(address_header(AF_INET, 32) + attribute(IFA_ADDRESS, address("10.8.0.2")) +
                                           attribute(IFA_LOCAL, address("10.8.0.1")));
    REQUIRE(v4);
    CHECK(v4->address == adjacency::LinkAddress{ip("10.8.0.1"), ip("10.8.0.2"), 32, false});
    const auto v6 = kernel::decode_address(address_header(AF_INET6, 128) + attribute(IFA_LOCAL, address("fd00::1")) +
                                           attribute(IFA_ADDRESS, address("fd00::2")));
    REQUIRE(v6);
    CHECK(v6->address == adjacency::LinkAddress{ip("fd00::1"), ip("fd00::2"), 128, false});
}

TEST_CASE("IPv6 names an address without a peer in IFA_ADDRESS alone; tentative unless optimistic") {
    const auto with = [](int flags8, std::uint32_t flags) {
        return kernel::decode_address(address_header(AF_INET6, 64, flags8) +
                                      attribute(IFA_ADDRESS, address("fe80::1")) + attribute(IFA_FLAGS, raw(flags)))
            ->address;
    };
    CHECK(with(0, 0) == adjacency::LinkAddress{ip("fe80::1"), {}, 64, false});
    CHECK(with(0, IFA_F_TENTATIVE).tentative);
    CHECK_FALSE(with(0, IFA_F_TENTATIVE | IFA_F_OPTIMISTIC).tentative);
    CHECK_FALSE(with(IFA_F_TENTATIVE, 0).tentative);  // the wide flags replace the narrow ones
}

TEST_CASE("an address of another family, of the wrong length, or with too long a prefix is refused") {
    CHECK_FALSE(kernel::decode_address(address_header(AF_INET, 24)));
    CHECK_FALSE(kernel::decode_address(address_header(AF_INET, 24) + attribute(IFA_LOCAL, address("fd00::1"))));
    CHECK_FALSE(kernel::decode_address(address_header(AF_INET, 33) + attribute(IFA_LOCAL, address("10.8.0.1"))));
    CHECK(kernel::decode_address(address_header(AF_INET, 32) + attribute(IFA_LOCAL, address("10.8.0.1"))));
}

TEST_CASE("a route answer gives interface and source, where there is one") {
    rtmsg header{};
    header.rtm_family = AF_INET;
    const auto out = kernel::decode_route(raw(header) + attribute(RTA_OIF, raw(std::uint32_t{7})) +
                                          attribute(RTA_PREFSRC, address("10.8.0.1")));
    REQUIRE(out);
    CHECK(out->out.value == 7);
    CHECK(out->preferred_source == ip("10.8.0.1"));
    CHECK_FALSE(kernel::decode_route(raw(header))->preferred_source.is_set());
}
