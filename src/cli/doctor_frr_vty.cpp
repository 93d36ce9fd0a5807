// Checks of the feed frr-vty: which of FRR's daemons it reaches, and how fast a changed weight acts.
#include <algorithm>

#include "cli/doctor_checks.hpp"
#include "frr/running_config.hpp"

namespace cli {
namespace {

constexpr const char* feed = "frr-vty";

std::string list(const std::vector<std::string>& all) {
    std::string out;
    for (const auto& one : all) out += (out.empty() ? "" : ", ") + one;
    return out;
}

// What this version keeps where the feed does not go.
std::string limits_of(const VtyFacts& facts) {
    const auto version = facts.version && *facts.version ? frr::parse_version(**facts.version) : std::nullopt;
    if (!version) return {};
    std::string out;
    if (!frr::knows_neighbor_graceful_shutdown(*version))
        out += "; BGP by weights alone, for graceful-shutdown of one neighbour comes with FRR 8.5";
    if (frr::has_mgmtd(*version)) out += "; what mgmtd holds (static routes, RIP, zebra's own) is not reached";
    return out;
}

// Neighbours whose routes bgpd must ask for again before another weight acts.
std::vector<std::string> slow_neighbors(const std::string& configuration) {
    std::vector<std::string> out;
    const auto running = frr::read_running_config(configuration);
    if (!running.bgp) return out;
    for (const auto& [name, neighbor] : running.bgp->neighbors) {
        if (neighbor.is_group) continue;
        for (std::size_t family = 0; family < frr::unicast_families; ++family)
            if (running.bgp->is_active(neighbor, family) && !running.bgp->keeps_routes(neighbor, family)) {
                out.push_back(name);
                break;
            }
    }
    return out;
}

}  // namespace

Findings check_frr_vty(const VtyFacts& facts, const config::Config& config) {
    Findings out;
    if (!has_feed(config, feed)) return out;
    std::vector<std::string> answering;
    std::string problem;
    for (const auto& [daemon, configuration] : facts.configurations) {
        if (configuration)
            answering.push_back(daemon);
        else
            problem += (problem.empty() ? "" : "; ") + configuration.error();
    }
    if (answering.empty()) {
        out.push_back({feed, Severity::error, facts.directory, problem.empty() ? "nobody answers" : problem,
                       "start ospfd, ospf6d or bgpd, correct [frr] vty, or remove the feed frr-vty"});
        return out;
    }
    out.push_back({feed, Severity::ok, facts.directory, list(answering) + " can be told" + limits_of(facts), ""});
    const auto bgpd = facts.configurations.find("bgpd");
    if (bgpd == facts.configurations.end() || !bgpd->second) return out;
    if (const auto slow = slow_neighbors(*bgpd->second); !slow.empty())
        out.push_back({feed, Severity::ok, list(slow), "a changed weight acts after a route refresh: half a second",
                       "for a tenth of that: 'neighbor X soft-reconfiguration inbound' in each address family, at the "
                       "price of a second copy of its routes"});
    return out;
}

}  // namespace cli
