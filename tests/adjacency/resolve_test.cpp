// The rules of "which address does the peer have", in their order, and what is said when none applies.
#include "adjacency/resolve.hpp"

#include <doctest/doctest.h>

using adjacency::AddressSource;
using adjacency::ResolveStep;

namespace {

base::IpAddress ip(std::string_view text) {
    if (text.empty()) return {};
    const auto parsed = base::IpAddress::parse(text);
    REQUIRE(parsed.has_value());
    return *parsed;
}

adjacency::LinkAddress own(std::string_view prefix, std::string_view peer = "") {
    const auto parsed = base::Prefix::parse(prefix);
    REQUIRE(parsed.has_value());
    return {parsed->address, ip(peer), parsed->length, false};
}

adjacency::LinkAddress tentative(std::string_view prefix) {
    auto out = own(prefix);
    out.tentative = true;
    return out;
}

adjacency::Peer peer(std::uint8_t number, std::initializer_list<std::string_view> allowed_ips) {
    adjacency::Peer out;
    out.key.bytes[0] = number;
    for (const auto text : allowed_ips) {
        const auto parsed = base::Prefix::parse(text);
        REQUIRE(parsed.has_value());
        out.allowed_ips.push_back(*parsed);
    }
    return out;
}

adjacency::Link link_with(std::vector<adjacency::LinkAddress> addresses) {
    adjacency::Link out;
    out.index = {7};
    out.name = "wg0";
    out.addresses = std::move(addresses);
    return out;
}

// A host with these addresses on its interface and these peers behind it; the first is asked about.
struct Host {
    std::vector<adjacency::LinkAddress> addresses;
    std::vector<adjacency::Peer> peers;

    base::Result<adjacency::Addresses, adjacency::Unresolved> ask(std::string_view configured = "") const {
        const auto link = link_with(addresses);
        const adjacency::Device device{.index = {7}, .interface = "wg0", .listen_port = 51820, .peers = peers};
        const auto address = configured.empty() ? std::nullopt : std::optional{ip(configured)};
        return resolve(link, device, peers.front(), address);
    }
    std::string found(std::string_view configured = "") const {
        const auto result = ask(configured);
        if (!result) return std::string{to_string(result.error().step)};
        return to_string(result->local) + " " + to_string(result->remote) + " " +
               std::string{to_string(result->source)};
    }
};

}  // namespace

TEST_CASE("an interface without a usable address resolves nobody") {
    CHECK(Host{{}, {peer(1, {"10.8.0.1/32"})}}.found() == "interface-without-address");
    CHECK(Host{{}, {peer(1, {})}}.found("10.8.0.1") == "interface-without-address");
    CHECK(Host{{tentative("fe80::1/64")}, {peer(1, {"fe80::2/128"})}}.found() == "interface-without-address");
}

TEST_CASE("a configured address comes first, whatever else would match") {
    const Host host{{own("10.8.0.0/31"), own("10.9.0.1/32", "10.9.0.2")}, {peer(1, {"0.0.0.0/0", "10.8.0.1/32"})}};
    CHECK(host.found("10.7.7.7") == "10.8.0.0 10.7.7.7 configured");
    CHECK(host.found("10.9.0.2") == "10.9.0.1 10.9.0.2 configured");
    CHECK(host.found("10.8.0.1") == "10.8.0.0 10.8.0.1 configured");
}

TEST_CASE("a configured address needs a local one of its family and scope, and other than itself") {
    const Host v4{{own("10.8.0.2/24")}, {peer(1, {})}};
    CHECK(v4.found("2001:db8::1") == "no-local-for-remote");
    CHECK(v4.found("10.8.0.2") == "no-local-for-remote");
    CHECK(v4.found("169.254.0.1") == "no-local-for-remote");
    const Host global{{own("2001:db8::2/64")}, {peer(1, {})}};
    CHECK(global.found("fe80::1") == "no-local-for-remote");
    CHECK(global.found("2001:db8:9::1") == "2001:db8::2 2001:db8:9::1 configured");
    const Host link_local{{own("fe80::2/64")}, {peer(1, {})}};
    CHECK(link_local.found("2001:db8::1") == "no-local-for-remote");
    CHECK(link_local.found("fe80::1") == "fe80::2 fe80::1 configured");
}

