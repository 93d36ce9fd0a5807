#include "frr/desired_settings.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

namespace frr {
namespace {

constexpr std::uint32_t cost_of_a_good_path = 10;
constexpr std::array weight_settings{Setting::ipv4_weight, Setting::ipv6_weight};
constexpr std::array families{"IPv4", "IPv6"};

std::uint32_t raised(std::uint32_t own, const InterfaceWish& wish) {
    if (wish.standing == Standing::down) return greatest_cost;
    const auto scaled = (std::uint64_t{own} * wish.cost + cost_of_a_good_path - 1) / cost_of_a_good_path;
    return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(scaled, own, std::max(own, greatest_cost - 1)));
}

struct Contender {
    std::string_view name;
    std::uint32_t own = 0;
    Standing standing = Standing::fine;
    const PeerWish* peer = nullptr;
};

// The neighbours of one address family, what each weighs without us, and how it stands.
std::vector<Contender> contenders(std::size_t family, const PeerLookup& peers, const RunningBgp& bgp, const Own& own) {
    std::vector<Contender> out;
    for (const auto& [name, neighbor] : bgp.neighbors) {
        if (neighbor.is_group || !bgp.is_active(neighbor, family)) continue;
        const auto* peer = peers.find(name, neighbor);
        out.push_back({.name = name,
                       .own = bgp.weight_of(neighbor, family, own({weight_settings[family], name})),
                       .standing = peer != nullptr ? peer->standing : Standing::fine,
                       .peer = peer});
    }
    return out;
}

// Each standing is raised above the one below it, by as little as will do: what is above already stays where it is.
// False: a weight would not fit.
bool raise(const std::vector<Contender>& all, Setting setting, std::map<Place, std::uint32_t>& lines) {
    std::uint32_t above = 0;  // all that was handled is below
    for (const auto standing : {Standing::down, Standing::degraded, Standing::fine}) {
        auto least = greatest_weight;
        std::uint32_t most = 0;
        for (const auto& contender : all) {
            if (contender.standing != standing) continue;
            least = std::min(least, contender.own);
            most = std::max(most, contender.own);
        }
        const auto by = above > least ? above - least : 0;
        for (const auto& contender : all) {
            if (contender.standing != standing) continue;
            const auto weight = contender.own + by;
            const bool below_local = contender.own < weight_of_local_routes;
            if (by > 0 && weight >= (below_local ? weight_of_local_routes : greatest_weight + 1)) return false;
            if (by > 0) lines[{setting, std::string{contender.name}}] = weight;
            above = std::max(above, most + by + 1);
        }
    }
    return true;
}

void weigh(std::size_t family, const std::vector<Contender>& all, bool listens, DesiredSettings& out) {
    const auto [worst, best] = std::ranges::minmax(all, {}, &Contender::standing);
    if (worst.standing == best.standing) return;
    const std::string of_family{families[family]};
    if (listens) {
        out.problems.push_back("bgpd has neighbours by `bgp listen range`, whose weight cannot be raised: weights of " +
                               of_family + " are left alone; use frr-bfd there");
        return;
    }
    std::map<Place, std::uint32_t> lines;
    if (!raise(all, weight_settings[family], lines)) {
        out.problems.push_back("bgpd's " + of_family +
                               " weights leave no room to raise some above others (32767 is the most before local "
                               "routes): choose smaller ones");
        return;
    }
    out.lines.merge(lines);
    for (const auto& contender : all)
        if (contender.peer != nullptr && contender.standing != best.standing) out.lowered.insert(contender.peer->id);
}

}  // namespace

DesiredSettings desired_costs(Setting setting, const Wishes& wishes, const RunningConfig& running, const Own& own,
                              const Reckoned& reckoned) {
    DesiredSettings out;
    for (const auto& peer : wishes.peers)
        if (reckoned.contains(peer.interface)) out.reached.insert(peer.id);
    for (const auto& [interface, wish] : wishes.interfaces) {
        const auto found = reckoned.find(interface);
        if (wish.standing == Standing::fine || found == reckoned.end()) continue;
        const auto shown = running.interfaces.find(interface);
        if (setting == Setting::ospf_cost && shown != running.interfaces.end() && shown->second.address_cost) {
            out.problems.push_back(interface +
                                   " has an OSPF cost for one of its addresses, which counts before the interface's: "
                                   "write `ip ospf cost` without the address");
            continue;
        }
        const Place place{setting, interface};
        const auto present = own(place).value_or(found->second);
        if (const auto wanted = raised(present, wish); wanted > present) out.lines[place] = wanted;
    }
    return out;
}

DesiredSettings desired_bgp(const PeerLookup& peers, const RunningConfig& running, const Own& own,
                            bool knows_graceful_shutdown) {
    DesiredSettings out;
    if (!running.bgp) return out;
    for (std::size_t family = 0; family < unicast_families; ++family) {
        auto all = contenders(family, peers, *running.bgp, own);
        for (auto& contender : all) {
            if (contender.peer == nullptr) continue;
            out.reached.insert(contender.peer->id);
            if (!knows_graceful_shutdown || contender.standing != Standing::degraded) continue;
            const Place place{Setting::graceful_shutdown, std::string{contender.name}};
            if (!own(place)) out.lines[place] = 1;
            contender.standing = Standing::fine;
            out.lowered.insert(contender.peer->id);
        }
        if (!all.empty()) weigh(family, all, running.bgp->listens, out);
    }
    return out;
}

}  // namespace frr
