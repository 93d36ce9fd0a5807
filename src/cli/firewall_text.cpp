// The text of nft and of iptables-save as chains of rules.
#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <sstream>
#include <utility>

#include "cli/firewall.hpp"

namespace cli {
namespace {

using Tool = FilterChain::Tool;

std::string trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return std::string{text.substr(first, text.find_last_not_of(" \t") - first + 1)};
}

// `packets 3 bytes 180`, `comment "…"` and `# handle 5` say nothing of what a rule does.
FilterRule nft_rule(std::string_view line) {
    FilterRule out;
    auto text = std::string{line};
    if (const auto at = text.rfind(" # handle "); at != std::string::npos) {
        std::from_chars(text.data() + at + 10, text.data() + text.size(), out.number);
        text.resize(at);
    }
    if (const auto at = text.find(" comment \""); at != std::string::npos) text.resize(at);
    std::istringstream in{text};
    std::string kept;
    for (std::string word; in >> word;) {
        if (word == "packets" || (word == "bytes" && kept.ends_with("counter"))) {
            in >> word;
            continue;
        }
        kept += (kept.empty() ? "" : " ") + word;
    }
    out.text = out.original = kept;
    return out;
}

// iptables' words as nft's, in pairs of option and value; others stay, and nobody understands them.
struct Translation {
    std::string_view option, key, before, after;
};
constexpr std::array translations{
    Translation{"-i", "iifname", "\"", "\""},        Translation{"-o", "oifname", "\"", "\""},
    Translation{"-p", "meta l4proto", "", ""},       Translation{"--dport", "th dport", "", ""},
    Translation{"--dports", "th dport", "{ ", " }"}, Translation{"--sport", "th sport", "", ""},
    Translation{"--ctstate", "ct state", "", ""},    Translation{"--state", "ct state", "", ""},
};

std::string verdict_of(const std::string& target) {
    if (target == "ACCEPT") return "accept";
    if (target == "DROP") return "drop";
    if (target == "REJECT") return "reject";
    if (target == "RETURN") return "return";
    if (target == "LOG") return "log";
    return "jump " + target;
}

std::string lower(std::string text) {
    std::ranges::transform(text, text.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return text;
}

std::string translated(const std::string& original) {
    std::istringstream in{original};
    std::string out;
    bool negated = false;
    for (std::string word, value; in >> word;) {
        if (word == "!") {
            negated = true;
            continue;
        }
        const auto known = std::ranges::find(translations, word, &Translation::option);
        std::string text = word;
        if (word == "-m") {
            in >> value;  // what it brings says more
            if (value == "comment") continue;
            if (value == "udp" || value == "tcp" || value == "conntrack" || value == "state" || value == "multiport")
                continue;
            text += ' ' + value;
        } else if (word == "--comment") {
            std::getline(in >> std::ws, value, value.starts_with('"') ? '"' : ' ');
            continue;
        } else if (word == "-j" || word == "-g") {
            in >> value;
            text = verdict_of(value);
        } else if (known != translations.end() && in >> value) {
            std::ranges::replace(value, ':', '-');
            if (word == "--dports") {
                std::string list;
                for (const char c : value) list += c == ',' ? std::string{", "} : std::string{c};
                value = list;
            }
            if (word.ends_with("state")) value = lower(value);
            if (word == "-i" || word == "-o") std::ranges::replace(value, '+', '*');
            text = std::string{known->key} + (negated ? " != " : " ") + std::string{known->before} + value +
                   std::string{known->after};
            negated = false;
        }
        if (std::exchange(negated, false)) text = "! " + text;
        out += (out.empty() ? "" : " ") + text;
    }
    return out;
}

}  // namespace

Firewall parse_nft(std::string_view text) {
    Firewall out;
    std::istringstream lines{std::string{text}};
    std::string family, table, block;  // "chain", "set", …; "" outside
    for (std::string raw; std::getline(lines, raw);) {
        const auto line = trimmed(raw);
        std::istringstream in{line};
        std::string first, second, third;
        in >> first >> second >> third;
        if (line.starts_with("# Warning: table ") && line.find("managed by iptables") != std::string::npos) {
            in.seekg(0);
            std::string skip;
            in >> skip >> skip >> skip >> second >> third;
            out.foreign.insert(second + ' ' + third);
        } else if (first == "table" && raw.front() == 't') {
            family = second;
            table = third;
        } else if (block.empty() && (first == "chain" || first == "set" || first == "map")) {
            block = first;
            if (first == "chain") out.chains.push_back({Tool::nft, family, table, second, "", false, {}});
            if (first == "set") out.sets.push_back({family, table, second, ""});
        } else if (line == "}") {
            block.clear();
        } else if (block == "chain" && first == "type") {
            auto& chain = out.chains.back();
            if (const auto at = line.find(" hook "); at != std::string::npos)
                chain.hook = line.substr(at + 6, line.find(' ', at + 6) - at - 6);
            chain.policy_drops = line.find("policy drop") != std::string::npos;
            if (!line.starts_with("type filter") && chain.hook == "input") chain.hook += " of another type";
        } else if (block == "chain" && !line.empty() && !line.starts_with('#')) {
            out.chains.back().rules.push_back(nft_rule(line));
        } else if (block == "set" && !line.empty()) {
            out.sets.back().elements += line + ' ';
        }
    }
    return out;
}

void add_iptables(Firewall& firewall, Tool tool, std::string_view text) {
    const std::string family = tool == Tool::iptables ? "ip" : "ip6";
    std::istringstream lines{std::string{text}};
    std::string table;
    std::map<std::string, std::size_t> places;
    for (std::string line; std::getline(lines, line);) {
        std::istringstream in{line};
        std::string first, name, policy;
        in >> first;
        if (line.starts_with('*')) {
            table = line.substr(1);
            places.clear();
        } else if (line.starts_with(':')) {
            in >> policy;
            name = first.substr(1);
            const auto hook = table == "filter" && (name == "INPUT" || name == "FORWARD") ? lower(name) : std::string{};
            places[name] = firewall.chains.size();
            firewall.chains.push_back({tool, family, table, name, hook, policy == "DROP", {}});
        } else if (first == "-A" && in >> name && places.contains(name)) {
            std::string rest;
            std::getline(in >> std::ws, rest);
            auto& rules = firewall.chains[places[name]].rules;
            rules.push_back({translated(rest), rest, static_cast<unsigned>(rules.size() + 1)});
        }
    }
}

}  // namespace cli
