#include "control/ways.hpp"

#include <doctest/doctest.h>

using adjacency::AdjacencyId;
using adjacency::Hop;
using adjacency::RouteChange;
using control::Ways;

namespace {

struct Net {
    explicit Net(Ways::Limits limits = {})
        : ways{[](const Hop& hop) { return std::optional{AdjacencyId{hop.out.value}}; }, limits} {}
    void object(std::uint32_t id, std::vector<std::uint32_t> interfaces, std::vector<std::uint32_t> members = {}) {
        RouteChange change;
        change.kind = RouteChange::Kind::nexthop;
        change.nexthop = id;
        for (const auto interface : interfaces) change.hops.push_back({{}, {interface}});
        change.members = std::move(members);
        ways.set_nexthop(change, [](auto...) {});
    }
    void object_gone(std::uint32_t id) {
        ways.remove_nexthop(id, [](auto...) {});
    }
    std::size_t rides(std::uint32_t id) { return ways.riding(ways.through_nexthop(id)).on.size(); }

    Ways ways;
};

}  // namespace

TEST_CASE("as many next-hop objects as there is room for; what is refused is counted, and one that goes makes room") {
    Net net{{.objects = 3, .hops = 256}};
    for (std::uint32_t id = 1; id <= 3; ++id) net.object(id, {id});
    CHECK(net.ways.refused() == Ways::Refused{});
    net.object(4, {4});
    CHECK(net.ways.refused().objects == 1);
    CHECK(net.ways.through_nexthop(4) == 0);
    CHECK(net.ways.refused().objects == 2);
    net.object(3, {7});  // that one is known
    CHECK(net.rides(3) == 1);
    CHECK(net.ways.refused().objects == 2);
    net.object_gone(1);
    net.object(4, {4});
    CHECK(net.rides(4) == 1);
    CHECK(net.ways.refused().objects == 2);
}

TEST_CASE("members that nobody told of take no room, and count once they are told, also again") {
    Net net{{.objects = 3, .hops = 256}};
    net.object(20, {}, {1, 2, 3, 4, 5, 6});
    CHECK(net.rides(20) == 0);
    net.object(1, {1});
    net.object(2, {2});
    CHECK(net.ways.refused().objects == 0);
    CHECK(net.rides(20) == 2);
    net.object_gone(2);
    CHECK(net.rides(20) == 1);
    net.object(2, {2});
    CHECK(net.rides(20) == 2);
    net.object(20, {}, {1});
    net.object(2, {9});
    CHECK(net.rides(20) == 1);
}

TEST_CASE("of a group's members the first 256 count, as of a route's next hops") {
    Net net;
    std::vector<std::uint32_t> members;
    for (std::uint32_t id = 1; id <= 256; ++id) {
        net.object(id, {id});
        members.push_back(id);
    }
    net.object(1'000, {}, members);
    CHECK(net.rides(1'000) == 256);
    CHECK(net.ways.refused() == Ways::Refused{});
    net.object(257, {257});
    members.push_back(257);
    net.object(1'000, {}, members);
    CHECK(net.rides(1'000) == 256);
    CHECK(net.ways.refused() == Ways::Refused{.objects = 0, .hops = 1});
}

TEST_CASE("a million objects are the most, and 256 next hops of one") {
    CHECK(Ways::Limits{}.objects == 1'000'000);
    CHECK(Ways::Limits{}.hops == 256);
}
