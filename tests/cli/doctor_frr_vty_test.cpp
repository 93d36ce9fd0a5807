#include <doctest/doctest.h>

#include "facts.hpp"

using namespace facts;
using cli::Severity;

namespace {

struct Setup {
    Setup() {
        auto& wg0 = config.interfaces.emplace_back();
        wg0.name = "wg0";
        wg0.feeds = {"frr-vty"};
        vty.directory = "/run/frr";
        vty.version = std::string{"FRRouting 8.4.4 (x) on Linux"};
        vty.configurations.emplace("ospfd", std::string{"interface wg0\n ip ospf area 0\n"});
        vty.configurations.emplace("ospf6d", tl::unexpected{std::string{"ospf6d is not running"}});
        vty.configurations.emplace("bgpd", tl::unexpected{std::string{"bgpd is not running"}});
    }
    cli::Findings check() const { return cli::check_frr_vty(vty, config); }
    config::Config config;
    cli::VtyFacts vty;
};

}  // namespace

TEST_CASE("nothing is said of frr-vty where nobody names it; else who can be told") {
    CHECK(cli::check_frr_vty({}, {}).empty());
    const auto findings = Setup{}.check();
    REQUIRE(findings.size() == 1);
    CHECK(findings[0].severity == Severity::ok);
    CHECK(says(findings[0].message, "ospfd can be told"));
}

TEST_CASE("the version tells what is not reached: graceful-shutdown of one neighbour, or what mgmtd holds") {
    Setup s;
    CHECK(says(s.check()[0].message, "comes with FRR 8.5"));
    CHECK_FALSE(says(s.check()[0].message, "mgmtd"));
    s.vty.version = std::string{"FRRouting 10.4.1 (x) on Linux"};
    CHECK_FALSE(says(s.check()[0].message, "8.5"));
    CHECK(says(s.check()[0].message, "what mgmtd holds (static routes, RIP, zebra's own) is not reached"));
}

TEST_CASE("when no daemon answers the feed is without effect: an error") {
    Setup s;
    s.vty.configurations.erase("ospfd");
    const auto fault = only_fault(s.check());
    CHECK(fault.severity == Severity::error);
    CHECK(says(fault.message, "bgpd is not running; ospf6d is not running"));
    CHECK(says(fault.fix, "start ospfd, ospf6d or bgpd"));
}

TEST_CASE("neighbours that must be asked for their routes again are named, those that keep them are not") {
    Setup s;
    s.vty.configurations.erase("bgpd");
    s.vty.configurations.emplace(
        "bgpd", std::string{"router bgp 65001\n neighbor 10.8.0.1 remote-as 65002\n neighbor 10.8.0.3 remote-as 65002\n"
                            " address-family ipv4 unicast\n  neighbor 10.8.0.3 soft-reconfiguration inbound\n"});
    const auto findings = s.check();
    REQUIRE(findings.size() == 2);
    CHECK(findings[1].severity == Severity::ok);
    CHECK(findings[1].subject == "10.8.0.1");
    CHECK(says(findings[1].fix, "soft-reconfiguration inbound"));
}
