// Checks of the packet filter: what names one interface of a group and not the other, and what drops our packets.
#include <algorithm>
#include <map>

#include "cli/doctor_checks.hpp"
#include "cli/peers.hpp"

namespace cli {
namespace {

using Groups = std::map<std::string, std::set<std::string>>;

// Of each group the interfaces that are here.
Groups groups_of(const HostFacts& host, const config::Config& config) {
    Groups out;
    for (const auto& entry : config.adjacencies)
        if (!entry.group.empty() &&
            std::ranges::find(host.links, entry.interface, &adjacency::Link::name) != host.links.end())
            out[entry.group].insert(entry.interface);
    std::erase_if(out, [](const auto& item) { return item.second.size() < 2; });
    return out;
}

// wg-quick keeps its own rules for each interface.
bool is_left_alone(const FilterChain& chain) { return chain.table.starts_with("wg-quick"); }

bool has_twin(const FilterChain& chain, const FilterRule& rule, const std::string& interface,
              const std::string& other) {
    const auto wanted = renamed(rule.text, interface, other);
    return std::ranges::any_of(chain.rules,
                               [&](const FilterRule& one) { return renamed(one.text, other, other) == wanted; });
}

std::string fix_of(const FilterChain& chain, const FilterRule& rule, const std::string& interface,
                   const std::string& other) {
    if (chain.tool == FilterChain::Tool::nft)
        return "nft replace rule " + chain.family + ' ' + chain.table + ' ' + chain.name + " handle " +
               std::to_string(rule.number) + ' ' + widened(rule.text, interface, other) +
               ", and the same in what loads the rules at boot";
    auto line = rule.original;
    for (const std::string option : {"-i ", "-o "})
        if (const auto at = line.find(option + interface + ' '); at != std::string::npos)
            line.replace(at + 3, interface.size(), other);
    return std::string{chain.tool == FilterChain::Tool::iptables ? "iptables" : "ip6tables"} + " -t " + chain.table +
           " -I " + chain.name + ' ' + std::to_string(rule.number + 1) + ' ' + line +
           ", and the same in what loads the rules at boot";
}

void compare(Findings& out, const FilterChain& chain, const std::string& group, const std::set<std::string>& members) {
    for (const auto& rule : chain.rules) {
        const auto named = interfaces_of(rule);
        const auto names = [&](const std::string& one) { return std::ranges::find(named, one) != named.end(); };
        const auto first = std::ranges::find_if(members, names);
        if (first == members.end()) continue;
        for (const auto& other : members) {
            if (names(other) || has_twin(chain, rule, *first, other)) continue;
            out.push_back({"firewall", Severity::warning, other,
                           to_string(chain) + " names " + *first + " and not " + other + ", of the same group \"" +
                               group + "\", in `" + rule.original + "`: what moves to " + other +
                               " is treated otherwise",
                           fix_of(chain, rule, *first, other)});
        }
    }
}

void compare(Findings& out, const NamedSet& set, const std::string& group, const std::set<std::string>& members) {
    const auto has = [&](const std::string& one) { return set.elements.find('"' + one + '"') != std::string::npos; };
    const auto first = std::ranges::find_if(members, has);
    if (first == members.end()) return;
    const auto place = set.family + ' ' + set.table + ' ' + set.name;
    for (const auto& other : members)
        if (!has(other))
            out.push_back(
                {"firewall", Severity::warning, other,
                 "nft: the set " + place + " has " + *first + " and not " + other + ", of the same group \"" + group +
                     "\": what moves to " + other + " is treated otherwise",
                 "nft add element " + place + " { \"" + other + "\" }, and the same in what loads the rules at boot"});
}

std::string opened(const std::string& chain, const std::string& match) {
    return "let it in before (" + chain + "): " + match + " accept";
}

}  // namespace

Findings check_firewall(const NetworkFacts& facts, const HostFacts& host, const config::Config& config) {
    Findings out;
    for (const auto& [group, members] : groups_of(host, config)) {
        for (const auto& chain : facts.firewall.chains)
            if (!is_left_alone(chain)) compare(out, chain, group, members);
        for (const auto& set : facts.firewall.sets) compare(out, set, group, members);
    }
    for (const auto& problem : facts.problems)
        out.push_back({"firewall", Severity::info, "", problem, "run the doctor as root, or look there by hand"});
    if (out.empty()) out.push_back({"firewall", Severity::ok, "", "no rule names one interface of a group alone", ""});
    return out;
}

// Only what is dropped for certain is told: a rule that is not understood may let it in.
Findings check_input(const NetworkFacts& facts, const HostFacts& host, const config::Config& config) {
    Findings out;
    std::set<std::pair<std::string, bool>> seen;
    const auto peers = peers_of(host, config);
    const auto resolved = resolve_all(peers, host);
    const auto add = [&](const Arrival& arrival, const std::string& what, const std::string& match) {
        if (const auto chain = drops(facts.firewall, arrival))
            out.push_back({"input", Severity::warning, arrival.interface,
                           what + " may be dropped on their way in, by " + *chain, opened(*chain, match)});
    };
    for (std::size_t i = 0; i < peers.size(); ++i) {
        const auto& name = peers[i].link.name;
        // In a VRF the rules see the VRF's own interface come in.
        if (adjacency::vrf_of(peers[i].link, host.links).value != 0) continue;
        if (!resolved[i] || !seen.emplace(name, resolved[i]->remote.is_v6()).second) continue;
        const bool v6 = resolved[i]->remote.is_v6();
        add({name, v6, 3784}, "BFD packets (UDP 3784)", "iifname \"" + name + "\" udp dport 3784");
        if (config.quality.method == config::Method::automatic || config.quality.method == config::Method::stamp)
            add({name, v6, 862}, "STAMP requests (UDP 862), by which the peer measures,",
                "iifname \"" + name + "\" udp dport 862");
    }
    for (const auto& device : host.devices) {
        const bool is_called = std::ranges::any_of(device.peers, [](const auto& peer) { return !peer.endpoint; });
        if (!is_called || device.listen_port == 0) continue;  // whom we call ourselves may answer
        const auto port = std::to_string(device.listen_port);
        add({"", false, device.listen_port},
            device.interface + " waits for peers whose endpoint it does not know, and their handshakes (UDP " + port +
                ")",
            "udp dport " + port);
    }
    if (out.empty()) out.push_back({"input", Severity::ok, "", "no rule drops what peers send us for certain", ""});
    return out;
}

}  // namespace cli
