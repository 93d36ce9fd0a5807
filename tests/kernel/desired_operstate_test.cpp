#include "kernel/desired_operstate.hpp"

#include <doctest/doctest.h>

#include <deque>

namespace {

struct Peers {
    void add(const std::string& interface, bool counts_as_down, bool live) {
        auto& a = adjacencies.emplace_back();
        a.id.value = static_cast<std::uint32_t>(adjacencies.size());
        a.interface = interface;
        all.push_back({a.id, a, {}, live, counts_as_down});
    }
    bool dormant(const std::string& interface) const { return kernel::desired_operstates(all).at(interface).dormant; }
    std::deque<adjacency::Adjacency> adjacencies;
    std::vector<policy::Wanted> all;
};

}  // namespace

TEST_CASE("one peer down and none live makes an interface dormant") {
    Peers p;
    p.add("wg0", true, false);
    CHECK(p.dormant("wg0"));
    p.add("wg0", false, false);  // never up, and stale: neither evidence of death nor of life
    CHECK(p.dormant("wg0"));
}

TEST_CASE("one live peer keeps its interface up, wherever it stands in the list, however many are down") {
    for (const int live : {0, 50, 99}) {
        Peers p;
        for (int i = 0; i < 100; ++i) p.add("wg0", i != live, i == live);
        CHECK_FALSE(p.dormant("wg0"));
    }
}

TEST_CASE("peers that are merely not live take nothing down") {
    Peers p;
    p.add("wg0", false, false);
    CHECK_FALSE(p.dormant("wg0"));
}

TEST_CASE("interfaces are judged apart, and each names its peers") {
    Peers p;
    p.add("wg0", true, false);
    p.add("wg1", false, true);
    p.add("wg1", true, false);
    const auto out = kernel::desired_operstates(p.all);
    REQUIRE(out.size() == 2);
    CHECK(out.at("wg0").dormant);
    CHECK_FALSE(out.at("wg1").dormant);
    CHECK(out.at("wg1").peers == std::vector<adjacency::AdjacencyId>{{2}, {3}});
    CHECK(kernel::desired_operstates({}).empty());
}
