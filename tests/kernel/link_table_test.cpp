#include "kernel/link_table.hpp"

#include <doctest/doctest.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include "support/netlink_bytes.hpp"

using namespace support;
using Effect = kernel::LinkTable::Effect;

namespace {

struct Table : kernel::LinkTable {
    Effect link(int type, int index, const char* name, unsigned flags = IFF_UP, std::uint32_t mtu = 1420) {
        ifinfomsg header{};
        header.ifi_index = index;
        header.ifi_flags = flags;
        return send(type, raw(header) + attribute(IFLA_IFNAME, text(name)) + attribute(IFLA_MTU, raw(mtu)));
    }
    Effect address(int type, unsigned index, std::uint32_t last, std::uint32_t flags = 0) {
        const auto value = raw(htonl(0x0a080000 + last));
        return send(type, raw(ifaddrmsg{AF_INET, 24, 0, 0, index}) + attribute(IFA_LOCAL, value) +
                              attribute(IFA_ADDRESS, value) + attribute(IFA_FLAGS, raw(flags)));
    }
    Effect send(int type, const Buffer& payload) { return apply({static_cast<std::uint16_t>(type), 0, 0, payload}); }
    static std::uint32_t htonl(std::uint32_t n) { return __builtin_bswap32(n); }
};

}  // namespace

TEST_CASE("interfaces that come, go or flip IFF_UP are told apart from other changes, and repetition is none") {
    Table t;
    CHECK(t.link(RTM_NEWLINK, 7, "wg0") == Effect::flipped);
    CHECK(t.link(RTM_NEWLINK, 7, "wg0") == Effect::none);
    CHECK(t.link(RTM_NEWLINK, 7, "wg0", IFF_UP, 1400) == Effect::changed);
    CHECK(t.link(RTM_NEWLINK, 7, "wg0", 0, 1400) == Effect::flipped);
    CHECK(t.link(RTM_NEWLINK, 7, "wg9", 0, 1400) == Effect::changed);
    CHECK(t.links().at(0).name == "wg9");
    CHECK(t.link(RTM_DELLINK, 7, "wg9") == Effect::flipped);
    CHECK(t.link(RTM_DELLINK, 7, "wg9") == Effect::none);
    CHECK(t.links().empty());
}

TEST_CASE("addresses come, change and go; one that comes before its interface is kept for it") {
    Table t;
    CHECK(t.address(RTM_NEWADDR, 7, 1, IFA_F_TENTATIVE) == Effect::changed);
    CHECK(t.links().empty());
    t.link(RTM_NEWLINK, 7, "wg0");
    REQUIRE(t.links().at(0).addresses.size() == 1);
    CHECK(t.links().at(0).addresses[0].tentative);
    CHECK(t.address(RTM_NEWADDR, 7, 1) == Effect::changed);
    CHECK(t.address(RTM_NEWADDR, 7, 1) == Effect::none);
    CHECK_FALSE(t.links().at(0).addresses[0].tentative);
    CHECK(t.address(RTM_DELADDR, 7, 2) == Effect::none);
    CHECK(t.address(RTM_DELADDR, 7, 1) == Effect::changed);
    CHECK(t.links().at(0).addresses.empty());
}

TEST_CASE("an interface that went takes its addresses along, and does not give them to its successor") {
    Table t;
    t.link(RTM_NEWLINK, 7, "wg0");
    t.address(RTM_NEWADDR, 7, 1);
    t.link(RTM_DELLINK, 7, "wg0");
    t.link(RTM_NEWLINK, 7, "wg0");
    CHECK(t.links().at(0).addresses.empty());
}

TEST_CASE("what a new dump does not mention is gone; what it or an event mentions stays") {
    Table t;
    for (int i = 1; i <= 3; ++i) {
        t.link(RTM_NEWLINK, i, "x");
        t.address(RTM_NEWADDR, static_cast<unsigned>(i), 1);
        t.address(RTM_NEWADDR, static_cast<unsigned>(i), 2);
    }
    t.begin_links();
    t.link(RTM_NEWLINK, 1, "x");
    t.link(RTM_NEWLINK, 3, "x");
    CHECK(t.end_links() == Effect::flipped);
    REQUIRE(t.links().size() == 2);
    CHECK(t.links()[1].index.value == 3);
    t.begin_addresses();
    t.address(RTM_NEWADDR, 1, 2);
    t.address(RTM_NEWADDR, 3, 1);
    t.address(RTM_NEWADDR, 3, 2);
    CHECK(t.end_addresses() == Effect::changed);
    CHECK(t.links()[0].addresses.size() == 1);
    CHECK(t.links()[1].addresses.size() == 2);
    t.begin_links();
    t.link(RTM_NEWLINK, 1, "x");
    t.link(RTM_NEWLINK, 3, "x");
    CHECK(t.end_links() == Effect::none);
}
