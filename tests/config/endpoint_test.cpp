// [endpoint] and [hook], and the keys of an [[adjacency]] that go with them.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "config/parsed.hpp"

using namespace std::chrono_literals;

namespace {

using Lines = std::vector<std::string>;
const std::string peer_a = "peer = \"" + key_a + "\"\n";

std::string entry(const std::string& more) {
    return "[[adjacency]]\nname = \"b\"\ninterface = \"wg0\"\n" + peer_a + more;
}

}  // namespace

TEST_CASE("endpoints: addresses and names, the preferred one first") {
    const auto config = good("[endpoint]\nfail_back = \"60s\"\nresolve = \"30s\"\nkick = false\n" +
                             entry("feeds = [\"endpoint\"]\nendpoints = [\"192.0.2.1:51820\", "
                                   "\"[2001:db8::1]:1\", \"vpn.example.org:65535\", "
                                   "\"[fe80::1%eth0.5]:5\"]\n"));
    CHECK(config.endpoint == config::EndpointRules{60s, 30s, false});
    const auto& all = config.adjacencies.at(0).endpoints;
    REQUIRE(all.size() == 4);
    CHECK(all[0] == config::Endpoint{"192.0.2.1", 51820, base::IpAddress::parse("192.0.2.1")});
    CHECK(all[1] == config::Endpoint{"2001:db8::1", 1, base::IpAddress::parse("2001:db8::1")});
    CHECK(all[2] == config::Endpoint{"vpn.example.org", 65535});
    CHECK(all[3] == config::Endpoint{"fe80::1%eth0.5", 5, base::IpAddress::parse("fe80::1"), "eth0.5"});
    CHECK(good("").endpoint == config::EndpointRules{300s, 300s, true});
}

TEST_CASE("an endpoint that is none is refused, with what to write") {
    for (const std::string text : {"192.0.2.1",
                                   "192.0.2.1:0",
                                   "192.0.2.1:65536",
                                   "192.0.2.1:",
                                   "300.1.1.1:1",
                                   "1.2.3:4",
                                   "2001:db8::1:5",
                                   "[192.0.2.1]:5",
                                   "[vpn.example.org]:5",
                                   ":5",
                                   "-a.org:5",
                                   "a..org:5",
                                   "a b.org:5",
                                   "0.0.0.0:5",
                                   "[ff02::1]:5",
                                   "[fe80::1]:5",
                                   "[fe80::1%]:5",
                                   "[fe80::1%a b]:5",
                                   "[2001:db8::1%eth0]:5",
                                   "169.254.0.1%eth0:5"}) {
        CAPTURE(text);
        CHECK(bad(entry("feeds = [\"endpoint\"]\nendpoints = [\"" + text + "\"]\n")) ==
              Lines{"f:6:14: endpoint \"" + text +
                    "\" must be \"192.0.2.1:51820\", \"[2001:db8::1]:51820\", \"[fe80::1%eth0]:51820\" or "
                    "\"name:51820\""});
    }
    CHECK(bad("[endpoint]\nfail_back = \"90000s\"\nresolve = \"9s\"\n").size() == 2);
}

TEST_CASE("endpoints and their feed belong together") {
    CHECK(bad(entry("feeds = [\"endpoint\"]\n")) ==
          Lines{"f:5:10: the feed \"endpoint\" needs endpoints: add endpoints = [\"192.0.2.1:51820\"]"});
    CHECK(bad(entry("endpoints = [\"192.0.2.1:51820\"]\n")) ==
          Lines{"f:5:1: endpoints says nothing without its feed: add feeds = [\"endpoint\"], or remove it"});
    good("[interface.wg0]\nfeeds = [\"endpoint\"]\n" + entry("endpoints = [\"192.0.2.1:51820\"]\n"));
    good("[interface.wg0]\nfeeds = [\"endpoint\"]\n" + entry(""));  // left alone
}

TEST_CASE("hook: a program with its arguments, for all or for one") {
    const auto config = good(
        "[hook]\ncommand = \"/bin/all\"\ntimeout = \"2s\"\nat_most = 9\n[interface.wg0]\n"
        "feeds = [\"hook\"]\n" +
        entry("hook = [\"/bin/sh\", \"-c\", \"true\"]\n"));
    CHECK(config.hook == config::Hook{{"/bin/all"}, 2s, 9});
    CHECK(config.adjacencies.at(0).hook == std::vector<std::string>{"/bin/sh", "-c", "true"});
    CHECK(good("[hook]\ncommand = \"/bin/all\"\n" + entry("feeds = [\"hook\"]\n")).adjacencies.at(0).hook ==
          std::vector<std::string>{"/bin/all"});
    for (const std::string value : {"\"relative\"", "[]", "[\"/a\", 3]", "3", "\"\"", "[\"/a\", \"b\\u0000c\"]"}) {
        CAPTURE(value);
        const auto errors = bad(entry("feeds = [\"hook\"]\nhook = " + value + "\n"));
        REQUIRE(errors.size() == 1);
        CHECK(errors[0].find("must be a program by its whole path") != std::string::npos);
    }
}

TEST_CASE("a hook and its feed belong together") {
    CHECK(bad("[interface.wg0]\nfeeds = [\"hook\"]\n") ==
          Lines{"f:2:10: the feed \"hook\" needs a command: add command = [\"/a/program\"] in [hook]"});
    CHECK(bad(entry("feeds = [\"hook\"]\n")) ==
          Lines{"f:5:10: the feed \"hook\" needs a command: add command = [\"/a/program\"] in [hook], or hook = "
                "[\"/a/program\"] here"});
    CHECK(bad(entry("hook = \"/bin/true\"\n")) ==
          Lines{"f:5:1: hook says nothing without its feed: add feeds = [\"hook\"], or remove it"});
}