TEST_CASE("the point-to-point peer address belongs to the peer whose allowed-ips hold it") {
    const std::vector addresses{own("10.9.0.1/32", "10.9.0.2")};
    CHECK(Host{addresses, {peer(1, {"10.9.0.0/24"})}}.found() == "10.9.0.1 10.9.0.2 point-to-point");
    CHECK(Host{addresses, {peer(1, {"10.10.0.0/24"})}}.found() == "no-candidate");
    // Cryptokey routing: the longest prefix has it.
    CHECK(Host{addresses, {peer(1, {"10.9.0.0/24"}), peer(2, {"10.9.0.2/32"})}}.found() == "no-candidate");
    CHECK(Host{addresses, {peer(1, {"10.9.0.2/32"}), peer(2, {"0.0.0.0/0"})}}.found() ==
          "10.9.0.1 10.9.0.2 point-to-point");
}

TEST_CASE("point-to-point comes before the other half and before allowed-ips, IPv4 before IPv6") {
    CHECK(Host{{own("10.8.0.0/31"), own("10.9.0.1/32", "10.9.0.2")}, {peer(1, {"0.0.0.0/0"})}}.found() ==
          "10.9.0.1 10.9.0.2 point-to-point");
    CHECK(
        Host{{own("2001:db8::1/128", "2001:db8::2"), own("10.9.0.1/32", "10.9.0.2")}, {peer(1, {"0.0.0.0/0", "::/0"})}}
            .found() == "10.9.0.1 10.9.0.2 point-to-point");
    CHECK(Host{{own("fe80::1/128", "fe80::2")}, {peer(1, {"::/0"})}}.found() == "fe80::1 fe80::2 point-to-point");
}

TEST_CASE("with a point-to-point peer the prefix length belongs to the peer's side") {
    const std::vector addresses{own("10.9.0.1/24", "10.20.0.1")};
    CHECK(Host{addresses, {peer(1, {"10.20.0.7/32"}), peer(2, {})}}.found() == "10.9.0.1 10.20.0.7 allowed-ips");
    CHECK(Host{addresses, {peer(1, {"10.9.0.7/32"}), peer(2, {})}}.found() == "no-candidate");
    CHECK(Host{{own("10.9.0.1/31", "10.20.0.1")}, {peer(1, {})}}.found() == "no-candidate");
}

TEST_CASE("the only peer of a /31 or /127 has the other half") {
    CHECK(Host{{own("10.8.0.0/31")}, {peer(1, {})}}.found() == "10.8.0.0 10.8.0.1 subnet");
    CHECK(Host{{own("10.8.0.1/31")}, {peer(1, {})}}.found() == "10.8.0.1 10.8.0.0 subnet");
    CHECK(Host{{own("10.8.0.255/31")}, {peer(1, {})}}.found() == "10.8.0.255 10.8.0.254 subnet");
    CHECK(Host{{own("2001:db8::/127")}, {peer(1, {})}}.found() == "2001:db8:: 2001:db8::1 subnet");
    CHECK(Host{{own("fe80::1/127")}, {peer(1, {})}}.found() == "fe80::1 fe80:: subnet");
}

