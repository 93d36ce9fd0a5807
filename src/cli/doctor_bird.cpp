// Checks of BIRD: its control socket, the protocols that are named, and the table that BIRD learns next hops from.
#include <algorithm>
#include <map>

#include "cli/doctor_checks.hpp"

namespace cli {
namespace {

bool names(const std::vector<std::string>& feeds, const std::string& feed) {
    return std::ranges::find(feeds, feed) != feeds.end();
}

// What failed, and what to do, which stands behind the colon.
Finding unreachable(const BirdFacts& facts, const std::string& why) {
    const auto colon = why.find(": ");
    return {"bird", Severity::error, facts.control, why.substr(0, colon),
            colon == std::string::npos ? "see to it that BIRD runs" : why.substr(colon + 2)};
}

Finding judge_protocol(const BirdFacts& facts, const std::string& name, const std::vector<std::string>& serves) {
    const auto found = std::ranges::find(facts.protocols, name, &bird::Protocol::name);
    if (found == facts.protocols.end())
        return {"bird", Severity::error, name,
                "is no protocol of BIRD's, and the feed bird-protocol of " + serves[0] + " names it",
                "correct bird_protocol: 'birdc show protocols' lists them"};
    if (serves.size() > 1) {
        std::string all;
        for (const auto& one : serves) all += (all.empty() ? "" : ", ") + one;
        return {"bird", Severity::warning, name,
                "serves more than one adjacency (" + all + "): it is disabled only when none of them lives",
                "give each peer a protocol of its own in BIRD, or use the feed bird-nexthop"};
    }
    if (!found->is_enabled() && !found->message.starts_with("wgbfd: "))
        return {"bird", Severity::warning, name, "is " + found->state + " by somebody's decision, and stays so",
                "birdc enable " + name};
    return {"bird", Severity::ok, name, "is " + found->state + ", and follows " + serves[0], ""};
}

Findings check_table(const BirdFacts& facts, std::uint32_t table) {
    const auto subject = "table " + std::to_string(table);
    if (facts.looked_up.contains(table))
        return {{"bird", Severity::error, subject,
                 "is looked up by a policy rule: the routes for BIRD would steer packets too",
                 "give nexthop_table a table that 'ip rule' and 'ip -6 rule' do not name, here and in BIRD"}};
    return {{"bird", Severity::ok, subject, "is looked up by no rule", ""}};
}

Finding judge_include(const BirdFacts& facts, const std::string& file) {
    if (!facts.include_exists)
        return {"bird", Severity::error, file, "does not exist, and a BIRD that includes it does not start",
                "wgbfd snippets bird-include > " + file + " (wgbfd run writes it, too)"};
    if (facts.version && *facts.version && !facts.include_read)
        return {
            "bird", Severity::error, file, "is not included by the configuration that BIRD runs",
            "write include \"" + file + "\"; on a line of its own, above all that uses it, and run 'birdc configure'"};
    return {"bird", Severity::ok, file, facts.include_read ? "exists, and BIRD reads it" : "exists", ""};
}

}  // namespace

bool has_feed(const config::Config& config, const std::string& feed) {
    const auto named = [&](const auto& entry) { return names(entry.feeds, feed); };
    return std::ranges::any_of(config.interfaces, named) || std::ranges::any_of(config.adjacencies, named);
}

Findings check_bird(const BirdFacts& facts, const config::Config& config) {
    Findings out;
    if (config.bird.nexthop_table && has_feed(config, "bird-nexthop"))
        out = check_table(facts, *config.bird.nexthop_table);
    if (config.bird.include && has_feed(config, "bird-include"))
        out.push_back(judge_include(facts, *config.bird.include));
    std::map<std::string, std::vector<std::string>> protocols;
    for (const auto& adjacency : config.adjacencies)
        if (!adjacency.bird_protocol.empty())
            protocols[adjacency.bird_protocol].push_back(
                adjacency.name.value_or(adjacency.interface + "/" + adjacency::to_base64(adjacency.peer)));
    if (!facts.version) return out;
    if (!*facts.version) {
        auto finding = unreachable(facts, facts.version->error());
        // The table works without the socket; only the other feeds need it.
        if (protocols.empty() && !has_feed(config, "bird-include")) finding.severity = Severity::warning;
        out.push_back(std::move(finding));
        return out;
    }
    out.push_back({"bird", Severity::ok, facts.control, "BIRD " + **facts.version + " answers", ""});
    for (const auto& [name, serves] : protocols) out.push_back(judge_protocol(facts, name, serves));
    return out;
}

}  // namespace cli
