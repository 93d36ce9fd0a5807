// [bird], bird_protocol and the feeds that need them.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "parsed.hpp"

namespace {

using Lines = std::vector<std::string>;

std::string entry(const std::string& more) {
    return "[[adjacency]]\ninterface = \"wg0\"\npeer = \"" + key_a + "\"\n" + more;
}

}  // namespace

TEST_CASE("[bird] has a control socket where Debian has it, and no table unless one is named") {
    CHECK(good("").bird.control == "/run/bird/bird.ctl");
    CHECK_FALSE(good("").bird.nexthop_table);
    const auto bird = good("[bird]\ncontrol = \"/run/b.ctl\"\nnexthop_table = 4242\n").bird;
    CHECK(bird.control == "/run/b.ctl");
    CHECK(bird.nexthop_table == 4242U);
}

TEST_CASE("nexthop_table is any number of the kernel's but its own three") {
    for (const auto* number : {"1", "252", "256", "4294967295"})
        CHECK(good(std::string{"[bird]\nnexthop_table = "} + number + "\n").bird.nexthop_table == std::stoul(number));
    for (const auto* number : {"0", "-1", "4294967296"})
        CHECK(bad(std::string{"[bird]\nnexthop_table = "} + number + "\n").size() == 1);
    for (const auto* number : {"253", "254", "255"})
        CHECK(bad(std::string{"[bird]\nnexthop_table = "} + number + "\n") ==
              Lines{"f:2:17: nexthop_table must not be 253 to 255, the kernel's own default, main and local: choose a "
                    "table that nobody uses, such as 4242"});
}

TEST_CASE("control is an absolute path that a socket address holds") {
    CHECK(good("[bird]\ncontrol = \"/" + std::string(106, 'x') + "\"\n").bird.control.size() == 107);
    for (const auto& path : {std::string{"bird.ctl"}, std::string{}, "/" + std::string(107, 'x')}) {
        CAPTURE(path);
        const auto errors = bad("[bird]\ncontrol = \"" + path + "\"\n");
        REQUIRE(errors.size() == 1);
        CHECK(errors[0].find("must be an absolute path of at most 107 characters") != std::string::npos);
    }
}

TEST_CASE("bird-nexthop needs its table, wherever the feed stands and [bird] too") {
    const std::string message =
        "the feed \"bird-nexthop\" needs a kernel table of its own: write nexthop_table = 4242 into [bird], and learn "
        "that table in BIRD";
    CHECK(bad("[interface.wg0]\nfeeds = [\"link\", \"bird-nexthop\"]\n") == Lines{"f:2:18: " + message});
    CHECK(bad(entry("feeds = [\"bird-nexthop\"]\n")) == Lines{"f:4:10: " + message});
    const auto config = good(entry("feeds = [\"bird-nexthop\"]\n") + "[bird]\nnexthop_table = 4242\n");
    CHECK(config.adjacencies[0].feeds == std::vector<std::string>{"bird-nexthop"});
    CHECK(good("[interface.wg0]\nfeeds = [\"bird-nexthop\"]\n[bird]\nnexthop_table = 7\n").interfaces[0].feeds.size() ==
          1);
}

TEST_CASE("bird-protocol and bird_protocol need each other; the interface may name the feed for all its peers") {
    const std::string named = "bird_protocol = \"to_paris\"\n", feed = "feeds = [\"bird-protocol\"]\n";
    CHECK(good(entry(named + feed)).adjacencies[0].bird_protocol == "to_paris");
    CHECK(good(entry(named) + "[interface.wg0]\n" + feed).adjacencies[0].bird_protocol == "to_paris");
    CHECK(good("[interface.wg0]\n" + feed).interfaces.size() == 1);
    CHECK(bad(entry(feed)) ==
          Lines{"f:4:10: the feed \"bird-protocol\" needs the protocol that runs over this peer: add bird_protocol = "
                "\"NAME\", one that `birdc show protocols` lists"});
    const Lines alone{
        "f:4:1: bird_protocol says nothing without the feed \"bird-protocol\": add it to feeds, or remove "
        "bird_protocol"};
    CHECK(bad(entry(named)) == alone);
    CHECK(bad(entry(named) + "[interface.wg1]\n" + feed) == alone);
}

TEST_CASE("bird_protocol is a name of BIRD's") {
    for (const auto* name : {"a b", "a'b", "wg*", ""}) {
        CAPTURE(name);
        const auto errors = bad(entry(std::string{"feeds = [\"bird-protocol\"]\nbird_protocol = \""} + name + "\"\n"));
        REQUIRE(errors.size() == 1);
        CHECK(errors[0].find("is no name that BIRD gives to a protocol") != std::string::npos);
    }
    CHECK(bad("bird_protocol = \"x\"\n") ==
          Lines{"f:1:1: unknown key \"bird_protocol\" at the top level; it belongs in [[adjacency]]"});
    CHECK(bad("[frr]\nnexthop_table = 1\n") ==
          Lines{"f:2:1: unknown key \"nexthop_table\" in [frr]; it belongs in [bird]"});
}

