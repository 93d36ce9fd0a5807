// [quality], [damping], [[group]] and up_delay: what they come to, and each mistake with its place.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "parsed.hpp"

using namespace std::chrono_literals;

namespace {

using Lines = std::vector<std::string>;

const std::string one = "[[adjacency]]\ninterface = \"wg0\"\npeer = \"" + key_a + "\"\n";  // three lines
const std::string other = "[[adjacency]]\ninterface = \"wg0\"\npeer = \"" + key_b + "\"\n";

}  // namespace

TEST_CASE("without a word on it: the defaults of design") {
    const auto config = good(one);
    CHECK(config.quality.method == config::Method::automatic);
    CHECK(config.quality.interval == 100ms);
    CHECK(config.quality.degraded.loss == doctest::Approx(0.02));
    CHECK(config.quality.degraded.rtt == 250ms);
    CHECK(config.quality.degraded.jitter == 50ms);
    CHECK(config.damping.half_life == 15s);
    CHECK(config.damping.suppress == 3'000);
    CHECK(config.damping.reuse == 1'000);
    CHECK(config.damping.max == 60s);
    CHECK(config.groups.empty());
    CHECK(config.adjacencies[0].group.empty());
    CHECK(config.adjacencies[0].cost == 10);
    CHECK(config.adjacencies[0].timers.up_delay == 0s);
    CHECK(config.adjacencies[0].quality == config.quality);
}

TEST_CASE("[quality], and an adjacency's own on top, key by key") {
    const auto config = good(
        "[quality]\nmethod = \"icmp\"\ninterval = \"1s\"\ndegraded = { loss = \"0.5%\", rtt = \"1s\", jitter = \"1ms\" "
        "}\n" +
        one + "quality = { method = \"off\", degraded = { loss = \"50%\" } }\n" + other);
    CHECK(config.quality.method == config::Method::icmp);
    CHECK(config.quality.interval == 1s);
    CHECK(config.quality.degraded.loss == doctest::Approx(0.005));
    const auto& own = config.adjacencies[0].quality;
    CHECK(own.method == config::Method::off);
    CHECK(own.interval == 1s);
    CHECK(own.degraded.loss == doctest::Approx(0.5));
    CHECK(own.degraded.rtt == 1s);
    CHECK(own.degraded.jitter == 1ms);
    CHECK(config.adjacencies[1].quality == config.quality);
    CHECK(good("[quality]\nmethod = \"auto\"\n").quality.method == config::Method::automatic);
    CHECK(good("[quality]\nmethod = \"stamp\"\n").quality.method == config::Method::stamp);
}

TEST_CASE("[damping], up_delay, groups and costs") {
    const auto config = good(
        "[damping]\nhalf_life = \"1s\"\nsuppress = 2\nreuse = 1\nmax = \"0s\"\n[probe]\nup_delay = \"5s\"\n"
        "[[group]]\nname = \"paris\"\n[[group]]\nname = \"berlin\"\n" +
        one + "group = \"paris\"\ncost = 10000\nup_delay = \"3600s\"\n" + other + "group = \"berlin\"\ncost = 1\n");
    CHECK(config.damping == policy::DampingRules{1s, 2, 1, 0s});
    CHECK(config.groups == std::vector<config::Group>{{"paris"}, {"berlin"}});
    CHECK(config.adjacencies[0].group == "paris");
    CHECK(config.adjacencies[0].cost == 10'000);
    CHECK(config.adjacencies[0].timers.up_delay == 3'600s);
    CHECK(config.adjacencies[1].group == "berlin");
    CHECK(config.adjacencies[1].cost == 1);
    CHECK(config.adjacencies[1].timers.up_delay == 5s);
}

TEST_CASE("a group may stand below its members") {
    CHECK(good(one + "group = \"paris\"\n[[group]]\nname = \"paris\"\n").adjacencies[0].group == "paris");
}

TEST_CASE("groups: each once, and each member's is there") {
    CHECK(bad("[[group]]\n") == Lines{"f:1:1: [[group]] needs name"});
    CHECK(bad("[[group]]\nname = \"a\"\n[[group]]\nname = \"a\"\n") ==
          Lines{"f:4:8: duplicate group \"a\": first in line 2"});
    CHECK(bad("[[group]]\nname = \"a b\"\n") ==
          Lines{"f:2:8: name must be 1 to 64 characters without spaces, not \"a b\""});
    CHECK(bad("[[group]]\nname = \"a\"\nprefixes = []\n") ==
          Lines{"f:3:1: the key \"prefixes\" in [[group]] is not available in this version: remove it"});
    CHECK(bad("[group]\n") == Lines{"f:1:2: group must be a list of tables: write [[group]] above each"});
    CHECK(bad(one + "group = \"paris\"\n") ==
          Lines{"f:4:9: no [[group]] is named \"paris\": write [[group]] with name = \"paris\""});
    CHECK(bad(one + "group = \"pari\"\n[[group]]\nname = \"paris\"\n") ==
          Lines{"f:4:9: no [[group]] is named \"pari\"; did you mean \"paris\"?"});
    CHECK(bad(one + "group = 1\n") == Lines{"f:4:9: group must be a string, not an integer"});
    CHECK(bad(one + "name = \"a\"\n[[group]]\nname = \"a\"\n").empty());  // a group is no adjacency
}

TEST_CASE("[quality] refuses what is out of range, with the right way to write it") {
    CHECK(bad("[quality]\nmethod = \"guess\"\ninterval = \"19.999ms\"\n") ==
          Lines{"f:2:10: method must be \"auto\", \"stamp\", \"icmp\" or \"off\", not \"guess\"",
                "f:3:12: interval must be 20ms..10s, not \"19.999ms\""});
    CHECK(bad("[quality]\ninterval = \"20ms\"\n").empty());
    CHECK(bad("[quality]\ninterval = \"10s\"\n").empty());
    CHECK(bad("[quality]\ninterval = \"10.001s\"\n").size() == 1);
    CHECK(bad("[quality]\ndegraded = \"2%\"\n") ==
          Lines{"f:2:12: degraded must be a table, such as { loss = \"2%\", rtt = \"250ms\" }, not a string"});
    CHECK(bad("[quality]\ndegraded = { los = \"2%\" }\n") ==
          Lines{"f:2:14: unknown key \"los\" in degraded in [quality]; did you mean \"loss\"?"});
    CHECK(bad("[quality]\ndegraded = { rtt = \"0.9ms\", jitter = \"61s\" }\n") ==
          Lines{"f:2:20: rtt must be 1ms..60s, not \"0.9ms\"", "f:2:38: jitter must be 1ms..60s, not \"61s\""});
    CHECK(bad(one + "quality = 1\n") ==
          Lines{"f:4:11: quality must be a table, such as { method = \"off\" }, not an integer"});
    CHECK(bad(one + "quality = { methods = \"off\" }\n") ==
          Lines{"f:4:13: unknown key \"methods\" in quality of [[adjacency]]; did you mean \"method\"?"});
}

TEST_CASE("a loss is a percentage from 0.1 % to 50 %") {
    const auto with = [](const std::string& loss) { return bad("[quality.degraded]\nloss = " + loss + "\n"); };
    CHECK(with("\"0.1%\"").empty());
    CHECK(with("\"50%\"").empty());
    CHECK(with("\"2.25%\"").empty());
    for (const std::string loss : {"", "%", "2", "2 %", ".5%", "2.%", "1.2.3%", "-1%", "0.09%", "50.1%", "2%%", "1e1%",
                                   "1000000000%", "0.0000000001%"}) {
        CAPTURE(loss);
        CHECK(with('"' + loss + '"') ==
              Lines{"f:2:8: loss must be a percentage from \"0.1%\" to \"50%\", not \"" + loss + "\""});
    }
    CHECK(with("0.02") == Lines{"f:2:8: loss must be a string, not a number"});
}

TEST_CASE("[damping]: reuse below suppress, and times that are times") {
    CHECK(bad("[damping]\nsuppress = 1000\n") ==
          Lines{"f:2:12: reuse (1000) must be less than suppress (1000): what is suppressed is released below it"});
    CHECK(bad("[damping]\nsuppress = 1001\n").empty());
    CHECK(bad("[damping]\nreuse = 3000\n").size() == 1);
    CHECK(bad("[damping]\nreuse = 2999\n").empty());
    CHECK(bad("[damping]\nhalf_life = \"0.9s\"\nmax = \"3601s\"\nreuse = 0\nsuppres = 1\n") ==
          Lines{"f:2:13: half_life must be 1s..3600s, not \"0.9s\"", "f:3:7: max must be 0s..3600s, not \"3601s\"",
                "f:4:9: reuse must be an integer from 1 to 1000000, not 0",
                "f:5:1: unknown key \"suppres\" in [damping]; did you mean \"suppress\"?"});
}

TEST_CASE("up_delay and cost have their ranges") {
    CHECK(bad("[probe]\nup_delay = \"3600.001s\"\n") == Lines{"f:2:12: up_delay must be 0s..3600s, not \"3600.001s\""});
    CHECK(bad(one + "cost = 0\n") == Lines{"f:4:8: cost must be an integer from 1 to 10000, not 0"});
    CHECK(bad(one + "cost = 10001\n").size() == 1);
    CHECK(bad("[probe]\ncost = 10\n") == Lines{"f:2:1: unknown key \"cost\" in [probe]; it belongs in [[adjacency]]"});
}
