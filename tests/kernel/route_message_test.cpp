#include "kernel/route_message.hpp"

#include <doctest/doctest.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <optional>

#include "kernel/host_route.hpp"
#include "support/fpm_frames.hpp"
#include "support/netlink_bytes.hpp"

using adjacency::Hop;
using adjacency::RouteChange;
using Kind = RouteChange::Kind;
using support::attribute;
using support::Buffer;
using support::operator+;
using support::padded;
using support::raw;
namespace fpm = support::fpm;

namespace {

base::IpAddress ip(const char* text) { return base::IpAddress::parse(text).value(); }
base::Prefix prefix(const char* text) { return base::Prefix::parse(text).value(); }
Hop hop(const char* gateway, std::uint32_t out) { return {ip(gateway), {out}}; }

// Every netlink message of a captured frame, as changes; none for what is of no interest.
std::vector<std::optional<RouteChange>> changes(std::string_view frame) {
    const auto bytes = fpm::hex(frame);
    auto rest = base::Bytes{bytes}.subspan(4);
    std::vector<std::optional<RouteChange>> out;
    while (const auto message = io::next_message(rest)) {
        RouteChange change;
        out.push_back(kernel::decode_route_change(*message, change) ? std::optional{change} : std::nullopt);
    }
    CHECK(rest.empty());
    return out;
}

RouteChange only(std::string_view frame) {
    const auto all = changes(frame);
    REQUIRE(all.size() == 1);
    REQUIRE(all.front());
    return *all.front();
}

RouteChange route(const char* destination, std::vector<Hop> hops, std::uint32_t nexthop = 0) {
    RouteChange out;
    out.prefix = prefix(destination);
    out.table = RT_TABLE_MAIN;
    out.metric = 20;
    out.hops = std::move(hops);
    out.nexthop = nexthop;
    return out;
}
RouteChange gone(const char* destination) {
    auto out = route(destination, {});
    out.kind = Kind::route_gone;
    return out;
}
RouteChange object(std::uint32_t id, std::vector<Hop> hops, std::vector<std::uint32_t> members = {}) {
    RouteChange out;
    out.kind = Kind::nexthop;
    out.nexthop = id;
    out.hops = std::move(hops);
    out.members = std::move(members);
    return out;
}

rtmsg header(std::uint8_t family = AF_INET, std::uint8_t length = 24) {
    rtmsg out{};
    out.rtm_family = family;
    out.rtm_dst_len = length;
    out.rtm_table = RT_TABLE_MAIN;
    out.rtm_protocol = 186;  // bgp
    out.rtm_type = RTN_UNICAST;
    return out;
}
Buffer ten() { return attribute(RTA_DST, raw(std::array<std::uint8_t, 4>{10, 20, 0, 0})); }
Buffer number(int type, std::uint32_t value) { return attribute(type, raw(value)); }
Buffer next_hop(std::uint32_t interface, const Buffer& attributes, std::uint8_t flags = 0) {
    const rtnexthop out{static_cast<std::uint16_t>(sizeof(rtnexthop) + attributes.size()), flags, 0,
                        static_cast<int>(interface)};
    return padded(raw(out) + attributes);
}
Buffer gateway(std::uint8_t last) { return attribute(RTA_GATEWAY, raw(std::array<std::uint8_t, 4>{10, 8, 0, last})); }

std::optional<RouteChange> decoded(std::uint16_t type, const Buffer& payload) {
    RouteChange out;
    if (!kernel::decode_route_change({.type = type, .payload = payload}, out)) return std::nullopt;
    return out;
}
std::optional<RouteChange> decoded(const rtmsg& head, const Buffer& attributes = {}) {
    return decoded(RTM_NEWROUTE, raw(head) + ten() + attributes);
}

}  // namespace

