// What the feeds `repair` and `routes` need to know of this host, and what the configuration says of their groups.
#include <algorithm>
#include <fstream>
#include <map>

#include "daemon/worker.hpp"

namespace wgbfd {
namespace {

namespace fs = std::filesystem;

int read_number(const fs::path& path) {
    int value = 0;
    std::ifstream{path} >> value;
    return value;
}

kernel::RouteGroup route_group(const config::Group& group) {
    const bool active_active = group.mode == config::GroupMode::active_active;
    return {.name = group.name,
            .prefixes = group.prefixes,
            .rules = {.mode = active_active ? kernel::GroupMode::active_active : kernel::GroupMode::active_passive,
                      .fail_back_after = group.fail_back_after,
                      .withdraw = group.when_down == config::WhenDown::withdraw},
            .table = group.table,
            .metric = group.metric,
            .source = group.source,
            .keep_on_exit = group.keep_on_exit,
            .rule_priority = group.rule_priority};
}

}  // namespace

void Worker::follow_routes() {
    std::vector<kernel::RouteGroup> groups;
    for (const auto& group : controller_.config().groups)
        if (!group.prefixes.empty()) groups.push_back(route_group(group));
    group_routes_.configure(std::move(groups));
}

kernel::RepairLinks Worker::repair_links(std::span<const policy::Wanted> all) {
    std::map<std::string_view, base::IfIndex> known;
    for (const auto& wanted : all) known.emplace(wanted.adjacency.interface, wanted.adjacency.ifindex);
    std::map<base::IfIndex, const adjacency::Link*> links;
    for (const auto& link : links_) links.emplace(link.index, &link);
    kernel::RepairLinks out;
    for (const auto& device : device_values_) {
        const auto found = links.find(device.index);
        if (found == links.end()) continue;
        const auto& link = *found->second;
        const auto at = known.find(link.name);
        if (at != known.end() && at->second != device.index) continue;  // made anew, and not judged yet
        out.emplace(link.name, kernel::RepairLink{.index = link.index,
                                                  .up = link.up,
                                                  .strict = at != known.end() && rp_filters_.is_strict(link.name),
                                                  .addresses = link.addresses,
                                                  .peers = device.peers});
    }
    return out;
}

// Read once a second: a cut waits for no file. The peers are told as well, when they ask.
void Worker::look_at_rp_filter() {
    std::set<std::string_view> interfaces;
    for (const auto& device : device_values_) interfaces.insert(device.interface);
    if (!rp_filters_.look(interfaces)) return;
    controller_.on_reverse_paths(rp_filters_.reverse_paths());
    schedule_turn();
    if (repair_judged_ && !stopping_) repair_.apply(controller_.wanted(kernel::repair_feed));
}

// True, too, where nobody would tell us. A way by a shared interface that names no peer may be this one's.
bool Worker::carries_routes(const adjacency::Adjacency& adjacency) const {
    const auto& routes = controller_.convergence();
    if (routes.source() == control::RouteSource::none || !routes.is_complete()) return true;
    const auto link = std::ranges::find(links_, adjacency.ifindex, &adjacency::Link::index);
    if (link != links_.end() && link->master.value != 0) return true;  // not every source tells of VRFs' tables
    if (const auto count = routes.counts().find(adjacency.id); count != routes.counts().end() && count->second > 0)
        return true;
    const auto device = std::ranges::find(device_values_, adjacency.ifindex, &adjacency::Device::index);
    return device != device_values_.end() && device->peers.size() > 1 && routes.uses(adjacency.ifindex);
}

std::vector<std::string> Worker::hash_policy_notes() const {
    std::vector<std::string> out;
    const auto look = [&](base::Family family, const std::string& name) {
        if (!group_routes_.balances(family) || read_number("/proc/sys/net/" + name + "/fib_multipath_hash_policy") != 0)
            return;
        out.push_back("routes: net." + name + ".fib_multipath_hash_policy is 0, and all that two hosts say to each " +
                      "other goes one way: sysctl -w net." + name + ".fib_multipath_hash_policy=1");
    };
    look(base::Family::v4, "ipv4");
    look(base::Family::v6, "ipv6");
    return out;
}

}  // namespace wgbfd
