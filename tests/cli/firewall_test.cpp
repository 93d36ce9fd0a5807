// The packet filter's text as rules, and what they say of interfaces and ports.
#include "cli/firewall.hpp"

#include <doctest/doctest.h>

using cli::Arrival;
using cli::Firewall;
using Tool = cli::FilterChain::Tool;

namespace {

// As nft 1.0.6 prints it.
constexpr const char* ruleset = R"(table inet filter { # handle 1
	set lan { # handle 4
		type ifname
		elements = { "lan0",
			     "wg0" }
	}

	chain forward { # handle 2
		type filter hook forward priority filter; policy drop;
		iifname "wg0" counter packets 17 bytes 1020 accept comment "site" # handle 5
		iifname { "wg0", "lan0" } oifname "wan0" accept # handle 6
		iifname vmap { "wg0" : jump tunnels, "lan0" : accept } # handle 7
		iifname "wg*" drop # handle 8
	}

	chain input { # handle 3
		type filter hook input priority filter; policy drop;
		iif "lo" accept # handle 9
		ct state established,related accept # handle 10
		tcp dport { 22, 443 } accept # handle 11
		udp dport 51820-51830 accept # handle 12
		jump more # handle 13
	}

	chain more { # handle 14
		meta l4proto { icmp, ipv6-icmp } accept # handle 15
		iifname "eth0" accept # handle 16
	}
}
)";

Firewall input(const std::string& rules, bool drops = true) {
    return cli::parse_nft(
        "table inet filter { # handle 1\n\tchain input { # handle 2\n"
        "\t\ttype filter hook input priority filter; policy " +
        std::string{drops ? "drop" : "accept"} + ";\n" + rules + "\t}\n}\n");
}

bool drops(const Firewall& firewall, std::uint16_t port = 3784, const std::string& interface = "wg0") {
    return cli::drops(firewall, {interface, false, port}).has_value();
}

}  // namespace

TEST_CASE("nft's text: chains, hooks, policies, rules with their handles, sets over several lines") {
    const auto firewall = cli::parse_nft(ruleset);
    REQUIRE(firewall.chains.size() == 3);
    const auto& forward = firewall.chains[0];
    CHECK(to_string(forward) == "nft: inet filter forward");
    CHECK(forward.hook == "forward");
    CHECK(forward.policy_drops);
    REQUIRE(forward.rules.size() == 4);
    CHECK(forward.rules[0] == cli::FilterRule{"iifname \"wg0\" counter accept", "iifname \"wg0\" counter accept", 5});
    CHECK(firewall.chains[2].hook.empty());
    REQUIRE(firewall.sets.size() == 1);
    CHECK(firewall.sets[0].elements.find("\"wg0\"") != std::string::npos);
}

TEST_CASE("the interfaces a rule names: plain, in braces, in a map; a wildcard names none") {
    const auto rules = cli::parse_nft(ruleset).chains[0].rules;
    using Names = std::vector<std::string>;
    CHECK(interfaces_of(rules[0]) == Names{"wg0"});
    CHECK(interfaces_of(rules[1]) == Names{"wg0", "lan0", "wan0"});
    CHECK(interfaces_of(rules[2]).front() == "wg0");
    CHECK(interfaces_of(rules[3]).empty());
}

TEST_CASE("a rule widened to another interface is one nft takes") {
    const auto widened = [](const char* text) { return cli::widened(text, "wg0", "wg1"); };
    CHECK(widened("iifname \"wg0\" accept") == "iifname { \"wg0\", \"wg1\" } accept");
    CHECK(widened("iifname != \"wg0\" drop") == "iifname != { \"wg0\", \"wg1\" } drop");
    CHECK(widened("iifname { \"lan0\", \"wg0\" } accept") == "iifname { \"lan0\", \"wg0\", \"wg1\" } accept");
    CHECK(widened("iifname vmap { \"wg0\" : jump tunnels, \"lan0\" : accept }") ==
          "iifname vmap { \"wg0\" : jump tunnels, \"wg1\" : jump tunnels, \"lan0\" : accept }");
    CHECK(cli::renamed("iifname \"wg0\" accept", "wg0", "wg1") == "iifname \"wg1\" accept");
}