TEST_CASE("captured from zebra: next-hop objects") {
    CHECK(only(fpm::nexthop_onlink) == object(6, {Hop{{}, {2}}}));
    CHECK(only(fpm::nexthop_v4) == object(14, {hop("10.8.0.1", 3)}));
    CHECK(only(fpm::nexthop_v6) == object(22, {hop("fd00::1", 3)}));
    CHECK(only(fpm::nexthop_group) == object(18, {}, {14, 19}));
    CHECK(only(fpm::nexthop_blackhole) == object(32, {}));
}

TEST_CASE("captured from zebra: routes through them, replaced and removed") {
    CHECK(only(fpm::route_v4) == route("10.20.0.0/24", {}, 14));
    CHECK(only(fpm::route_v6) == route("fd20::/64", {}, 22));
    CHECK(changes(fpm::update_v4) ==
          std::vector<std::optional<RouteChange>>{gone("10.20.0.0/24"), route("10.20.0.0/24", {}, 18)});
    CHECK(only(fpm::removal_v4) == gone("10.20.0.0/24"));
    CHECK(only(fpm::removal_v6) == gone("fd20::/64"));
    CHECK(only(fpm::blackhole) == route("10.22.0.0/24", {}));
}

TEST_CASE("captured from zebra: routes that say their next hops themselves") {
    CHECK(only(fpm::inline_v4) == route("10.20.0.0/24", {hop("10.8.0.1", 3)}));
    CHECK(only(fpm::inline_onlink) == route("10.21.0.0/24", {Hop{{}, {3}}}));
    CHECK(changes(fpm::inline_update_v4).at(1) == route("10.20.0.0/24", {hop("10.8.0.1", 3), hop("10.8.0.3", 4)}));
    CHECK(changes(fpm::inline_update_v6).at(1) == route("fd20::/64", {hop("fd00::1", 3), hop("fd00::3", 4)}));
}

TEST_CASE("what the kernel makes by itself, what is ours, and what holds for some packets alone is of no interest") {
    CHECK(changes(fpm::connected) == std::vector<std::optional<RouteChange>>{std::nullopt});
    CHECK(decoded(header()));
    auto head = header();
    SUBCASE("ours") { head.rtm_protocol = kernel::our_protocol; }
    SUBCASE("a connected one") { head.rtm_protocol = RTPROT_KERNEL; }
    SUBCASE("local") { head.rtm_type = RTN_LOCAL; }
    SUBCASE("broadcast") { head.rtm_type = RTN_BROADCAST; }
    SUBCASE("multicast") { head.rtm_type = RTN_MULTICAST; }
    SUBCASE("no type, but for a removal") { head.rtm_type = RTN_UNSPEC; }
    SUBCASE("by source") { head.rtm_src_len = 8; }
    SUBCASE("by TOS") { head.rtm_tos = 4; }
    SUBCASE("a cached one") { head.rtm_flags = RTM_F_CLONED; }
    SUBCASE("MPLS") { head.rtm_family = AF_MPLS; }
    CHECK(!decoded(head));
}

TEST_CASE("every kind of refusal is a route without a way") {
    for (const int type : {RTN_BLACKHOLE, RTN_UNREACHABLE, RTN_PROHIBIT, RTN_THROW}) {
        auto head = header();
        head.rtm_type = static_cast<std::uint8_t>(type);
        const auto change = decoded(head, number(RTA_OIF, 1) + number(RTA_NH_ID, 7));
        REQUIRE(change);
        CHECK(change->hops.empty());
        CHECK(change->nexthop == 0);
    }
}