TEST_CASE("the only peer of a /30 or /126 has the other host, and first and last address are no hosts") {
    CHECK(Host{{own("10.8.0.1/30")}, {peer(1, {})}}.found() == "10.8.0.1 10.8.0.2 subnet");
    CHECK(Host{{own("10.8.0.2/30")}, {peer(1, {})}}.found() == "10.8.0.2 10.8.0.1 subnet");
    CHECK(Host{{own("10.8.0.0/30")}, {peer(1, {})}}.found() == "no-candidate");
    CHECK(Host{{own("10.8.0.3/30")}, {peer(1, {})}}.found() == "no-candidate");
    CHECK(Host{{own("2001:db8::5/126")}, {peer(1, {})}}.found() == "2001:db8::5 2001:db8::6 subnet");
    CHECK(Host{{own("2001:db8::7/126")}, {peer(1, {})}}.found() == "no-candidate");
    CHECK(Host{{own("10.8.0.1/29")}, {peer(1, {})}}.found() == "no-candidate");
    CHECK(Host{{own("2001:db8::5/125")}, {peer(1, {})}}.found() == "no-candidate");
    CHECK(Host{{own("10.8.0.1/32")}, {peer(1, {})}}.found() == "no-candidate");
}

TEST_CASE("the other half needs that the interface has one peer") {
    CHECK(Host{{own("10.8.0.0/31")}, {peer(1, {}), peer(2, {})}}.found() == "no-candidate");
    CHECK(Host{{own("10.8.0.0/31")}, {peer(1, {"10.8.0.1/32"}), peer(2, {})}}.found() ==
          "10.8.0.0 10.8.0.1 allowed-ips");
}

TEST_CASE("the other half: IPv4 first, before allowed-ips, never an address of our own") {
    CHECK(Host{{own("2001:db8::/127"), own("10.8.0.0/31")}, {peer(1, {})}}.found() == "10.8.0.0 10.8.0.1 subnet");
    CHECK(Host{{own("10.8.0.0/31"), own("10.7.0.1/24")}, {peer(1, {"10.7.0.2/32"})}}.found() ==
          "10.8.0.0 10.8.0.1 subnet");
    CHECK(Host{{own("10.8.0.0/31"), own("10.8.0.1/31")}, {peer(1, {})}}.found() == "no-candidate");
}

TEST_CASE("the one host of the allowed-ips inside a prefix of the interface") {
    const std::vector addresses{own("10.8.0.1/24")};
    CHECK(Host{addresses, {peer(1, {"10.8.0.2/32", "192.168.0.0/16"}), peer(2, {"10.8.0.3/32"})}}.found() ==
          "10.8.0.1 10.8.0.2 allowed-ips");
    CHECK(Host{addresses, {peer(1, {"10.8.1.2/32"})}}.found() == "no-candidate");
    CHECK(Host{addresses, {peer(1, {"10.8.0.2/31"})}}.found() == "no-candidate");
    CHECK(Host{addresses, {peer(1, {"0.0.0.0/0"})}}.found() == "no-candidate");
    CHECK(Host{addresses, {peer(1, {"10.8.0.2/32", "10.8.0.2/32"})}}.found() == "10.8.0.1 10.8.0.2 allowed-ips");
    CHECK(Host{addresses, {peer(1, {"10.8.0.2/32", "10.8.0.1/32"})}}.found() == "10.8.0.1 10.8.0.2 allowed-ips");
}

TEST_CASE("two hosts are one too many, unless the other family has just one") {
    const std::vector both{own("10.8.0.1/24"), own("2001:db8::1/64")};
    CHECK(Host{{own("10.8.0.1/24")}, {peer(1, {"10.8.0.2/32", "10.8.0.3/32"})}}.found() == "several-candidates");
    CHECK(Host{both, {peer(1, {"10.8.0.2/32", "10.8.0.3/32", "2001:db8::2/128"})}}.found() ==
          "2001:db8::1 2001:db8::2 allowed-ips");
    CHECK(Host{both, {peer(1, {"2001:db8::2/128", "10.8.0.2/32"})}}.found() == "10.8.0.1 10.8.0.2 allowed-ips");
    CHECK(Host{both, {peer(1, {"2001:db8::2/128", "2001:db8::3/128"})}}.found() == "several-candidates");
}

