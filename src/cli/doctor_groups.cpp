// Checks of what the feeds `repair` and `routes` need of this host: by the very rules that the daemon follows.
#include <algorithm>
#include <deque>

#include "cli/doctor_checks.hpp"
#include "kernel/desired_repair.hpp"

namespace cli {
namespace {

int value_in(const std::map<std::string, int>& values, const std::string& name) {
    const auto found = values.find(name);
    return found == values.end() ? 0 : found->second;
}

kernel::RepairLinks links_of(const HostFacts& facts) {
    kernel::RepairLinks out;
    for (const auto& device : facts.devices) {
        const auto link = std::ranges::find(facts.links, device.interface, &adjacency::Link::name);
        if (link == facts.links.end()) continue;
        const int strict = std::max(value_in(facts.rp_filter, "all"), value_in(facts.rp_filter, link->name));
        out.emplace(link->name, kernel::RepairLink{.index = link->index,
                                                   .up = link->up,
                                                   .strict = strict == 1,
                                                   .addresses = link->addresses,
                                                   .peers = device.peers});
    }
    return out;
}

// As if all of them were up: what is refused then is refused for good.
std::deque<adjacency::Adjacency> adjacencies_of(const config::Config& config) {
    std::deque<adjacency::Adjacency> out;
    for (const auto& configured : config.adjacencies) {
        auto& one = out.emplace_back();
        one.id.value = static_cast<std::uint32_t>(out.size());
        one.name = configured.name.value_or(configured.interface + "/" + adjacency::to_base64(configured.peer));
        one.interface = configured.interface;
        one.peer = configured.peer;
        one.group = configured.group;
        if (has_feed(config, configured, kernel::repair_feed)) one.feeds = {kernel::repair_feed};
        if (configured.address) one.addresses = adjacency::Addresses{{}, *configured.address, {}};
    }
    return out;
}

void check_hash_policy(const HostFacts& facts, const config::Config& config, Findings& out) {
    for (const auto& [family, name] : {std::pair{base::Family::v4, "ipv4"}, std::pair{base::Family::v6, "ipv6"}}) {
        const bool balances = std::ranges::any_of(config.groups, [&](const config::Group& group) {
            return group.mode == config::GroupMode::active_active &&
                   std::ranges::any_of(group.prefixes,
                                       [&](const base::Prefix& prefix) { return prefix.address.family == family; });
        });
        if (!balances) continue;
        const auto key = std::string{"net."} + name + ".fib_multipath_hash_policy";
        if (value_in(facts.hash_policy, name) == 0)
            out.push_back({"routes", Severity::warning, key,
                           "is 0: paths are shared out by addresses alone, and all that two hosts say to each other "
                           "goes one way",
                           "sysctl -w " + key + "=1, and the same line in /etc/sysctl.d"});
        else
            out.push_back({"routes", Severity::ok, key, "shares flows out by their ports too", ""});
    }
}

}  // namespace

Findings check_groups(const HostFacts& facts, const config::Config& config, const DaemonFacts& daemon) {
    Findings out;
    if (has_feed(config, "routes")) check_hash_policy(facts, config, out);
    if (!has_feed(config, kernel::repair_feed)) return out;
    const auto adjacencies = adjacencies_of(config);
    std::vector<policy::Wanted> all;
    for (const auto& one : adjacencies) {
        auto& wanted = all.emplace_back(policy::Wanted{one.id, one, {policy::VerdictState::up, {}}, true, false});
        wanted.far_end_strict = daemon.strict_far_ends.contains({one.interface, one.peer});
    }
    for (const auto& [name, repaired] : kernel::desired_repair(all, links_of(facts), {}).interfaces) {
        for (const auto& problem : repaired.problems)
            out.push_back({"repair", Severity::warning, name, problem, "mend that, or take repair from its feeds"});
        if (repaired.problems.empty())
            out.push_back({"repair", Severity::ok, name, "has a backup that carries what it carries", ""});
    }
    return out;
}

}  // namespace cli
