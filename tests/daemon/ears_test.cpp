// Where BFD has to be heard: VRFs have ears of their own.
#include "daemon/ears.hpp"

#include <doctest/doctest.h>

using wgbfd::Ear;

namespace {

base::IpAddress ip(const char* text) { return base::IpAddress::parse(text).value(); }

adjacency::Link link(std::uint32_t index, const char* name, const char* kind, std::uint32_t master = 0) {
    adjacency::Link out;
    out.index = {index};
    out.name = name;
    out.kind = kind;
    out.master = {master};
    return out;
}

const std::vector links{link(1, "wg0", "wireguard"), link(2, "wg1", "wireguard", 8), link(3, "wg2", "wireguard", 7),
                        link(7, "br0", "bridge"),    link(8, "red", "vrf"),          link(9, "blue", "vrf")};

bfd::SessionKey key(std::uint32_t ifindex, bool multihop = false) {
    return {.ifindex = {ifindex}, .local = ip("10.8.0.1"), .remote = ip("10.8.0.2"), .multihop = multihop};
}

std::set<Ear> ears(config::Bind bind, std::vector<bfd::SessionKey> keys, std::vector<config::Interface> all = {}) {
    return wgbfd::ears(bind, keys, all, links);
}

Ear all(base::Family family, std::uint32_t vrf, bool multihop = false) {
    return {.address = {.family = family}, .ifindex = {}, .vrf = {vrf}, .multihop = multihop};
}

using base::Family;
constexpr auto any = config::Bind::any;
constexpr auto by_address = config::Bind::addresses;

}  // namespace

TEST_CASE("outside VRFs the wildcard sockets hear all; a bridge is no VRF") {
    CHECK(ears(any, {key(1), key(3)}).empty());
    CHECK(ears(any, {key(0, true)}) == std::set{all(Family::v4, 8, true), all(Family::v6, 8, true),
                                                all(Family::v4, 9, true), all(Family::v6, 9, true)});
}

TEST_CASE("a session in a VRF has its ears there, for both families") {
    const auto found = ears(any, {key(1), key(2)});
    CHECK(found == std::set{all(Family::v4, 8), all(Family::v6, 8)});
}

TEST_CASE("several hops: the key names the VRF") {
    const auto found = ears(any, {key(8, true)});
    CHECK(found.contains(all(Family::v4, 8, true)));
    CHECK_FALSE(found.contains(all(Family::v4, 8)));
}

TEST_CASE("by address: one address in two VRFs wants two ears") {
    const auto found = ears(by_address, {key(1), key(2)});
    CHECK(found == std::set{Ear{ip("10.8.0.1"), {}, {}, false}, Ear{ip("10.8.0.1"), {}, {8}, false}});
}

TEST_CASE("who may start a session needs an ear") {
    auto here = links;
    here[1].addresses.push_back({.local = ip("fe80::1"), .peer = {}, .prefix_length = 64});
    config::Interface interface {
        .name = "wg1", .feeds = {}, .unsolicited = {}
    };
    CHECK(wgbfd::ears(any, {}, {interface}, here).empty());
    interface.unsolicited.push_back({ip("fe80::"), 10});
    CHECK(wgbfd::ears(any, {}, {interface}, here) == std::set{all(Family::v4, 8), all(Family::v6, 8)});
    CHECK(wgbfd::ears(by_address, {}, {interface}, here) == std::set{Ear{ip("fe80::1"), {2}, {8}, false}});
}

TEST_CASE("an ear as text, and back") {
    for (const auto& ear : {Ear{ip("10.8.0.1"), {}, {}, false}, Ear{ip("fe80::1"), {2}, {8}, false},
                            all(Family::v4, 4'294'967'295, true), all(Family::v6, 0, true)})
        CHECK(wgbfd::ear_of(to_string(ear)) == ear);
    CHECK(to_string(Ear{ip("10.8.0.1"), {}, {8}, true}) == "10.8.0.1%0@8 multihop");
    for (const auto* text : {"", "10.8.0.1", "10.8.0.1%0", "10.8.0.1@8", "10.8.0.1@8%0", "10.8.0.1%0@", "10.8.0.1%@8",
                             "10.8.0.1%0@8 ", "10.8.0.1%0@8multihop", "10.8.0%0@8", "10.8.0.1%x@8", "10.8.0.1%0@-8"})
        CHECK_MESSAGE(!wgbfd::ear_of(text), text);
}
