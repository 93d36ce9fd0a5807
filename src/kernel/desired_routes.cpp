#include "kernel/desired_routes.hpp"

#include <algorithm>

namespace kernel {
namespace {

using policy::Wanted;

const adjacency::Link* find(const LinkNames& links, std::string_view name) {
    const auto at = links.find(name);
    return at == links.end() ? nullptr : &at->second;
}

std::uint32_t vrf_table(const LinkNames& links, const adjacency::Link& link) {
    for (const auto& [name, master] : links)
        if (link.master.value != 0 && master.index == link.master) return master.vrf_table;
    return 0;
}

// IPv6 balances between gateways alone, and WireGuard asks for none: one that is surely not ours does.
base::IpAddress gateway_of(const Wanted& wanted) {
    const auto& addresses = wanted.adjacency.addresses;
    if (addresses && addresses->remote.is_v6()) return addresses->remote;
    return base::IpAddress::parse("fe80::57").value();
}

class Group {
public:
    Group(const RouteGroup& group, std::span<const Wanted> all, const RouteChoice::Ids& carrying,
          const LinkNames& links, DesiredRoutes& out)
        : group_{group}, links_{links}, out_{out} {
        for (const auto& wanted : all) {
            if (wanted.adjacency.group != group.name) continue;
            members_.push_back(&wanted);
            if (carrying.contains(wanted.id)) carrying_.push_back(&wanted);
        }
    }

    void add(std::uint32_t table) {
        for (const auto& prefix : group_.prefixes) add_route(table, prefix, carrying_);
        for (const auto* member : members_) {
            tell(*member);
            if (member->adjacency.source_table != 0) add_source(*member);
        }
    }

private:
    void tell(const Wanted& member) {
        const bool carries = std::ranges::find(carrying_, &member) != carrying_.end();
        auto& told = out_.told[member.id];
        told = carries ? "carries" : carrying_.empty() ? "nothing" : "stands by";
        if (!carries || carrying_.size() < 2) return;
        std::uint32_t all = 0;
        for (const auto* one : carrying_) all += one->adjacency.weight;
        told.append(" ").append(std::to_string(member.adjacency.weight)).append(" of ").append(std::to_string(all));
    }

    void add_route(std::uint32_t table, const base::Prefix& prefix, const std::vector<const Wanted*>& through) {
        if (through.empty()) return;
        GroupRoute route{{table, prefix, group_.metric}, {}, {}};
        if (group_.source && group_.source->family == prefix.address.family) route.source = *group_.source;
        for (const auto* wanted : through) {
            const auto* const link = find(links_, wanted->adjacency.interface);
            if (link == nullptr) continue;
            const auto same = std::ranges::find(route.ways, link->index, &RouteWay::out);
            if (same != route.ways.end())  // two peers of one interface: WireGuard chooses between them
                same->weight = std::min(same->weight + wanted->adjacency.weight, 256U);
            else
                route.ways.push_back({link->index, wanted->adjacency.weight,
                                      prefix.address.is_v6() ? gateway_of(*wanted) : base::IpAddress{}});
        }
        if (route.ways.empty()) return;
        if (route.ways.size() == 1) route.ways.front() = {route.ways.front().out, 1, {}};
        std::ranges::sort(route.ways);
        out_.tables.insert(table);
        const auto [at, fresh] = out_.routes.try_emplace(route.name, route);
        if (!fresh && at->second != route) return refuse(route.name);
        if (group_.keep_on_exit) out_.kept.insert(route.name);
    }

    // The configuration cannot see it where the tables are those of the interfaces' VRFs.
    void refuse(const RouteName& name) {
        out_.problems.push_back("the group " + group_.name + " goes without " + to_string(name) +
                                ": another group has it already: give one of them another metric or table");
    }

    // What this end of the tunnel sends goes by this tunnel while it can, else where the group goes.
    void add_source(const Wanted& member) {
        const auto& addresses = member.adjacency.addresses;
        const auto* const link = find(links_, member.adjacency.interface);
        if (link != nullptr && vrf_table(links_, *link) != 0) return refuse_source(member);
        out_.tables.insert(member.adjacency.source_table);
        if (!addresses || carrying_.empty()) return;
        const bool usable = link != nullptr && link->up && standing_of(member) <= Standing::degraded;
        const auto through = usable ? std::vector<const Wanted*>{&member} : carrying_;
        for (const auto& prefix : group_.prefixes)
            if (prefix.address.family == addresses->local.family)
                add_route(member.adjacency.source_table, prefix, through);
        const SourceRule rule{addresses->local, member.adjacency.source_table, group_.rule_priority};
        out_.rules.insert(rule);
        if (group_.keep_on_exit) out_.kept_rules.insert(rule);
    }

    // Its rule would be the whole host's, for every VRF that has the address; and in a VRF the VRF's own rule, which
    // comes first, leads to the VRF's table.
    void refuse_source(const Wanted& member) {
        out_.problems.push_back(member.adjacency.name +
                                " goes without its source_table: " + member.adjacency.interface +
                                " is in a VRF, whose table comes first: remove source_table, or take " +
                                member.adjacency.interface + " out of the VRF");
    }

    const RouteGroup& group_;
    const LinkNames& links_;
    DesiredRoutes& out_;
    std::vector<const Wanted*> members_, carrying_;
};

}  // namespace

std::optional<std::uint32_t> table_of(const RouteGroup& group, std::span<const Wanted> all, const LinkNames& links) {
    if (group.table != 0) return group.table;
    std::optional<std::uint32_t> found;
    for (const auto& wanted : all) {
        const auto* const link = find(links, wanted.adjacency.interface);
        if (wanted.adjacency.group != group.name || link == nullptr) continue;
        const auto own = vrf_table(links, *link);
        const auto table = own != 0 ? own : main_table;
        if (found && *found != table) return std::nullopt;
        found = table;
    }
    return found.value_or(main_table);
}

DesiredRoutes desired_routes(std::span<const RouteGroup> groups, std::span<const Wanted> all, const Choices& choices,
                             const LinkNames& links) {
    DesiredRoutes out;
    for (const auto& group : groups) {
        const auto choice = choices.find(group.name);
        if (choice == choices.end()) continue;
        const auto table = table_of(group, all, links);
        if (!table) {
            out.problems.push_back("the interfaces of the group " + group.name +
                                   " are in several VRFs: give it a table, or put them into one");
            continue;
        }
        out.tables.insert(*table);
        Group{group, all, choice->second.carrying(), links, out}.add(*table);
    }
    return out;
}

}  // namespace kernel
