#include "bird/neighbors.hpp"

#include <algorithm>
#include <map>

#include <doctest/doctest.h>

#include "bird/neighbors_codec.hpp"
#include "fake_bird.hpp"

using namespace bird;
using adjacency::Neighbor;
using base::IpAddress;

namespace {

Reply read(const std::string& text) {
    ReplyReader reader;
    REQUIRE(reader.feed(text));
    auto reply = reader.next();
    REQUIRE(reply);
    return *reply;
}

IpAddress ip(const char* text) { return IpAddress::parse(text).value(); }

const Neighbor link_local{"d0", ip("fe80::1"), ip("fe80::2"), true, true};
const Neighbor direct{"", ip("10.0.1.1"), ip("10.0.1.2"), true, true};
const Neighbor multihop{"", ip("10.0.2.1"), ip("10.0.2.2"), false, true};
const Neighbor waiting{"d0", {}, ip("fe80::b"), true, false};
const Neighbor ospf2{"d0", {}, ip("10.0.1.2"), true, true};
const Neighbor ospf3{"d0", {}, ip("fe80::2"), true, true};

// A BIRD that has all of them.
struct Talk {
    Talk() {
        bird.on_command = [this](const std::string& command) -> std::string {
            ++asked[command];
            const auto found = answers.find(command);
            return found == answers.end() ? captures::unknown_name : found->second;
        };
    }
    bool until(const std::function<bool()>& done) { return bird.until(context, done); }
    void a_round() {
        neighbors.follow(false);
        neighbors.follow(true);  // asks at once
        const auto before = asked["show protocols"];
        REQUIRE(until([&] { return asked["show protocols"] > before; }));
        int turns = 0;
        REQUIRE(until([&] { return ++turns > 50; }));
    }

    bird_test::TemporaryDirectory directory;
    std::filesystem::path path = directory.path / "bird.ctl";
    bird_test::FakeBird bird{path};
    std::map<std::string, std::string> answers{{"show protocols", captures::show_neighbors},
                                               {"show protocols all 'to_b'", captures::bgp_link_local},
                                               {"show protocols all 'to_d'", captures::bgp_direct},
                                               {"show protocols all 'to_m'", captures::bgp_multihop},
                                               {"show protocols all 'to_c'", captures::bgp_range},
                                               {"show protocols all 'to_x'", captures::bgp_waiting},
                                               {"show ospf neighbors 'o2'", captures::ospf2_neighbors},
                                               {"show ospf neighbors 'o3'", captures::ospf3_neighbors}};
    std::map<std::string, int> asked;
    boost::asio::io_context context{1};
    SharedControl control{context, path.string()};
    std::vector<Neighbor> told;
    int times = 0;
    Neighbors neighbors{context, control, [this](std::vector<Neighbor> all) {
                            told = std::move(all);
                            std::ranges::sort(told);
                            ++times;
                        }};
};

std::vector<Neighbor> sorted(std::vector<Neighbor> all) {
    std::ranges::sort(all);
    return all;
}

}  // namespace

TEST_CASE("a BGP neighbour has its interface when it is link-local, and is direct unless it is several hops away") {
    CHECK(parse_bgp_neighbor(read(captures::bgp_link_local)) == link_local);
    CHECK(parse_bgp_neighbor(read(captures::bgp_direct)) == direct);
    CHECK(parse_bgp_neighbor(read(captures::bgp_multihop)) == multihop);
    CHECK(parse_bgp_neighbor(read(captures::bgp_waiting)) == waiting);
    CHECK_FALSE(parse_bgp_neighbor(read(captures::bgp_range)));
    CHECK_FALSE(parse_bgp_neighbor(read(captures::show_all)));
    CHECK_FALSE(parse_bgp_neighbor(read("1006-  Neighbor address: nonsense%d0\n0000 \n")));
    CHECK(parse_bgp_neighbor(read(captures::facts_bgp_3)) == Neighbor{"wg0", ip("fe80::1"), ip("fe80::2"), true, true});
}

