// The doctor's checks of each peer.
#include <doctest/doctest.h>

#include "facts.hpp"

using cli::Severity;
using facts::entry;
using facts::host;
using facts::only_fault;
using facts::peer;
using facts::says;
using facts::worst;

namespace {

config::Config with(std::vector<config::Adjacency> entries) {
    config::Config out;
    out.adjacencies = std::move(entries);
    return out;
}

}  // namespace

TEST_CASE("peers that resolve and are reached are fine") {
    CHECK(worst(cli::check_addresses(facts::good_host(), {})) == Severity::ok);
    CHECK(worst(cli::check_allowed_ips(facts::good_host(), {})) == Severity::ok);
}

TEST_CASE("an interface without an address: the fix gives it one") {
    auto bare = facts::good_host();
    bare.devices.front().peers.resize(1);
    bare.links.front().addresses.clear();
    const auto fault = only_fault(cli::check_addresses(bare, {}));
    CHECK(fault.severity == Severity::warning);
    CHECK(says(fault.fix, "ip address add"));
}

TEST_CASE("no candidate: the fix writes an [[adjacency]] with interface, peer and address") {
    const auto fault = only_fault(cli::check_addresses(host({peer(1, {"0.0.0.0/0"}), peer(2, {"10.8.0.2/32"})}), {}));
    CHECK(fault.severity == Severity::warning);
    CHECK(fault.subject == "wg0/AQEBAQEB");
    CHECK(says(fault.fix, "interface = \"wg0\""));
    CHECK(says(fault.fix, adjacency::to_base64(facts::key(1)).c_str()));
}

TEST_CASE("several candidates: the fix asks which") {
    const auto fault = only_fault(cli::check_addresses(host({peer(1, {"10.8.0.1/32", "10.8.0.2/32"})}), {}));
    CHECK(says(fault.message, "more than one"));
    CHECK(says(fault.fix, "address = \"ADDRESS\""));
}

TEST_CASE("no local address of the family: said, and an error where it is configured") {
    const auto six = host({peer(1, {"fe80::1/128"})});
    CHECK(says(only_fault(cli::check_addresses(six, {})).message, "family"));
    CHECK(only_fault(cli::check_addresses(six, {})).severity == Severity::warning);
    CHECK(only_fault(cli::check_addresses(six, with({entry(1, "2001:db8::1")}))).severity == Severity::error);
}

TEST_CASE("two peers with one address: the second is told") {
    const auto two = host({peer(1, {"10.8.0.1/32"}), peer(2, {"10.2.0.0/16"})});
    const auto fault = only_fault(cli::check_addresses(two, with({entry(2, "10.8.0.1")})));
    CHECK(says(fault.message, "another peer"));
    CHECK(fault.subject == "wg0/AgICAgIC");
}

TEST_CASE("a configured address resolves what discovery cannot, and a configured name is used") {
    const auto one = host({peer(1, {"0.0.0.0/0"})});
    auto named = entry(1, "10.8.0.1");
    CHECK(worst(cli::check_addresses(one, with({named}))) == Severity::ok);
    named.address.reset();
    named.name = "paris";
    CHECK(only_fault(cli::check_addresses(one, with({named}))).subject == "paris");
}

TEST_CASE("a peer that is not to be probed is not judged") {
    auto strange = entry(1);
    strange.probe = false;
    const auto one = host({peer(1, {"0.0.0.0/0"})});
    CHECK(cli::check_addresses(one, with({strange})).empty());
    CHECK(cli::check_allowed_ips(one, with({strange})).empty());
}

TEST_CASE("an [[adjacency]] whose interface or peer is not there is a warning") {
    auto other = entry(9);
    CHECK(says(only_fault(cli::check_addresses(facts::good_host(), with({other}))).message, "no such peer"));
    other.interface = "wg9";
    CHECK(says(only_fault(cli::check_addresses(facts::good_host(), with({other}))).message, "wg9"));
}

TEST_CASE("an address in no peer's allowed-ips: WireGuard refuses it, and the fix keeps what the peer has") {
    const auto fault =
        only_fault(cli::check_allowed_ips(host({peer(1, {"10.2.0.0/16"})}), with({entry(1, "10.8.0.1")})));
    CHECK(fault.severity == Severity::error);
    CHECK(says(fault.message, "Required key not available"));
    CHECK(says(fault.fix, "allowed-ips 10.2.0.0/16,10.8.0.1/32"));
}

TEST_CASE("an address that another peer's longer allowed-ips hold goes to that peer") {
    const auto two = host({peer(1, {"10.8.0.0/24"}), peer(2, {"10.8.0.0/28"})});
    const auto fault = only_fault(cli::check_allowed_ips(two, with({entry(1, "10.8.0.1")})));
    CHECK(fault.severity == Severity::error);
    CHECK(says(fault.message, adjacency::to_base64(facts::key(2)).c_str()));
    CHECK(worst(cli::check_allowed_ips(two, with({entry(1, "10.8.0.17")}))) == Severity::ok);  // beyond the /28
}

TEST_CASE("padding that the interface does not take: an error, with both ways out") {
    auto config = with({entry(1)});
    auto here = facts::good_host();
    here.links.front().mtu = 1420;
    config.adjacencies.front().timers.padding = 1420;
    CHECK(worst(cli::check_padding(here, config)) == Severity::ok);
    config.adjacencies.front().timers.padding = 1421;
    const auto fault = only_fault(cli::check_padding(here, config));
    CHECK(fault.severity == Severity::error);
    CHECK(fault.subject == "wg0/AQEBAQEB");
    CHECK(says(fault.fix, "padding = 1420"));
    CHECK(says(fault.fix, "ip link set dev wg0 mtu 1421"));
    config.adjacencies.clear();
    config.probe.padding = 9000;
    CHECK(cli::check_padding(here, config).size() == 2);
}