TEST_CASE("table, metric and the default route") {
    const auto change = decoded(header(), number(RTA_TABLE, 4'000'000'000U) + number(RTA_PRIORITY, 0xffffffffU));
    REQUIRE(change);
    CHECK(change->table == 4'000'000'000U);
    CHECK(change->metric == 0xffffffffU);
    const auto all = decoded(RTM_NEWROUTE, raw(header(AF_INET6, 0)) + number(RTA_OIF, 3));
    REQUIRE(all);
    CHECK(all->prefix == prefix("::/0"));
    CHECK(decoded(RTM_NEWROUTE, raw(header(AF_INET, 0)))->prefix == prefix("0.0.0.0/0"));
}

TEST_CASE("next hops: sorted, dead ones left out, IPv4 over an IPv6 gateway as it is") {
    rtvia over{};
    over.rtvia_family = AF_INET6;
    const auto via = attribute(RTA_VIA, raw(over.rtvia_family) + raw(ip("fe80::1").bytes));
    const auto list =
        next_hop(4, gateway(3)) + next_hop(5, gateway(5), RTNH_F_DEAD) + next_hop(3, gateway(1)) + next_hop(6, via);
    const auto change = decoded(header(), attribute(RTA_MULTIPATH, list));
    REQUIRE(change);
    auto expected = std::vector{hop("10.8.0.1", 3), hop("10.8.0.3", 4), hop("fe80::1", 6)};
    std::ranges::sort(expected);
    CHECK(change->hops == expected);
    CHECK(decoded(header(), via + number(RTA_OIF, 6))->hops == std::vector{hop("fe80::1", 6)});
    auto dead = header();
    dead.rtm_flags = RTNH_F_DEAD;
    CHECK(decoded(dead, gateway(1) + number(RTA_OIF, 3))->hops.empty());
}

TEST_CASE("beside an object the kernel repeats what the object says: the object counts") {
    const auto change = decoded(header(), number(RTA_NH_ID, 14) + gateway(1) + number(RTA_OIF, 3));
    REQUIRE(change);
    CHECK(change->nexthop == 14);
    CHECK(change->hops.empty());
}

TEST_CASE("the kernel's removal names what it removes") {
    const auto change = decoded(RTM_DELROUTE, raw(header()) + ten() + gateway(1) + number(RTA_OIF, 3));
    REQUIRE(change);
    CHECK(change->kind == Kind::route_gone);
    CHECK(change->hops == std::vector{hop("10.8.0.1", 3)});
    const auto object_gone = decoded(RTM_DELNEXTHOP, raw(nhmsg{}) + number(NHA_ID, 14));
    REQUIRE(object_gone);
    CHECK(object_gone->kind == Kind::nexthop_gone);
    CHECK(object_gone->nexthop == 14);
}

TEST_CASE("malformed messages are refused") {
    const auto whole = raw(header()) + ten();
    CHECK(!decoded(RTM_NEWROUTE, Buffer(whole.begin(), whole.begin() + 11)));
    CHECK(!decoded(RTM_NEWROUTE, raw(header(AF_INET, 33)) + ten()));
    CHECK(!decoded(RTM_NEWROUTE, raw(header(AF_INET6, 24)) + ten()));  // four bytes of address
    CHECK(!decoded(RTM_NEWNEXTHOP, raw(nhmsg{})));                     // no number
    CHECK(!decoded(RTM_NEWLINK, whole));
    CHECK(!decoded(header(), attribute(RTA_MULTIPATH, Buffer(7))));
    auto cut = next_hop(3, gateway(1));
    cut[0] = std::byte{200};  // longer than there is
    CHECK(!decoded(header(), attribute(RTA_MULTIPATH, cut)));
    cut[0] = std::byte{4};  // shorter than itself
    CHECK(!decoded(header(), attribute(RTA_MULTIPATH, cut)));
}

TEST_CASE("what an earlier message said does not stay in the value that is filled anew") {
    RouteChange out;
    out.hops = {hop("10.8.0.9", 9)};
    out.members = {1, 2};
    out.metric = out.nexthop = 99;
    const auto bytes = fpm::hex(fpm::removal_v4);
    auto rest = base::Bytes{bytes}.subspan(4);
    REQUIRE(kernel::decode_route_change(*io::next_message(rest), out));
    CHECK(out == gone("10.20.0.0/24"));
}
