#include "cli/firewall.hpp"

#include <algorithm>
#include <charconv>
#include <functional>
#include <sstream>
#include <utility>

namespace cli {
namespace {

using Words = std::vector<std::string>;
using Tool = FilterChain::Tool;

constexpr int deepest_jump = 8;

// By blanks, braces and what parts their elements apart; what stands in quotes stays one word, with them.
Words words_of_rule(std::string_view text) {
    Words out;
    std::string word;
    bool quoted = false, listed = false;
    const auto end = [&] {
        if (!word.empty()) out.push_back(std::exchange(word, {}));
    };
    for (const char c : text) {
        if (c == '"') quoted = !quoted;
        if (!quoted && (c == ' ' || c == '\t')) {
            end();
        } else if (!quoted && (c == '{' || c == '}' || (c == ',' && listed))) {
            end();
            listed = c != '}';
            out.emplace_back(1, c);
        } else {
            word += c;
        }
    }
    end();
    return out;
}

std::string joined(const Words& words) {
    std::string out;
    for (const auto& word : words) out += (out.empty() || word == "," ? "" : " ") + word;
    return out;
}

std::string quoted(std::string_view name) { return '"' + std::string{name} + '"'; }

std::string unquoted(const std::string& word) {
    return word.size() >= 2 && word.front() == '"' && word.back() == '"' ? word.substr(1, word.size() - 2) : word;
}

enum class Match : std::uint8_t { yes, no, unknown };

struct Values {
    bool negated = false;
    Words all;
};

// What follows a word: one value, or those in braces.
Values values_after(const Words& words, std::size_t& at) {
    Values out;
    if (at < words.size() && words[at] == "!=") {
        out.negated = true;
        ++at;
    }
    if (at < words.size() && words[at] == "{") {
        for (++at; at < words.size() && words[at] != "}"; ++at)
            if (words[at] != ",") out.all.push_back(words[at]);
        ++at;
    } else if (at < words.size()) {
        out.all.push_back(words[at++]);
    }
    return out;
}

Match judged(const Values& values, const std::function<Match(const std::string&)>& one) {
    auto out = Match::no;
    for (const auto& value : values.all) {
        const auto found = value.starts_with('@') || value == "vmap" ? Match::unknown : one(value);
        if (found == Match::yes) out = Match::yes;
        if (found == Match::unknown && out == Match::no) out = Match::unknown;
    }
    if (!values.negated || out == Match::unknown) return out;
    return out == Match::yes ? Match::no : Match::yes;
}

Match interface_matches(const std::string& value, const std::string& interface) {
    const auto name = unquoted(value);
    if (interface.empty()) return name == "lo" ? Match::no : Match::unknown;
    const bool wild = name.ends_with('*') || name.ends_with('+');
    const auto stem = wild ? name.substr(0, name.size() - 1) : name;
    return (wild ? interface.starts_with(stem) : interface == stem) ? Match::yes : Match::no;
}

Match port_matches(const std::string& value, std::uint16_t port) {
    unsigned low = 0, high = 0;
    const char* const end = value.data() + value.size();
    const auto [at, error] = std::from_chars(value.data(), end, low);
    if (error != std::errc{}) return Match::unknown;  // a service's name
    high = low;
    if (at != end && (*at != '-' || std::from_chars(at + 1, end, high).ptr != end)) return Match::unknown;
    return port >= low && port <= high ? Match::yes : Match::no;
}

Match protocol_matches(const std::string& value) {
    if (value == "udp" || value == "17") return Match::yes;
    const bool known = value == "tcp" || value == "icmp" || value == "icmpv6" || value == "ipv6-icmp" ||
                       value == "sctp" || value == "esp" || value == "ah" || value == "gre" || value == "ospf" ||
                       value == "vrrp" ||
                       (!value.empty() && value.find_first_not_of("0123456789") == std::string::npos);
    return known ? Match::no : Match::unknown;
}

// What a peer begins is new to conntrack, unless it is told not to look.
Match state_matches(const Values& values) {
    Words all;
    for (const auto& value : values.all) {
        std::istringstream parts{value};
        for (std::string part; std::getline(parts, part, ',');) all.push_back(part);
    }
    const auto out = judged({values.negated, all}, [](const std::string& value) {
        if (value == "new") return Match::yes;
        return value == "established" || value == "related" || value == "invalid" ? Match::no : Match::unknown;
    });
    return out == Match::yes ? Match::unknown : out;
}

struct Judged {
    Match match = Match::yes;
    std::string verdict;  // "", "accept", "drop", "reject", "return", "jump", "?"
    std::string target;   // of a jump
};

void narrow(Judged& out, Match match) {
    if (match == Match::no || out.match == Match::no)
        out.match = Match::no;
    else if (match == Match::unknown)
        out.match = Match::unknown;
}

Judged judge(const FilterRule& rule, const Arrival& arrival) {
    Judged out;
    const auto words = words_of_rule(rule.text);
    const auto here = [&](std::size_t at, std::string_view word) { return at < words.size() && words[at] == word; };
    for (std::size_t at = 0; at < words.size();) {
        const auto& word = words[at++];
        if (word == "iifname" || word == "iif") {
            narrow(out, judged(values_after(words, at),
                               [&](const std::string& v) { return interface_matches(v, arrival.interface); }));
        } else if ((word == "meta" && here(at, "l4proto")) || (word == "ip" && here(at, "protocol")) ||
                   (word == "ip6" && here(at, "nexthdr"))) {
            narrow(out, judged(values_after(words, ++at), protocol_matches));
        } else if ((word == "udp" || word == "th") && here(at, "dport")) {
            narrow(out, judged(values_after(words, ++at),
                               [&](const std::string& v) { return port_matches(v, arrival.port); }));
        } else if (word == "tcp" || word == "icmp" || word == "icmpv6" || word == "sctp" || word == "esp") {
            narrow(out, Match::no);
        } else if (word == "ct" && here(at, "state")) {
            narrow(out, state_matches(values_after(words, ++at)));
        } else if (word == "accept" || word == "drop" || word == "return") {
            out.verdict = word;
        } else if (word == "reject") {
            out.verdict = word;
            at = words.size();
        } else if ((word == "jump" || word == "goto") && at < words.size()) {
            out.verdict = "jump";
            out.target = words[at++];
        } else if (word != "counter" && word != "log") {
            if (word == "vmap" || word == "queue" || word == "dnat" || word == "redirect" || word == "tproxy")
                out.verdict = "?";
            narrow(out, Match::unknown);
        }
    }
    return out;
}

enum class Fate : std::uint8_t { passes_on, dropped, accepted_or_unknown };

Fate fate_in(const Firewall& firewall, const FilterChain& chain, const Arrival& arrival, int depth) {
    if (depth > deepest_jump) return Fate::accepted_or_unknown;
    for (const auto& rule : chain.rules) {
        const auto [match, verdict, target] = judge(rule, arrival);
        if (match == Match::no || verdict.empty()) continue;
        if (verdict == "drop" || verdict == "reject") {
            if (match == Match::yes) return Fate::dropped;
            continue;  // it may end here, or go on
        }
        if (verdict == "jump") {
            const auto next = std::ranges::find_if(firewall.chains, [&](const FilterChain& other) {
                return other.tool == chain.tool && other.family == chain.family && other.table == chain.table &&
                       other.name == target;
            });
            if (next == firewall.chains.end()) return Fate::accepted_or_unknown;
            const auto fate = fate_in(firewall, *next, arrival, depth + 1);
            if (fate == Fate::accepted_or_unknown) return fate;
            if (fate == Fate::dropped && match == Match::yes) return fate;
            continue;
        }
        if (verdict == "return" && depth > 0) {
            if (match == Match::yes) return Fate::passes_on;
            continue;
        }
        return Fate::accepted_or_unknown;
    }
    return Fate::passes_on;
}

}  // namespace

std::string to_string(const FilterChain& chain) {
    switch (chain.tool) {
        case Tool::nft: return "nft: " + chain.family + ' ' + chain.table + ' ' + chain.name;
        case Tool::iptables: return "iptables -t " + chain.table + ' ' + chain.name;
        case Tool::ip6tables: return "ip6tables -t " + chain.table + ' ' + chain.name;
    }
    return {};
}

std::vector<std::string> interfaces_of(const FilterRule& rule) {
    std::vector<std::string> out;
    const auto words = words_of_rule(rule.text);
    for (std::size_t at = 0; at < words.size();) {
        const auto& word = words[at++];
        if (word != "iifname" && word != "oifname" && word != "iif" && word != "oif") continue;
        if (at < words.size() && words[at] == "vmap") ++at;
        for (const auto& value : values_after(words, at).all)
            if (value.starts_with('"') && !value.ends_with("*\"")) out.push_back(unquoted(value));
    }
    return out;
}

std::string renamed(const std::string& text, const std::string& interface, const std::string& other) {
    auto words = words_of_rule(text);
    std::ranges::replace(words, quoted(interface), quoted(other));
    return joined(words);
}

std::string widened(const std::string& text, const std::string& interface, const std::string& other) {
    Words out;
    bool listed = false;
    const auto words = words_of_rule(text);
    for (std::size_t at = 0; at < words.size(); ++at) {
        listed = words[at] == "{" || (listed && words[at] != "}");
        out.push_back(words[at]);
        if (words[at] != quoted(interface)) continue;
        if (!listed) {
            out.back() = "{";
            out.insert(out.end(), {quoted(interface), ",", quoted(other), "}"});
        } else if (at + 1 < words.size() && words[at + 1] == ":") {  // of a vmap: up to the next element
            Words element{":"};
            for (at += 2; at < words.size() && words[at] != "}" && words[at] != ","; ++at) element.push_back(words[at]);
            out.insert(out.end(), element.begin(), element.end());
            out.insert(out.end(), {",", quoted(other)});
            out.insert(out.end(), element.begin(), element.end());
            --at;
        } else {
            out.insert(out.end(), {",", quoted(other)});
        }
    }
    return joined(out);
}

std::optional<std::string> drops(const Firewall& firewall, const Arrival& arrival) {
    for (const auto& chain : firewall.chains) {
        if (chain.hook != "input" || chain.family == (arrival.v6 ? "ip" : "ip6")) continue;
        const auto fate = fate_in(firewall, chain, arrival, 0);
        if (fate == Fate::dropped || (fate == Fate::passes_on && chain.policy_drops)) return to_string(chain);
    }
    return std::nullopt;
}

}  // namespace cli
