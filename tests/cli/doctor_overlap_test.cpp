// What the doctor makes of one interface's peers that share, take and shadow prefixes, and of what is right as it is.
#include <doctest/doctest.h>

#include "facts.hpp"

using cli::NetworkFacts;
using cli::Severity;
using facts::host;
using facts::ip;
using facts::only_fault;
using facts::peer;
using facts::prefix;
using facts::says;
using facts::worst;

namespace {

cli::Findings overlap(const NetworkFacts& network, const cli::HostFacts& here = {}) {
    return cli::check_overlap(network, here, {});
}

NetworkFacts file(const std::string& text) {
    NetworkFacts out;
    out.files = {cli::parse_wireguard_file("/etc/wireguard/wg0.conf", text)};
    return out;
}

std::string written(std::uint8_t n, const char* allowed) {
    return "[Peer]\nPublicKey = " + adjacency::to_base64(facts::key(n)) + "\nAllowedIPs = " + allowed + "\n";
}

NetworkFacts route(const char* to, const char* gateway) {
    NetworkFacts out;
    out.routes.push_back({"wg0", prefix(to), ip(gateway)});
    return out;
}

}  // namespace

TEST_CASE("overlap: a prefix that one file gives to two peers, however it is written") {
    NetworkFacts facts;
    const auto file = [](const char* second) {
        return cli::parse_wireguard_file(
            "/etc/wireguard/wg0.conf",
            std::string{"[Interface]\n[Peer] \nAllowedIPs = 10.1.0.0/16, 10.8.0.1/24 # here\n[peer]\nallowedips="} +
                second + "\n");
    };
    facts.files = {file("10.1.0.0/17,10.8.1.0/24")};
    CHECK(worst(overlap(facts)) == Severity::ok);
    facts.files = {file("10.2.0.0/16,10.8.0.0/24")};
    const auto fault = only_fault(overlap(facts));
    CHECK(says(fault.message, "10.8.0.0/24"));
    CHECK(says(fault.message, "lines 2 and 4"));
}

TEST_CASE("overlap: prefixes inside one another are longest match, and no fault") {
    CHECK(worst(overlap({}, host({peer(1, {"10.8.0.1/32", "10.0.0.0/8"}), peer(2, {"10.8.0.2/32", "10.2.0.0/16"})}))) ==
          Severity::ok);
    CHECK(worst(overlap({}, host({peer(1, {"10.8.0.1/32", "0.0.0.0/0", "::/0"})}))) == Severity::ok);  // alone
}

TEST_CASE("overlap: everything beside another peer is a hint, and a warning where routing learns from that one") {
    auto here = host({peer(1, {"10.8.0.1/32", "0.0.0.0/0"}), peer(2, {"10.8.0.2/32"})});
    const auto hint = only_fault(overlap({}, here));
    CHECK(hint.severity == Severity::info);
    CHECK(says(hint.message, (adjacency::to_base64(facts::key(1)) + " has 0.0.0.0/0 beside other peers").c_str()));
    here.neighbors = {{.interface = "wg0", .local = {}, .remote = ip("10.8.0.1"), .direct = false, .heard = true}};
    CHECK(only_fault(overlap({}, here)).severity == Severity::info);  // of its own alone
    here.neighbors.push_back(
        {.interface = "wg0", .local = {}, .remote = ip("10.8.0.2"), .direct = false, .heard = true});
    const auto fault = only_fault(overlap({}, here));
    CHECK(fault.severity == Severity::warning);
    CHECK(says(fault.message, "learns from wg0/AgICAgIC"));
    CHECK(says(fault.fix, "an interface of its own"));
}

TEST_CASE("overlap: the same in the file of an interface that is not there; of one that is, its peers count") {
    const auto both = file(written(1, "0.0.0.0/0") + written(2, "10.8.0.2/32"));
    const auto hint = only_fault(overlap(both));
    CHECK(hint.severity == Severity::info);
    CHECK(says(hint.message, "line 1 has 0.0.0.0/0"));
    CHECK(worst(overlap(file(written(1, "0.0.0.0/0")))) == Severity::ok);
    CHECK(worst(overlap(both, host({peer(2, {"10.8.0.2/32"})}))) == Severity::ok);
}

TEST_CASE("overlap: a prefix that another peer has now than the file says, and so lost to the first") {
    const auto both = file(written(1, "10.8.0.1/32, 10.2.0.0/16") + written(2, "10.8.0.2/32"));
    CHECK(worst(overlap(both, host({peer(1, {"10.8.0.1/32", "10.2.0.0/16"}), peer(2, {"10.8.0.2/32"})}))) ==
          Severity::ok);
    const auto fault =
        only_fault(overlap(both, host({peer(1, {"10.8.0.1/32"}), peer(2, {"10.8.0.2/32", "10.2.0.0/16"})})));
    CHECK(fault.severity == Severity::warning);
    CHECK(says(fault.message, ("10.2.0.0/16 is " + adjacency::to_base64(facts::key(1)) + "'s").c_str()));
    CHECK(says(fault.message, (adjacency::to_base64(facts::key(2)) + " has it now").c_str()));
    CHECK(worst(overlap(both, host({peer(1, {"10.8.0.1/32"}), peer(2, {"10.8.0.2/32"})}))) == Severity::ok);  // nobody
    CHECK(worst(overlap(both, host({peer(3, {"10.8.0.1/32", "10.2.0.0/16"}), peer(2, {"10.8.0.2/32"})}))) ==
          Severity::ok);  // another key in its place
}

TEST_CASE(
    "overlap: a part of a route to one peer that another one takes is a hint, unless a closer route leads there") {
    const auto here = host({peer(1, {"10.8.0.1/32", "10.0.0.0/8"}), peer(2, {"10.8.0.2/32", "10.2.0.0/16"})});
    auto facts = route("10.0.0.0/8", "10.8.0.1");  // 10.8.0.2/32 is in the interface's own /24
    const auto hint = only_fault(overlap(facts, here));
    CHECK(hint.severity == Severity::info);
    CHECK(says(hint.message, "10.2.0.0/16 inside it goes to"));
    CHECK(says(hint.message, "leads to wg0/AQEBAQEB"));
    facts.routes.push_back({"wg0", prefix("10.2.0.0/16"), ip("10.8.0.2")});
    CHECK(worst(overlap(facts, here)) == Severity::ok);
    CHECK(worst(overlap(route("10.2.0.0/16", "10.8.0.2"), here)) == Severity::ok);
    facts.routes.pop_back();
    facts.elsewhere.push_back(prefix("10.2.0.0/16"));  // out of no tunnel
    CHECK(worst(overlap(facts, here)) == Severity::ok);
    facts.elsewhere.clear();
    facts.all_routes = false;  // there may be one
    CHECK(worst(overlap(facts, here)) == Severity::ok);
    CHECK(worst(overlap(route("10.2.0.0/16", "10.8.0.1"), here)) == Severity::ok);  // the check of routes tells that
}
