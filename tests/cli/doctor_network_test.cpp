// The doctor's checks of what stands beside WireGuard: each finds its fault, and nothing where there is none.
#include <doctest/doctest.h>

#include "facts.hpp"

using cli::NetworkFacts;
using cli::Severity;
using facts::good_host;
using facts::ip;
using facts::only_fault;
using facts::prefix;
using facts::says;
using facts::worst;

namespace {

constexpr base::WallTime noon{std::chrono::hours{24 * 365 * 50}};

// wg0 and wg1 are of one group.
config::Config grouped() {
    config::Config out;
    out.groups.push_back({"site"});
    for (const auto* name : {"wg0", "wg1"}) {
        auto entry = facts::entry(1);
        entry.interface = name;
        entry.group = "site";
        out.adjacencies.push_back(entry);
    }
    return out;
}

cli::HostFacts two_tunnels() {
    auto out = good_host();
    auto link = out.links.front();
    link.index = {8};
    link.name = "wg1";
    out.links.push_back(link);
    out.expected.emplace_back("wg1");
    return out;
}

NetworkFacts forward(const std::string& rule) {
    NetworkFacts out;
    out.firewall = cli::parse_nft(
        "table inet f { # handle 1\n\tchain forward { # handle 2\n"
        "\t\ttype filter hook forward priority filter; policy accept;\n\t\t" +
        rule + " # handle 7\n\t}\n}\n");
    return out;
}

NetworkFacts below(std::uint32_t mtu, const char* endpoint) {
    NetworkFacts out;
    out.underlays.push_back({"wg0", {ip(endpoint), 51'820}, "eth0", mtu});
    return out;
}

cli::HostFacts sized(std::uint32_t mtu) {
    auto out = good_host();
    out.links.front().mtu = mtu;
    return out;
}

NetworkFacts route(const char* to, const char* gateway = nullptr) {
    NetworkFacts out;
    out.routes.push_back({"wg0", prefix(to), gateway != nullptr ? ip(gateway) : base::IpAddress{}});
    return out;
}

NetworkFacts dns_behind_wg0() {
    NetworkFacts out;
    out.dns.push_back({ip("10.8.0.1"), "/etc/resolv.conf", "wg0"});
    return out;
}

cli::HostFacts spoken_to(base::Duration ago) {
    auto out = good_host();
    out.devices.front().peers.front().latest_handshake = noon - ago;
    return out;
}

}  // namespace

TEST_CASE("firewall: a rule for one interface of a group is widened to the other") {
    const auto fault = only_fault(cli::check_firewall(forward("iifname \"wg0\" accept"), two_tunnels(), grouped()));
    CHECK(fault.subject == "wg1");
    CHECK(says(fault.fix, "nft replace rule inet f forward handle 7 iifname { \"wg0\", \"wg1\" } accept"));
}

TEST_CASE("firewall: a rule for each, for both, for neither, or without a group is no fault") {
    const auto good = [](const std::string& rule, const config::Config& config = grouped()) {
        return worst(cli::check_firewall(forward(rule), two_tunnels(), config)) == Severity::ok;
    };
    CHECK(good("iifname { \"wg0\", \"wg1\" } accept"));
    CHECK(
        good("iifname \"wg0\" counter packets 1 bytes 2 accept # handle 6\n\t\tiifname \"wg1\" counter packets 3 bytes "
             "4 accept"));
    CHECK(good("iifname \"eth0\" accept"));
    CHECK(good("iifname \"wg*\" accept"));
    CHECK(good("iifname \"wg0\" accept", {}));
    CHECK(worst(cli::check_firewall(forward("iifname \"wg0\" accept"), good_host(), grouped())) == Severity::ok);
}

TEST_CASE("firewall: wg-quick's own rules are left alone; iptables' are mended by iptables") {
    auto facts = forward("iifname \"wg0\" drop");
    facts.firewall.chains.front().table = "wg-quick-wg0";
    CHECK(worst(cli::check_firewall(facts, two_tunnels(), grouped())) == Severity::ok);
    NetworkFacts old;
    cli::add_iptables(old.firewall, cli::FilterChain::Tool::iptables,
                      "*nat\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -o wg0 -j MASQUERADE\nCOMMIT\n");
    const auto fault = only_fault(cli::check_firewall(old, two_tunnels(), grouped()));
    CHECK(says(fault.fix, "iptables -t nat -I POSTROUTING 2 -o wg1 -j MASQUERADE"));
}

TEST_CASE("mtu: IPv4 below takes 60 bytes, IPv6 80") {
    CHECK(worst(cli::check_mtu(below(1500, "192.0.2.1"), sized(1440))) == Severity::ok);
    CHECK(says(only_fault(cli::check_mtu(below(1500, "192.0.2.1"), sized(1441))).fix, "ip link set wg0 mtu 1440"));
    CHECK(worst(cli::check_mtu(below(1500, "2001:db8::1"), sized(1420))) == Severity::ok);
    CHECK(says(only_fault(cli::check_mtu(below(1500, "2001:db8::1"), sized(1421))).fix, "mtu 1420"));
}

TEST_CASE("mtu: a way to the endpoint through a tunnel is not judged") {
    auto facts = below(1000, "192.0.2.1");
    facts.underlays.front().out = "wg0";
    CHECK(worst(cli::check_mtu(facts, sized(1420))) == Severity::ok);
}

TEST_CASE("mtu: a forwarding host that clamps nothing gets a hint, no fault") {
    auto host = sized(1420);
    auto lan = host.links.front();
    lan.name = "lan0";
    lan.kind = "";
    lan.mtu = 1500;
    host.links.push_back(lan);
    NetworkFacts facts;
    CHECK(worst(cli::check_mtu(facts, host)) == Severity::ok);
    facts.forwards = true;
    CHECK(worst(cli::check_mtu(facts, host)) == Severity::info);
    facts.firewall = forward("tcp flags syn tcp option maxseg size set rt mtu").firewall;
    CHECK(worst(cli::check_mtu(facts, host)) == Severity::ok);
}

TEST_CASE("routes: one that no peer takes is told with the peer its next hop is") {
    const auto fault = only_fault(cli::check_routes(route("10.3.0.0/16", "10.8.0.2"), good_host(), {}));
    CHECK(says(fault.message, "Required key not available"));
    CHECK(says(
        fault.fix,
        ("peer " + adjacency::to_base64(facts::key(2)) + " allowed-ips 10.8.0.2/32,10.2.0.0/16,10.3.0.0/16").c_str()));
    CHECK(says(only_fault(cli::check_routes(route("10.3.0.0/16"), good_host(), {})).fix, "add 10.3.0.0/16"));
}

TEST_CASE("routes: one that another peer takes is told; its own peer's, or part of it, is not") {
    const auto fault = only_fault(cli::check_routes(route("10.2.7.0/24", "10.8.0.1"), good_host(), {}));
    CHECK(says(fault.message, "take its packets"));
    CHECK(worst(cli::check_routes(route("10.2.7.0/24", "10.8.0.2"), good_host(), {})) == Severity::ok);
    CHECK(worst(cli::check_routes(route("10.2.7.0/24"), good_host(), {})) == Severity::ok);
    CHECK(worst(cli::check_routes(route("10.0.0.0/8", "10.8.0.2"), good_host(), {})) == Severity::ok);
}

TEST_CASE("routes: of many some are told, and how many more") {
    NetworkFacts facts;
    for (int n = 0; n < 20; ++n)
        facts.routes.push_back({"wg0", prefix(("10.3." + std::to_string(n) + ".0/24").c_str()), ip("10.8.0.2")});
    const auto found = cli::check_routes(facts, good_host(), {});
    CHECK(found.size() == 6);
    CHECK(says(found.back().message, "15"));
}

TEST_CASE("dns: behind a tunnel without a handshake for 180 s") {
    CHECK(worst(cli::check_dns(dns_behind_wg0(), spoken_to(std::chrono::seconds{180}), noon)) == Severity::ok);
    CHECK(says(only_fault(cli::check_dns(dns_behind_wg0(), spoken_to(std::chrono::seconds{181}), noon)).message,
               "no handshake"));
    CHECK(worst(cli::check_dns(dns_behind_wg0(), good_host(), noon)) == Severity::warning);
}

TEST_CASE("dns: behind a tunnel whose endpoint is a name, which wants DNS itself") {
    auto facts = dns_behind_wg0();
    const auto file = [](const char* endpoint) {
        return cli::parse_wireguard_file("/etc/wireguard/wg0.conf",
                                         "[Interface]\n[Peer]\nPublicKey=" + adjacency::to_base64(facts::key(1)) +
                                             "\nEndpoint = " + endpoint + "\n");
    };
    for (const auto* address : {"192.0.2.1:51820", "[2001:db8::1]:51820"}) {
        facts.files = {file(address)};
        CHECK(worst(cli::check_dns(facts, spoken_to(std::chrono::seconds{1}), noon)) == Severity::ok);
    }
    facts.files = {file("vpn.example.net:51820")};
    const auto fault = only_fault(cli::check_dns(facts, spoken_to(std::chrono::seconds{1}), noon));
    CHECK(says(fault.message, "vpn.example.net"));
    CHECK(says(fault.message, "line 2"));
}

TEST_CASE("files: an open key, an open configuration; closed ones are fine") {
    NetworkFacts facts;
    facts.secrets.push_back({.path = "/etc/wireguard/wg0.conf", .holds_key = true});
    facts.secrets.push_back({.path = "/etc/wgbfd/wgbfd.toml", .readable = true});
    CHECK(worst(cli::check_files(facts)) == Severity::ok);
    facts.secrets.front().readable = true;
    CHECK(says(only_fault(cli::check_files(facts)).fix, "chmod o= /etc/wireguard/wg0.conf"));
    facts.secrets.front().readable = false;
    facts.secrets.back().writable = true;
    CHECK(says(only_fault(cli::check_files(facts)).message, "change it"));
}

TEST_CASE("a WireGuard file names the key files its commands read") {
    const auto file =
        cli::parse_wireguard_file("/etc/wireguard/wg3.conf",
                                  "[Interface]\nPostUp = wg set %i private-key /etc/wireguard/%i.key; true\n"
                                  "PostUp = wg set wg3 peer x preshared-key /dev/stdin\n");
    CHECK(file.interface == "wg3");
    CHECK(file.key_files == std::vector<std::string>{"/etc/wireguard/wg3.key"});
}

TEST_CASE("asymmetric: we send by the cheap path and hear by the dear one") {
    NetworkFacts facts;
    facts.usage = {{"a", "wg0", "site", 10, 1'000'000, 4'000}, {"b", "wg1", "site", 20, 4'000, 1'000'000}};
    const auto found = cli::check_directions(facts);
    REQUIRE(found.size() == 1);
    CHECK(found.front().severity == Severity::info);
    CHECK(says(found.front().message, "we send by a (cost 10)"));
    facts.usage[1].received = 15'000;  // four times as much, and next to nothing
    CHECK(worst(cli::check_directions(facts)) == Severity::ok);
    facts.usage[1].received = 1'000'000;
    facts.usage[0].received = 300'000;  // both are used
    CHECK(worst(cli::check_directions(facts)) == Severity::ok);
    facts.usage[0].received = 4'000;
    facts.usage[1].group = "other";
    CHECK(worst(cli::check_directions(facts)) == Severity::ok);
}