TEST_CASE("a link-local host comes last, and is no second candidate beside a global one") {
    const std::vector addresses{own("2001:db8::1/64"), own("fe80::1/64")};
    CHECK(Host{addresses, {peer(1, {"fe80::2/128", "2001:db8::2/128"})}}.found() ==
          "2001:db8::1 2001:db8::2 allowed-ips");
    CHECK(Host{addresses, {peer(1, {"fe80::2/128"})}}.found() == "fe80::1 fe80::2 link-local");
    CHECK(Host{addresses, {peer(1, {"fe80::2/128", "fe80::3/128"})}}.found() == "several-candidates");
    CHECK(Host{addresses, {peer(1, {"fe80::/64"})}}.found() == "no-candidate");
    // Any link-local address is on the link, whatever the length of ours.
    CHECK(Host{{own("fe80::1/128")}, {peer(1, {"fe80::2/128"})}}.found() == "fe80::1 fe80::2 link-local");
    CHECK(Host{{own("10.8.0.1/24")}, {peer(1, {"fe80::2/128"})}}.found() == "no-local-for-remote");
}

TEST_CASE("two candidates in one family do not hide a link-local one, and are named when nothing else helps") {
    const std::vector addresses{own("10.8.0.1/24"), own("fe80::1/64")};
    CHECK(Host{addresses, {peer(1, {"10.8.0.2/32", "10.8.0.3/32", "fe80::2/128"})}}.found() ==
          "fe80::1 fe80::2 link-local");
    CHECK(Host{{own("10.8.0.1/24")}, {peer(1, {"10.8.0.2/32", "10.8.0.3/32", "fe80::2/128"})}}.found() ==
          "several-candidates");
}

TEST_CASE("hosts that are no unicast address are no candidates") {
    CHECK(Host{{own("10.8.0.1/0")}, {peer(1, {"224.0.0.5/32", "0.0.0.0/32"})}}.found() == "no-candidate");
    CHECK(Host{{own("10.8.0.1/24")}, {peer(1, {"10.8.0.1/32"})}}.found() == "no-candidate");
}

TEST_CASE("tentative IPv6 addresses are not used by any rule") {
    CHECK(Host{{own("10.8.0.1/24"), tentative("2001:db8::/127")}, {peer(1, {})}}.found() == "no-candidate");
    CHECK(Host{{own("10.8.0.1/24"), tentative("2001:db8::1/64")}, {peer(1, {"2001:db8::2/128"})}}.found() ==
          "no-candidate");
    CHECK(Host{{own("10.8.0.1/24"), tentative("fe80::1/64")}, {peer(1, {"fe80::2/128"})}}.found() ==
          "no-local-for-remote");
    CHECK(Host{{own("10.8.0.1/24"), tentative("fe80::1/64")}, {peer(1, {})}}.found("fe80::2") == "no-local-for-remote");
    CHECK(Host{{tentative("fe80::1/64"), own("fe80::9/64")}, {peer(1, {"fe80::2/128"})}}.found() ==
          "fe80::9 fe80::2 link-local");
}

TEST_CASE("local_for: the address whose prefix holds the remote, the longest of them, else the first of its scope") {
    const auto link = link_with({own("10.1.0.1/16"), own("10.2.0.1/16"), own("10.2.3.1/24"), own("169.254.0.1/16"),
                                 own("fe80::1/64"), own("2001:db8::1/64")});
    CHECK(local_for(link, ip("10.2.9.9")) == ip("10.2.0.1"));
    CHECK(local_for(link, ip("10.2.3.9")) == ip("10.2.3.1"));
    CHECK(local_for(link, ip("192.0.2.1")) == ip("10.1.0.1"));
    CHECK(local_for(link, ip("10.2.3.1")) == ip("10.2.0.1"));
    CHECK(local_for(link, ip("169.254.9.9")) == ip("169.254.0.1"));
    CHECK(local_for(link, ip("fe80::9")) == ip("fe80::1"));
    CHECK(local_for(link, ip("2001:db8:5::9")) == ip("2001:db8::1"));
    CHECK_FALSE(local_for(link, {}));
}
