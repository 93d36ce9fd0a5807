// What the doctor says of the feeds repair and routes: hosts that pass and hosts that fail, each with the fix.
#include "cli/facts.hpp"

namespace {

// wg0 and wg1, each with one peer; both in one group.
cli::HostFacts two_tunnels(const char* second_allowed) {
    auto out = facts::host({facts::peer(1, {"10.8.0.1/32", "10.2.0.0/16"})});
    auto link = out.links.front();
    link.index.value = 8;
    link.name = "wg1";
    out.links.push_back(link);
    adjacency::Device device;
    device.index = link.index;
    device.interface = "wg1";
    device.peers = {facts::peer(2, {"10.8.0.2/32", second_allowed})};
    out.devices.push_back(device);
    out.hash_policy = {{"ipv4", 0}, {"ipv6", 0}};
    return out;
}

config::Config grouped(const char* feed) {
    config::Config out;
    out.groups.push_back({.name = "paris", .prefixes = {facts::prefix("10.2.0.0/16")}});
    for (std::uint8_t n : {std::uint8_t{1}, std::uint8_t{2}}) {
        auto one = facts::entry(n);
        one.name = "to-" + std::to_string(n);
        one.interface = n == 1 ? "wg0" : "wg1";
        one.group = "paris";
        one.feeds = {feed};
        out.adjacencies.push_back(one);
    }
    return out;
}

}  // namespace

TEST_CASE("repair: a backup that carries it all is good; allowed-ips that do not and strict rp_filter are told") {
    const auto config = grouped("repair");
    for (const auto& finding : cli::check_groups(two_tunnels("10.2.0.0/16"), config)) {
        CAPTURE(finding.message);
        CHECK(finding.severity == cli::Severity::ok);
    }
    auto found = cli::check_groups(two_tunnels("10.2.0.0/17"), config);
    REQUIRE(found.size() == 2);
    CHECK(found[0].severity == cli::Severity::warning);
    CHECK(found[0].subject == "wg0");
    CHECK(found[0].message ==
          "to-1 is not repaired: 10.2.0.0/16 is not in the allowed-ips of to-2 alone: add it there, at both ends");
    CHECK(found[1].severity == cli::Severity::ok);
    auto strict = two_tunnels("10.2.0.0/16");
    strict.rp_filter["wg1"] = 1;
    found = cli::check_groups(strict, config);
    CHECK(found[0].message.find("sysctl -w net.ipv4.conf.wg1.rp_filter=2") != std::string::npos);
    strict.rp_filter["all"] = 2;  // the greater one counts
    CHECK(cli::check_groups(strict, config)[0].severity == cli::Severity::ok);
}

TEST_CASE(
    "repair: a far end whose rp_filter is strict, as the running daemon was told, is found; one that is not, not") {
    const auto config = grouped("repair");
    const auto host = two_tunnels("10.2.0.0/16");
    cli::DaemonFacts daemon;
    daemon.strict_far_ends = {{"wg1", facts::key(1)}};  // another peer
    CHECK(cli::check_groups(host, config, daemon)[0].severity == cli::Severity::ok);
    daemon.strict_far_ends = {{"wg1", facts::key(2)}};
    const auto found = cli::check_groups(host, config, daemon);
    REQUIRE(found.size() == 2);
    CHECK(found[0].severity == cli::Severity::warning);
    CHECK(found[0].subject == "wg0");
    CHECK(found[0].message.find("rp_filter at the far end of to-2 is strict") != std::string::npos);
    CHECK(found[1].severity == cli::Severity::ok);
}

TEST_CASE("routes: a hash by addresses alone is told where paths are shared out") {
    auto config = grouped("routes");
    auto host = two_tunnels("10.2.0.0/16");
    CHECK(cli::check_groups(host, config).empty());
    config.groups[0].mode = config::GroupMode::active_active;
    auto found = cli::check_groups(host, config);
    REQUIRE(found.size() == 1);
    CHECK(found[0].severity == cli::Severity::warning);
    CHECK(found[0].fix.find("sysctl -w net.ipv4.fib_multipath_hash_policy=1") == 0);
    host.hash_policy["ipv4"] = 1;
    CHECK(cli::check_groups(host, config)[0].severity == cli::Severity::ok);
    CHECK(cli::check_groups(host, {}).empty());
}
