#include <doctest/doctest.h>

#include "facts.hpp"

using namespace facts;
using cli::Severity;

namespace {

struct Setup {
    Setup() {
        auto paris = entry(1);
        paris.name = "paris";
        paris.feeds = {"bird-protocol"};
        paris.bird_protocol = "to_paris";
        config.adjacencies = {paris};
        bird.control = "/run/bird/bird.ctl";
        bird.version = std::string{"2.0.12"};
        bird.protocols = {{"to_paris", "BGP", "up", ""}, {"kernel1", "Kernel", "up", ""}};
    }
    cli::Findings check() const { return cli::check_bird(bird, config); }
    config::Config config;
    cli::BirdFacts bird;
};

}  // namespace

TEST_CASE("without a feed for BIRD nothing is said of it; with one that works, that it does") {
    CHECK(cli::check_bird({}, {}).empty());
    const Setup good;
    CHECK(worst(good.check()) == Severity::ok);
    CHECK(says(good.check()[0].message, "BIRD 2.0.12 answers"));
}

TEST_CASE("a control socket that does not answer is told with its fix; only bird-protocol cannot do without") {
    Setup s;
    s.bird.version = tl::unexpected{std::string{"BIRD's control socket /x is not there: start BIRD"}};
    const auto fault = only_fault(s.check());
    CHECK(fault.severity == Severity::error);
    CHECK(fault.message == "BIRD's control socket /x is not there");
    CHECK(fault.fix == "start BIRD");
    s.config.adjacencies.clear();
    CHECK(only_fault(s.check()).severity == Severity::warning);
}

TEST_CASE("a protocol that BIRD does not have, one that somebody disabled, and one that serves several peers") {
    Setup s;
    SUBCASE("none of BIRD's") {
        s.bird.protocols.clear();
        CHECK(says(only_fault(s.check()).message, "is no protocol of BIRD's, and the feed bird-protocol of paris"));
    }
    SUBCASE("disabled by the operator") {
        s.bird.protocols[0] = {"to_paris", "BGP", "down", "maintenance"};
        CHECK(only_fault(s.check()).severity == Severity::warning);
        CHECK(says(only_fault(s.check()).fix, "birdc enable to_paris"));
    }
    SUBCASE("disabled by us") {
        s.bird.protocols[0] = {"to_paris", "BGP", "down", "wgbfd: paris is down (one-way)"};
        CHECK(worst(s.check()) == Severity::ok);
    }
    SUBCASE("two peers, one protocol") {
        auto berlin = entry(2);
        berlin.bird_protocol = "to_paris";
        berlin.name = "berlin";
        s.config.adjacencies.push_back(berlin);
        const auto fault = only_fault(s.check());
        CHECK(fault.severity == Severity::warning);
        CHECK(says(fault.message, "serves more than one adjacency (paris, berlin)"));
    }
}

TEST_CASE("a table that a rule looks up would steer packets: an error") {
    Setup s;
    s.config.bird.nexthop_table = 4242;
    s.bird.looked_up = {253, 254, 255, 4242};
    CHECK(worst(s.check()) == Severity::ok);  // nobody feeds it
    s.config.interfaces.push_back({.name = "wg0", .feeds = {"bird-nexthop"}, .unsolicited = {}});
    CHECK(only_fault(s.check()).severity == Severity::error);
    CHECK(says(only_fault(s.check()).message, "is looked up by a policy rule"));
    s.bird.looked_up.erase(4242);
    CHECK(worst(s.check()) == Severity::ok);
}

TEST_CASE("a link-local peer with the feed bird-nexthop is told to use the other one, whoever names the feed") {
    auto host = good_host();
    host.links[0].addresses.push_back({.local = ip("fe80::1"), .peer = {}, .prefix_length = 64, .tentative = false});
    config::Config config;
    CHECK(cli::check_nexthops(host, config).empty());
    config.interfaces.push_back({.name = "wg0", .feeds = {"bird-nexthop"}, .unsolicited = {}});
    CHECK(cli::check_nexthops(host, config).empty());
    config.adjacencies.push_back(entry(2, "fe80::2"));
    CHECK(says(only_fault(cli::check_nexthops(host, config)).fix, "bird-protocol"));
    config.interfaces.clear();
    CHECK(cli::check_nexthops(host, config).empty());
    config.adjacencies[0].feeds = {"bird-nexthop"};
    CHECK(only_fault(cli::check_nexthops(host, config)).severity == Severity::warning);
}

TEST_CASE("the include exists, and BIRD runs a configuration that has it; each with its fix") {
    Setup s;
    s.config.bird.include = "/etc/bird/wgbfd.conf";
    CHECK(s.check().size() == 2);  // nobody has the feed
    s.config.adjacencies[0].feeds.emplace_back("bird-include");
    CHECK(says(only_fault(s.check()).fix, "wgbfd snippets bird-include > /etc/bird/wgbfd.conf"));
    s.bird.include_exists = true;
    CHECK(says(only_fault(s.check()).fix, "write include \"/etc/bird/wgbfd.conf\"; on a line of its own"));
    s.bird.include_read = true;
    CHECK(s.check().size() == 3);
    for (const auto& finding : s.check()) CHECK(finding.severity == cli::Severity::ok);
    s.config.adjacencies[0] = {};
    s.config.adjacencies[0].feeds = {"bird-include"};
    s.bird.version = tl::unexpected{std::string{"BIRD's control socket /x is not there: start BIRD"}};
    CHECK(only_fault(s.check()).severity == cli::Severity::error);
}
