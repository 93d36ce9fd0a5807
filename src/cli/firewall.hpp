// The packet filter of this host as text: what `nft -a list ruleset`, iptables-save and ip6tables-save print, as chains
// of rules in nft's words, and what a rule says of an interface or a port. Pure. What is not understood stays as it
// is, and is never taken to match or to miss.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

struct FilterRule {
    std::string text;      // in nft's words, without counters' values, comment and handle: iifname "wg0" accept
    std::string original;  // as it was written, for iptables: -i wg0 -j ACCEPT
    unsigned number = 0;   // nft: its handle; iptables: its place in the chain, from 1
    friend bool operator==(const FilterRule&, const FilterRule&) = default;
};

struct FilterChain {
    enum class Tool : std::uint8_t { nft, iptables, ip6tables };
    Tool tool = Tool::nft;
    std::string family;  // "ip", "ip6", "inet"; others carry no tunnel
    std::string table;
    std::string name;
    std::string hook;           // "input"; "": jumped to
    bool policy_drops = false;  // of a base chain
    std::vector<FilterRule> rules;
};

struct NamedSet {
    std::string family, table, name;
    std::string elements;  // "wg0", "wg1"
};

struct Firewall {
    std::vector<FilterChain> chains;
    std::vector<NamedSet> sets;
    std::set<std::string> foreign;  // nft tables ("ip filter") that iptables manages: left to it
};

Firewall parse_nft(std::string_view text);
void add_iptables(Firewall& firewall, FilterChain::Tool tool, std::string_view text);

// A chain's table as its tool names it: "nft: inet filter forward", "iptables -t filter FORWARD".
std::string to_string(const FilterChain& chain);

// The interfaces a rule names, wildcards and those in named sets left out.
std::vector<std::string> interfaces_of(const FilterRule& rule);
// The same rule with `other` wherever it names `interface`.
std::string renamed(const std::string& text, const std::string& interface, const std::string& other);
// The same rule for both: iifname "wg0" becomes iifname { "wg0", "wg1" }.
std::string widened(const std::string& text, const std::string& interface, const std::string& other);

// A datagram that a peer sends us of its own accord.
struct Arrival {
    std::string interface;  // "": any, and what a rule says of one tells nothing
    bool v6 = false;
    std::uint16_t port = 0;
};
// Does some input chain drop it for certain? Its name; none: no, or that cannot be told.
std::optional<std::string> drops(const Firewall& firewall, const Arrival& arrival);

}  // namespace cli
