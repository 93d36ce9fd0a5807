#include "frr/settings.hpp"

#include <doctest/doctest.h>

using namespace frr;
using enum Setting;

using Lines = std::vector<std::string>;

TEST_CASE("a line is entered in its block, and taken out as FRR takes it") {
    CHECK(commands_for({ospf_cost, "wg0"}, 65535, "interface wg0") == Lines{"interface wg0", "ip ospf cost 65535"});
    CHECK(commands_for({ospf_cost, "wg0"}, {}, "interface wg0") == Lines{"interface wg0", "no ip ospf cost"});
    CHECK(commands_for({ospf6_cost, "wg0"}, 25, "interface wg0") == Lines{"interface wg0", "ipv6 ospf6 cost 25"});
    CHECK(commands_for({ospf6_cost, "wg0"}, {}, "interface wg0") == Lines{"interface wg0", "no ipv6 ospf6 cost"});
    const std::string bgp = "router bgp 65001", v4 = "address-family ipv4 unicast", v6 = "address-family ipv6 unicast";
    CHECK(commands_for({ipv4_weight, "10.8.0.1"}, 6, bgp) == Lines{bgp, v4, "neighbor 10.8.0.1 weight 6"});
    CHECK(commands_for({ipv6_weight, "wg0"}, {}, bgp) == Lines{bgp, v6, "no neighbor wg0 weight"});
    CHECK(commands_for({graceful_shutdown, "10.8.0.1"}, 1, bgp) == Lines{bgp, "neighbor 10.8.0.1 graceful-shutdown"});
    CHECK(commands_for({graceful_shutdown, "10.8.0.1"}, {}, bgp) ==
          Lines{bgp, "no neighbor 10.8.0.1 graceful-shutdown"});
}

TEST_CASE("each line belongs to one daemon") {
    CHECK(source_of(ospf_cost) == NeighborSource::ospf);
    CHECK(source_of(ospf6_cost) == NeighborSource::ospf6);
    for (const auto setting : {ipv4_weight, ipv6_weight, graceful_shutdown})
        CHECK(source_of(setting) == NeighborSource::bgp);
}

TEST_CASE("what is held is written into an undo record and read back, whatever stood there before") {
    const std::string directory = "/run/frr of mine";
    for (const auto& [place, held] :
         std::vector<std::pair<Place, Held>>{{{ospf_cost, "wg0"}, {.before = {}, .reckoned = 10, .ours = {65535}}},
                                             {{ospf6_cost, "wg0"}, {.before = 50, .reckoned = 0, .ours = {65535, 125}}},
                                             {{ipv4_weight, "10.8.0.1"}, {.before = 0, .reckoned = 0, .ours = {6}}},
                                             {{ipv6_weight, "fe80::1"}, {.before = {}, .reckoned = 0, .ours = {1}}},
                                             {{graceful_shutdown, "wg0"}, {.before = {}, .reckoned = 0, .ours = {1}}},
                                             {{ospf_cost, "wg1"}, {.before = 50, .reckoned = 0, .ours = {}}}}) {
        const auto record = to_record(directory, place, held);
        CHECK(record.subject == to_subject(directory, place));
        const auto known = parse_record(record);
        REQUIRE(known.has_value());
        CHECK(*known == HeldRecord{directory, place, held});
    }
    CHECK(to_record("/run/frr", {ospf_cost, "wg0"}, {.before = {}, .reckoned = 10, .ours = {65535, 25}}) ==
          io::UndoRecord{"frr-vty", "/run/frr wg0 ospf-cost", "none 10", "65535 25"});
}

TEST_CASE("what is no record of this feed is none") {
    const io::UndoRecord good{"frr-vty", "/run/frr wg0 ospf-cost", "none", "65535"};
    CHECK(parse_record(good).has_value());
    auto bad = good;
    SUBCASE("another feed's") { bad.feed = "link"; }
    SUBCASE("an unknown setting") { bad.subject = "/run/frr wg0 ospf-speed"; }
    SUBCASE("no interface") { bad.subject = "/run/frr ospf-cost"; }
    SUBCASE("nothing") { bad.subject = ""; }
    SUBCASE("no value before") { bad.before = ""; }
    SUBCASE("a value that is none") { bad.before = "10x"; }
    SUBCASE("a reckoned one that is none") { bad.before = "none x"; }
    SUBCASE("ours is no number") { bad.ours = "1 x"; }
    SUBCASE("too great") { bad.ours = "65536"; }
    CHECK_FALSE(parse_record(bad).has_value());
}

TEST_CASE("ours is what still stands as we left it, by any of the values that may have arrived") {
    const Held held{.before = 50, .reckoned = 0, .ours = {65535, 125}};
    CHECK(is_ours(held, 65535));
    CHECK(is_ours(held, 125));
    CHECK_FALSE(is_ours(held, 50));
    CHECK_FALSE(is_ours(held, {}));
}