TEST_CASE("what no rule lets in, under a policy of drop, is dropped for certain") {
    const auto firewall = cli::parse_nft(ruleset);
    CHECK(drops(firewall));
    CHECK(drops(firewall, 862));
    CHECK_FALSE(drops(firewall, 51'820));
    CHECK_FALSE(drops(firewall, 3784, "eth0"));
    CHECK(cli::drops(firewall, {"wg0", false, 3784}) == "nft: inet filter input");
}

TEST_CASE("what may let it in is believed to: no false alarm") {
    CHECK(drops(input("")));
    CHECK_FALSE(drops(input("", false)));
    for (const auto* rule :
         {"udp dport 3784 accept", "udp dport { 53, 3784 } accept", "udp dport 3000-4000 accept",
          "iifname \"wg*\" accept", "iifname \"wg0\" accept", "iifname != \"eth0\" accept",
          "ip saddr 10.0.0.0/8 accept", "meta mark 7 accept", "udp dport @ours accept", "udp dport bfd-control accept",
          "jump elsewhere", "udp dport vmap { 3784 : accept }", "ct state new accept",
          "ct state { established, new } accept", "accept", "iifname @tunnels accept"}) {
        CAPTURE(rule);
        CHECK_FALSE(drops(input(std::string{"\t\t"} + rule + " # handle 7\n")));
    }
    for (const auto* rule :
         {"udp dport 3785 accept", "udp dport 4000-5000 accept", "iifname \"wg1\" accept", "iifname != \"wg0\" accept",
          "tcp dport 3784 accept", "ip protocol icmp accept", "ct state established,related accept",
          "counter packets 3 bytes 9", "log prefix \"in: \""}) {
        CAPTURE(rule);
        CHECK(drops(input(std::string{"\t\t"} + rule + " # handle 7\n")));
    }
}

TEST_CASE("a rule that drops it by name counts under any policy; one that may does not") {
    CHECK(drops(input("\t\tudp dport 3784 drop # handle 7\n", false)));
    CHECK(drops(input("\t\tiifname \"wg0\" udp dport 3784 counter packets 1 bytes 2 reject # handle 7\n", false)));
    CHECK_FALSE(drops(input("\t\tip saddr 10.0.0.0/8 udp dport 3784 drop # handle 7\n", false)));
    CHECK_FALSE(drops(input("\t\taccept # handle 6\n\t\tudp dport 3784 drop # handle 7\n", false)));
}

TEST_CASE("a chain of one address family says nothing of the other") {
    const auto v6 = cli::parse_nft(
        "table ip6 f { # handle 1\n\tchain input { # handle 2\n"
        "\t\ttype filter hook input priority filter; policy drop;\n\t}\n}\n");
    CHECK_FALSE(cli::drops(v6, {"wg0", false, 3784}));
    CHECK(cli::drops(v6, {"wg0", true, 3784}));
}

TEST_CASE("iptables-save: the same, in nft's words") {
    Firewall firewall;
    cli::add_iptables(firewall, Tool::iptables,
                      "*filter\n:INPUT DROP [3:180]\n:FORWARD ACCEPT [0:0]\n:TUNNEL - [0:0]\n"
                      "-A INPUT -i lo -j ACCEPT\n-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"
                      "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n-A INPUT ! -i wg+ -j ACCEPT\n"
                      "-A INPUT -p udp -m multiport --dports 53,4784 -j ACCEPT\n-A INPUT -j TUNNEL\n"
                      "-A FORWARD -i wg0 -o lan0 -j ACCEPT\nCOMMIT\n");
    REQUIRE(firewall.chains.size() == 3);
    CHECK(firewall.chains[0].policy_drops);
    CHECK(firewall.chains[0].rules[1].text == "ct state related,established accept");
    CHECK(firewall.chains[0].rules[3].text == "iifname != \"wg*\" accept");
    CHECK(firewall.chains[0].rules[4].text == "meta l4proto udp th dport { 53, 4784 } accept");
    CHECK(firewall.chains[0].rules[5].text == "jump TUNNEL");
    CHECK(firewall.chains[1].rules[0] ==
          cli::FilterRule{"iifname \"wg0\" oifname \"lan0\" accept", "-i wg0 -o lan0 -j ACCEPT", 1});
    CHECK(drops(firewall));
    CHECK_FALSE(drops(firewall, 4784));
    CHECK_FALSE(drops(firewall, 3784, "eth0"));
}

TEST_CASE("text that is no ruleset gives no rules") {
    for (const auto* text :
         {"", "}", "chain", "table", "\"", "table inet x {\n chain y {\n \" { , }\n", "*\n:\n-A\n"}) {
        CAPTURE(text);
        const auto firewall = cli::parse_nft(text);
        for (const auto& chain : firewall.chains)
            for (const auto& rule : chain.rules) static_cast<void>(cli::widened(rule.text, "a", "b"));
        CHECK_FALSE(drops(firewall));
        Firewall other;
        cli::add_iptables(other, Tool::iptables, text);
        CHECK_FALSE(drops(other));
    }
}
