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

namespace {

const std::string paris = "[[group]]\nname = \"paris\"\n";
std::string member(const std::string& interface, const std::string& key, const std::string& more = "") {
    return "[[adjacency]]\ninterface = \"" + interface + "\"\npeer = \"" + key + "\"\ngroup = \"paris\"\n" + more;
}

}  // namespace

TEST_CASE("a group's routes: all keys, and their defaults") {
    auto config =
        good(paris + "prefixes = [\"10.2.0.0/16\", \"fd02::/64\"]\nmode = \"active-active\"\ntable = 77\nmetric = 5\n" +
             "source = \"10.1.0.1\"\nfail_back_after = \"1s\"\nwhen_down = \"withdraw\"\nkeep_on_exit = true\n" +
             "rule_priority = 99\n" +
             member("wg0", key_a, "feeds = [\"routes\"]\npriority = 1\nweight = 256\nsource_table = 101\n"));
    const auto& group = config.groups.at(0);
    CHECK(group.prefixes.size() == 2);
    CHECK(group.mode == config::GroupMode::active_active);
    CHECK(group.table == 77);
    CHECK(group.metric == 5);
    CHECK(base::to_string(group.source.value()) == "10.1.0.1");
    CHECK(group.fail_back_after == std::chrono::seconds{1});
    CHECK(group.when_down == config::WhenDown::withdraw);
    CHECK(group.keep_on_exit);
    CHECK(group.rule_priority == 99);
    CHECK(config.adjacencies.at(0).priority == 1);
    CHECK(config.adjacencies.at(0).weight == 256);
    CHECK(config.adjacencies.at(0).source_table == 101);
    config = good(paris + "prefixes = [\"0.0.0.0/0\"]\n" + member("wg0", key_a, "feeds = [\"routes\"]\n"));
    CHECK(config.groups.at(0).mode == config::GroupMode::active_passive);
    CHECK(config.groups.at(0).fail_back_after == std::chrono::seconds{10});
    CHECK(config.groups.at(0).when_down == config::WhenDown::keep);
    CHECK_FALSE(config.groups.at(0).keep_on_exit);
}

TEST_CASE("a group's routes: what is out of range or says nothing is an error with the way out") {
    CHECK(bad(paris +
              "prefixes = [\"10.2.0.1/16\"]\nmode = \"both\"\ntable = 255\nmetric = 0\nfail_back_after = \"3601s\"\n"
              "when_down = \"drop\"\n") ==
          Lines{"f:3:13: prefixes \"10.2.0.1/16\" has bits beyond its length: write \"10.2.0.0/16\"",
                "f:4:8: mode must be \"active-passive\" or \"active-active\", not \"both\"",
                "f:5:9: table must not be 253 or 255, the kernel's own default and local",
                "f:6:10: metric must be an integer from 1 to 4294967295, not 0",
                "f:7:19: fail_back_after must be 0s..3600s, not \"3601s\"",
                "f:8:13: when_down must be \"keep\" or \"withdraw\", not \"drop\""});
    CHECK(
        bad(paris + "mode = \"active-active\"\n") ==
        Lines{"f:3:1: mode says nothing without prefixes, for the feed \"routes\": add prefixes = [...] or remove it"});
    CHECK(bad(paris + "prefixes = [\"10.2.0.0/16\"]\nsource = \"fd00::1\"\n") ==
          Lines{"f:4:10: source must be of the family of some prefix, IPv4 or IPv6"});
    CHECK(bad(paris + member("wg0", key_a, "feeds = [\"routes\"]\n")) ==
          Lines{"f:7:10: the feed \"routes\" needs the prefixes of the group \"paris\": add prefixes = [...] to its "
                "[[group]]"});
    CHECK(bad(one + "feeds = [\"routes\"]\n") ==
          Lines{"f:4:10: the feed \"routes\" needs a group with prefixes: add group = \"...\""});
    CHECK(bad(paris +
              "prefixes = [\"10.2.0.0/16\"]\ntable = 7\n[[group]]\nname = \"rome\"\nprefixes = [\"10.2.0.0/16\"]\n" +
              "table = 7\n") ==
          Lines{"f:7:12: the group \"paris\" has 10.2.0.0/16 already, with the same table and metric: change one of "
                "them"});
    CHECK(bad(paris + member("wg0", key_a, "weight = 2\n")) ==
          Lines{"f:7:1: weight says nothing without the feed \"routes\": add it to feeds, or remove weight"});
    CHECK(bad(one + "priority = 2\n") ==
          Lines{"f:4:1: priority says nothing without a group: add group = \"...\" or remove priority"});
    CHECK(bad(paris + "prefixes = [\"10.2.0.0/16\"]\ntable = 101\n[bird]\nnexthop_table = 102\n" +
              member("wg0", key_a, "feeds = [\"routes\"]\nsource_table = 101\n") +
              member("wg1", key_a, "feeds = [\"routes\"]\nsource_table = 102\n") +
              member("wg2", key_a, "feeds = [\"routes\"]\nsource_table = 254\n")) ==
          Lines{"f:12:16: source_table 101 is used already (of the group \"paris\"): choose another table",
                "f:18:16: source_table must not be BIRD's nexthop_table: choose another table",
                "f:24:16: source_table must not be 253 to 255, the kernel's own default, main and local"});
}

TEST_CASE("the feed repair needs another adjacency of its group on another interface") {
    const std::string feed = "feeds = [\"repair\"]\n";
    CHECK(bad(one + feed) ==
          Lines{"f:4:10: the feed \"repair\" needs a group, whose others back this one up: add group = \"...\""});
    CHECK(bad(paris + member("wg0", key_a, feed)).size() == 1);
    CHECK(bad(paris + member("wg0", key_a, feed) + member("wg0", key_b)) ==
          Lines{"f:7:10: the feed \"repair\" needs another adjacency of the group \"paris\", on another interface"});
    CHECK(bad(paris + member("wg0", key_a, feed) + member("wg1", key_b)).empty());
}