TEST_CASE("OSPF's neighbours stand on their interface, in either version; one in Attempt is not heard") {
    CHECK(parse_ospf_neighbors(read(captures::ospf2_neighbors)) == std::vector{ospf2});
    CHECK(parse_ospf_neighbors(read(captures::ospf3_neighbors)) == std::vector{ospf3});
    for (const char* none : {captures::ospf_not_up, captures::ospf_of_another, captures::show_all})
        CHECK(parse_ospf_neighbors(read(none)).empty());
    const auto other = parse_ospf_neighbors(read(captures::facts_ospf_other_order));
    REQUIRE(other.size() == 2);
    CHECK(other[0] == Neighbor{"d0", {}, ip("10.0.1.2"), true, false});
    CHECK(other[1] == Neighbor{"d0", {}, ip("10.0.1.3"), true, true});
}

TEST_CASE("all neighbours are told, once; nobody else is asked, and nobody at all before they are wanted") {
    Talk t;
    int turns = 0;
    REQUIRE(t.until([&] { return ++turns > 20; }));
    CHECK(t.bird.connections == 0);
    t.neighbors.follow(true);
    REQUIRE(t.until([&] { return t.times == 1; }));
    CHECK(t.told == sorted({link_local, direct, multihop, waiting, ospf2, ospf3}));
    CHECK(t.asked.size() == 8);  // the table, and seven that may have neighbours
    t.a_round();
    CHECK(t.times == 1);
    CHECK(t.neighbors.problems().empty());
}

TEST_CASE("a BGP neighbour is asked for again when its line has changed, OSPF's each time") {
    Talk t;
    t.neighbors.follow(true);
    REQUIRE(t.until([&] { return t.times == 1; }));
    t.a_round();
    CHECK(t.asked["show protocols all 'to_b'"] == 1);
    CHECK(t.asked["show ospf neighbors 'o2'"] == 2);
    std::string table = captures::show_neighbors;
    table.replace(table.find("09:38:09.999"), 12, "09:40:00.000");
    t.answers["show protocols"] = table;
    t.answers["show protocols all 'to_b'"] = captures::bgp_waiting;
    t.answers["show ospf neighbors 'o2'"] = captures::ospf_not_up;
    t.a_round();
    CHECK(t.times == 2);
    CHECK(t.told == sorted({waiting, direct, multihop, waiting, ospf3}));
}

TEST_CASE("a BIRD that is gone is a problem while neighbours are wanted, and takes nothing away; back, it is asked") {
    Talk t;
    t.neighbors.follow(true);
    REQUIRE(t.until([&] { return t.times == 1; }));
    t.bird.stop();
    REQUIRE(t.until([&] { return !t.neighbors.problems().empty(); }));
    REQUIRE(t.until([&] { return t.neighbors.problems()[0].find("start BIRD") != std::string::npos; }));
    CHECK(t.neighbors.problems()[0].starts_with("neighbours: BIRD's control socket "));
    CHECK(t.times == 1);
    t.neighbors.follow(false);
    CHECK(t.neighbors.problems().empty());
    t.neighbors.follow(true);
    t.answers["show ospf neighbors 'o2'"] = captures::ospf_not_up;
    t.bird.start();
    REQUIRE(t.until([&] { return t.times == 2; }));
    CHECK(t.told == sorted({link_local, direct, multihop, waiting, ospf3}));
    CHECK(t.neighbors.problems().empty());
}

TEST_CASE("a table of many protocols is read whole, in slices") {
    Talk t;
    std::string table = "2002-Name Proto Table State Since Info\n1002-device1 Device --- up 1 \n";
    for (int i = 0; i < 500; ++i) table += " s" + std::to_string(i) + " Static master4 up 1 \n";
    t.answers["show protocols"] = table + " to_b BGP --- up 1 Established\n0000 \n";
    t.neighbors.follow(true);
    REQUIRE(t.until([&] { return t.times == 1; }));
    CHECK(t.told == std::vector{link_local});
}
