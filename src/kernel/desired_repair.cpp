#include "kernel/desired_repair.hpp"

#include <algorithm>
#include <optional>

#include "kernel/allowed_ips.hpp"
#include "kernel/group_rank.hpp"
#include "kernel/repair_transports.hpp"

namespace kernel {
namespace {

using policy::Wanted;

constexpr std::uint16_t first_redirect = 0x100;  // what passes has the numbers before
constexpr std::uint16_t last_number = 0xfff;

struct Interface {
    const RepairLink* link = nullptr;
    AllowedIps allowed;
    std::vector<base::Prefix> own;        // the tunnel's own addresses
    std::set<base::Prefix> transports{};  // endpoints of what its backups depend on
    std::map<adjacency::PublicKey, const adjacency::Peer*> peers;
};
using Interfaces = std::map<std::string, Interface, std::less<>>;

base::Prefix prefix(const char* text) { return base::Prefix::parse(text).value(); }

bool names_feed(const Wanted& wanted) {
    return std::ranges::find(wanted.adjacency.feeds, repair_feed) != wanted.adjacency.feeds.end();
}

base::Prefix network(base::Prefix prefix) {
    for (unsigned bit = prefix.length; bit < prefix.address.bits(); ++bit)
        prefix.address.bytes[bit / 8] &= static_cast<std::uint8_t>(~(0x80U >> (bit % 8)));
    return prefix;
}

bool is_own(const Interface& interface, const base::Prefix& prefix) {
    return std::ranges::any_of(interface.own, [&](const base::Prefix& own) { return holds(own, prefix); });
}

Interfaces interfaces_of(std::span<const Wanted> all, const RepairLinks& links) {
    Interfaces out;
    for (const auto& wanted : all) {
        const auto link = links.find(wanted.adjacency.interface);
        if (link == links.end()) continue;
        const auto [at, fresh] = out.try_emplace(link->first);
        auto& interface = at->second;
        if (fresh) {
            interface.link = &link->second;
            interface.allowed = AllowedIps{link->second.peers};
            for (const auto& peer : link->second.peers) interface.peers.emplace(peer.key, &peer);
            interface.own = {prefix("224.0.0.0/4"), prefix("ff00::/8"), prefix("fe80::/10")};
            for (const auto& address : link->second.addresses) {
                interface.own.push_back(network(adjacency::on_link(address)));
                interface.own.push_back({address.local, static_cast<std::uint8_t>(address.local.bits())});
            }
        }
        if (const auto& addresses = wanted.adjacency.addresses)
            interface.own.push_back({addresses->remote, static_cast<std::uint8_t>(addresses->remote.bits())});
    }
    for (auto& [name, interface] : out) {  // the shorter ones first: they hold others
        std::ranges::sort(interface.own, {}, [](const base::Prefix& p) { return std::pair{p.length, p}; });
        std::vector<base::Prefix> kept;
        for (const auto& own : interface.own)
            if (std::ranges::none_of(kept, [&](const base::Prefix& outer) { return holds(outer, own); }))
                kept.push_back(own);
        interface.own = std::move(kept);
    }
    return out;
}

// What this peer would be sent, but for the tunnel's own.
std::vector<base::Prefix> carried(const Interface& interface, const adjacency::PublicKey& peer) {
    std::vector<base::Prefix> out;
    const auto found = interface.peers.find(peer);
    if (found == interface.peers.end()) return out;
    for (const auto& prefix : found->second->allowed_ips)
        if (!is_own(interface, prefix)) out.push_back(prefix);
    return out;
}

// Why `backup` cannot carry what goes to `failed`; "" when it can.
std::string objection(const Wanted& failed, const Wanted& backup, std::span<const base::Prefix> carried,
                      const Interfaces& interfaces) {
    const auto at = interfaces.find(backup.adjacency.interface);
    if (at == interfaces.end()) return backup.adjacency.name + "'s interface is not there";
    if (backup.adjacency.interface == failed.adjacency.interface)
        return backup.adjacency.name + " is on the same interface, where allowed-ips alone choose the peer";
    if (backup.adjacency.vrf != failed.adjacency.vrf)
        return backup.adjacency.name + "'s interface is in another VRF, where the same addresses may be others: put " +
               "both into one, or each into a group of its own";
    for (const auto& prefix : carried)
        if (!at->second.allowed.carries(prefix, backup.adjacency.peer))
            return to_string(prefix) + " is not in the allowed-ips of " + backup.adjacency.name +
                   " alone: add it there, at both ends";
    const bool v4 = std::ranges::any_of(carried, [](const base::Prefix& p) { return p.address.is_v4(); });
    if (v4 && at->second.link->strict)
        return "rp_filter of " + at->first + " is strict, and what the far end redirects would be dropped: sysctl -w " +
               "net.ipv4.conf." + at->first + ".rp_filter=2, at both ends";
    if (v4 && backup.far_end_strict)
        return "rp_filter at the far end of " + backup.adjacency.name + " is strict, which would drop what is " +
               "redirected there: sysctl -w net.ipv4.conf.INTERFACE.rp_filter=2 of its tunnel interface, at that end";
    return {};
}

struct Member {
    const Wanted* wanted;
    bool live;
};
using Members = std::vector<Member>;  // of a group, the live ones first, each kind by rank

Members members_of(std::vector<const Wanted*> group, const Interfaces& interfaces) {
    std::ranges::stable_sort(group, {}, [](const Wanted* one) { return rank_of(*one); });
    Members out;
    for (const auto* one : group) {
        const auto at = interfaces.find(one->adjacency.interface);
        out.push_back({one, policy::is_usable(one->verdict) && at != interfaces.end() && at->second.link->up});
    }
    std::ranges::stable_partition(out, &Member::live);
    return out;
}

struct Choice {
    const Wanted* backup = nullptr;       // the best that is live
    bool any = false;                     // some adjacency could be one
    std::vector<std::string> objections;  // against the others, where none could
};

// The first that could be one decides: who of a large group fails is not held against each of the others.
Choice choose(const Wanted& failed, const Members& group, const Interfaces& interfaces) {
    Choice out;
    const auto prefixes = carried(interfaces.at(failed.adjacency.interface), failed.adjacency.peer);
    for (const auto& [other, live] : group) {
        if (other->id == failed.id) continue;
        if (auto reason = objection(failed, *other, prefixes, interfaces); !reason.empty()) {
            out.objections.push_back(std::move(reason));
            continue;
        }
        out.any = true;
        if (live) out.backup = other;
        break;
    }
    return out;
}

struct Redirected {
    adjacency::PublicKey peer;
    base::IfIndex to;
};

std::vector<EgressFilter> passing(const Interface& interface) {
    std::vector<EgressFilter> out;
    const auto add = [&](std::vector<Match> matches) {
        out.push_back({static_cast<std::uint16_t>(out.size() + 1), std::move(matches), {}});
    };
    add(of_single_hop_bfd(base::Family::v4));
    add(of_single_hop_bfd(base::Family::v6));
    for (const auto& own : interface.own) add(to_destination(own));
    for (const auto& transport : interface.transports) add(to_destination(transport));
    return out;
}

// In WireGuard's own order, the longest prefix first; a number depends on the allowed-ips alone, so that another peer
// that goes down moves none. What belongs to others inside a redirected prefix passes.
void redirect(const Interface& interface, std::span<const Redirected> all, std::vector<EgressFilter>& out) {
    auto entries = std::vector<AllowedIps::Entry>{interface.allowed.all().begin(), interface.allowed.all().end()};
    std::ranges::stable_sort(entries, std::greater{}, [](const AllowedIps::Entry& e) { return e.prefix.length; });
    const auto redirected = [&](const AllowedIps::Entry& entry) {
        return std::ranges::find(all, entry.owner, &Redirected::peer);
    };
    std::vector<base::Prefix> prefixes;
    for (const auto& entry : entries)
        if (redirected(entry) != all.end()) prefixes.push_back(entry.prefix);
    for (std::size_t i = 0; i < entries.size(); ++i) {
        const auto& entry = entries[i];
        const auto number = static_cast<std::uint16_t>(first_redirect + i);
        const auto by = redirected(entry);
        const bool shared = by == all.end() && std::ranges::any_of(prefixes, [&](const base::Prefix& outer) {
                                return holds(outer, entry.prefix);
                            });
        if ((by == all.end() && !shared) || is_own(interface, entry.prefix)) continue;
        out.push_back({number, to_destination(entry.prefix), by == all.end() ? base::IfIndex{} : by->to});
    }
}

// Empty when the interface has room for what repair needs.
std::string too_much(const Interface& interface) {
    if (interface.own.size() + interface.transports.size() + 3 >= first_redirect ||
        interface.allowed.all().size() > last_number - first_redirect)
        return "it has more addresses, backups or allowed-ips than repair tells apart (240 and 3,800)";
    return {};
}

struct Repair {  // of an adjacency that is redirected now
    const Wanted* failed;
    const Wanted* backup;
};

// What the backups depend on may be routed through the very tunnel that is redirected, or through another that is.
void add_transports(Interfaces& interfaces, std::span<const Repair> repairs, const RepairLinks& links, const Way& way) {
    const auto tunnel = [&](const Wanted& of) {
        return Tunnel{interfaces.at(of.adjacency.interface).link->index, of.adjacency.peer};
    };
    std::vector<Redirect> redirects;
    for (const auto& [failed, backup] : repairs) redirects.push_back({tunnel(*failed), tunnel(*backup)});
    Transports transports{links, redirects, way};
    for (const auto& [failed, backup] : repairs) {
        auto& interface = interfaces.at(failed->adjacency.interface);
        const auto prefixes = carried(interface, failed->adjacency.peer);
        if (!transports.touch(prefixes)) continue;
        for (const auto& address : transports.below(tunnel(*backup))) {
            const base::Prefix endpoint{address, static_cast<std::uint8_t>(address.bits())};
            if (std::ranges::any_of(prefixes, [&](const base::Prefix& prefix) { return holds(prefix, endpoint); }))
                interface.transports.insert(endpoint);
        }
    }
}

void refuse(const Wanted& wanted, std::span<const std::string> reasons, DesiredRepair& out) {
    out.told[wanted.id] = "refused";
    for (const auto& reason : reasons)
        out.interfaces.at(wanted.adjacency.interface)
            .problems.push_back(wanted.adjacency.name + " is not repaired: " + reason);
}

void add_filters(std::string_view name, const Interface& interface, std::span<const Repair> repairs,
                 const Interfaces& interfaces, DesiredRepair& out) {
    std::vector<Redirected> redirects;
    const auto reason = too_much(interface);
    for (const auto& [failed, backup] : repairs) {
        if (failed->adjacency.interface != name) continue;
        if (reason.empty())
            redirects.push_back({failed->adjacency.peer, interfaces.at(backup->adjacency.interface).link->index});
        else
            refuse(*failed, std::span{&reason, 1}, out);
    }
    auto& repaired = out.interfaces.at(std::string{name});
    if (!reason.empty()) return;
    repaired.redirects = !redirects.empty();
    repaired.filters = passing(interface);
    redirect(interface, redirects, repaired.filters);
}

}  // namespace

DesiredRepair desired_repair(std::span<const Wanted> all, const RepairLinks& links,
                             const std::set<adjacency::AdjacencyId>& needed, const Way& way) {
    DesiredRepair out;
    auto interfaces = interfaces_of(all, links);
    std::map<std::string_view, std::vector<const Wanted*>> by_group;
    for (const auto& wanted : all)
        if (!wanted.adjacency.group.empty()) by_group[wanted.adjacency.group].push_back(&wanted);
    std::map<std::string_view, Members> groups;
    for (auto& [name, group] : by_group) groups.emplace(name, members_of(std::move(group), interfaces));
    std::vector<Repair> repairs;
    std::set<std::string_view> ready;
    for (const auto& wanted : all) {
        const auto at = interfaces.find(wanted.adjacency.interface);
        if (!names_feed(wanted) || at == interfaces.end()) continue;
        out.interfaces[at->first].index = at->second.link->index;
        auto choice = choose(wanted, groups[wanted.adjacency.group], interfaces);
        if (const auto reason = too_much(at->second); !reason.empty()) choice = {nullptr, false, {reason}};
        if (!choice.any && choice.objections.empty())
            choice.objections.emplace_back("its group has no other adjacency here");
        if (!choice.any) {
            refuse(wanted, choice.objections, out);
            continue;
        }
        ready.insert(at->first);
        const bool fails = wanted.counts_as_down && needed.contains(wanted.id);
        out.told[wanted.id] = !wanted.counts_as_down     ? "ready"
                              : !fails                   ? "moved"
                              : choice.backup == nullptr ? "no live backup"
                                                         : "redirected to " + choice.backup->adjacency.interface;
        if (fails && choice.backup != nullptr) repairs.push_back({&wanted, choice.backup});
    }
    add_transports(interfaces, repairs, links, way);
    for (const auto name : ready) add_filters(name, interfaces.find(name)->second, repairs, interfaces, out);
    return out;
}

FilterChanges changes(std::span<const EgressFilter> have, std::span<const EgressFilter> want) {
    FilterChanges out;
    for (const auto& filter : have)
        if (std::ranges::find(want, filter) == want.end()) out.remove.push_back(filter.number);
    for (const auto& filter : want)
        if (std::ranges::find(have, filter) == have.end()) out.add.push_back(filter);
    return out;
}

}  // namespace kernel