TEST_CASE("[bird] include is a path that fits into BIRD's own configuration, and intervals go with it") {
    CHECK_FALSE(good("").bird.present);
    const auto bird = good(
                          "[bird]\ninclude = \"/etc/bird/wgbfd.conf\"\ninclude_interval = \"500ms\"\n"
                          "communities_interval = \"86400s\"\ncommunities = \"configured\"\n")
                          .bird;
    CHECK(bird.present);
    CHECK(bird.include == "/etc/bird/wgbfd.conf");
    CHECK(bird.include_interval == std::chrono::milliseconds{500});
    CHECK(bird.communities_interval == std::chrono::hours{24});
    CHECK_FALSE(bird.measured_communities);
    CHECK(good("[bird]\ninclude = \"/x\"\ncommunities = \"measured\"\n").bird.measured_communities);
    CHECK(good("[bird]\ninclude = \"/x\"\n").bird.measured_communities);
    CHECK(bad("[bird]\ninclude = \"/x\"\ncommunities = \"all\"\n") ==
          Lines{"f:3:15: communities must be \"measured\" or \"configured\", not \"all\""});
    CHECK(bad("[bird]\ncommunities = \"measured\"\n") ==
          Lines{"f:2:1: communities says nothing without include: add include or remove it"});
    for (const std::string path : {"wgbfd.conf", "", "/etc/my bird/x", "/etc/bird/", "/etc/a\\\"b"})
        CHECK(bad("[bird]\ninclude = \"" + path + "\"\n").size() == 1);
    CHECK(bad("[bird]\ninclude = \"/x\"\ninclude_interval = \"99ms\"\n") ==
          Lines{"f:3:20: include_interval must be 100ms..86400s, not \"99ms\""});
    CHECK(bad("[bird]\ninclude = \"/x\"\ncommunities_interval = \"86401s\"\n").size() == 1);
    CHECK(bad("[bird]\ncommunities_interval = \"5s\"\n") ==
          Lines{"f:2:1: communities_interval says nothing without include: add include or remove it"});
}

TEST_CASE("bird-include needs a file and a name; local_pref and dn42's classes need the feed") {
    const std::string feed = "feeds = [\"bird-include\"]\n", file = "[bird]\ninclude = \"/x\"\n";
    const std::string values = "local_pref = 4294967295\ndn42_latency = 9\ndn42_loss = 94\n";
    const auto paris = good(entry("name = \"paris\"\n" + feed + values) + file).adjacencies[0];
    CHECK(paris.local_pref == 4294967295U);
    CHECK(paris.dn42_latency == 9);
    CHECK(paris.dn42_loss == 94);
    CHECK(good(entry("name = \"paris\"\n" + values) + "[interface.wg0]\n" + feed + file).adjacencies.size() == 1);
    CHECK(bad(entry("name = \"paris\"\n" + feed)) ==
          Lines{"f:5:10: the feed \"bird-include\" needs a file: write include = \"/etc/bird/wgbfd.conf\" into [bird], "
                "and include it in BIRD's configuration"});
    CHECK(bad(entry(feed) + file) ==
          Lines{"f:4:10: the feed \"bird-include\" needs a name: BIRD's constants are made of it, add name = \"...\""});
    CHECK(bad(entry("name = \"paris\"\nlocal_pref = 1\n") + file) ==
          Lines{"f:5:1: local_pref says nothing without the feed \"bird-include\": add it to feeds, or remove "
                "local_pref"});
    for (const std::string value : {"local_pref = -1\n", "local_pref = 4294967296\n", "dn42_latency = 0\n",
                                    "dn42_latency = 10\n", "dn42_loss = 90\n", "dn42_loss = 95\n"})
        CHECK(bad(entry("name = \"paris\"\n" + feed + value) + file).size() == 1);
}

TEST_CASE("two names that make one constant of BIRD's are refused, and one that is too long for it") {
    const std::string feed = "feeds = [\"bird-include\"]\n", file = "[bird]\ninclude = \"/x\"\n";
    const auto other = [&](const std::string& name) {
        return "[[adjacency]]\ninterface = \"wg1\"\npeer = \"" + std::string(42, 'A') + "E=\"\nname = \"" + name +
               "\"\n";
    };
    CHECK(
        bad(entry("name = \"a-b\"\n" + feed) + other("a.b") + feed + file) ==
        Lines{"f:9:8: the names \"a-b\" (line 4) and \"a.b\" make one constant of BIRD's, wgbfd_a_b_up: change one of "
              "them"});
    CHECK(good(entry("name = \"a-b\"\n" + feed) + other("a.b") + file).adjacencies.size() == 2);
    CHECK(good(entry("name = \"" + std::string(46, 'x') + "\"\n" + feed) + file).adjacencies.size() == 1);
    CHECK(bad(entry("name = \"" + std::string(47, 'x') + "\"\n" + feed) + file).size() == 1);
}
