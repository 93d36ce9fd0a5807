#include "control/ways.hpp"

#include <algorithm>
#include <utility>

namespace control {

using adjacency::Hop;

bool Riding::rides(adjacency::AdjacencyId id) const { return std::ranges::binary_search(on, id); }

bool Ways::Less::operator()(std::span<const Hop> a, std::span<const Hop> b) const {
    return std::ranges::lexicographical_compare(a, b);
}

Riding Ways::riding_of(std::span<const Hop> hops) const {
    Riding out;
    for (const auto& hop : hops) {
        if (const auto id = locate_(hop))
            out.on.push_back(*id);
        else
            out.elsewhere = true;
    }
    std::ranges::sort(out.on);
    out.on.erase(std::unique(out.on.begin(), out.on.end()), out.on.end());
    return out;
}

Way Ways::add(Node node) {
    node.riding = riding_of(node.hops);
    if (!free_.empty()) {
        const auto way = free_.back();
        free_.pop_back();
        nodes_[way] = std::move(node);
        return way;
    }
    if (nodes_.size() > most_ways) return 0;
    nodes_.push_back(std::move(node));
    return static_cast<Way>(nodes_.size() - 1);
}

Way Ways::through(std::span<const Hop> hops) {
    if (is_inline(last_) && std::ranges::equal(nodes_[last_].hops, hops)) return last_;
    const auto found = by_hops_.find(hops);
    if (found != by_hops_.end()) return last_ = found->second;
    const auto way = add({.hops = {hops.begin(), hops.end()}, .riding = {}});
    if (way != 0) by_hops_.emplace(nodes_[way].hops, way);
    return last_ = way;
}

Way Ways::through_nexthop(std::uint32_t id) {
    auto& object = objects_[id];
    if (object.way == 0) object.way = add({.hops = hops_of(object), .riding = {}, .object = id});
    return object.way;
}

void Ways::carry(Way way, int prefixes) {
    auto& node = nodes_[way];
    node.prefixes += static_cast<std::uint32_t>(prefixes);
    count(node.riding, prefixes);
}

void Ways::count(const Riding& riding, std::int64_t prefixes) {
    for (const auto id : riding.on) counts_[id] += static_cast<std::size_t>(prefixes);
}

void Ways::release(Way way) {
    auto& node = nodes_[way];
    if (--node.entries > 0 || node.object != 0) return;
    if (!node.frozen) by_hops_.erase(by_hops_.find(node.hops));
    if (last_ == way) last_ = 0;
    node = {};
    free_.push_back(way);
}

std::vector<Hop> Ways::hops_of(const Object& object) const {
    auto out = object.hops;
    for (const auto member : object.members)
        if (const auto found = objects_.find(member); found != objects_.end())
            out.insert(out.end(), found->second.hops.begin(), found->second.hops.end());
    std::ranges::sort(out);
    return out;
}

void Ways::renew(const Object& object, const OnMoved& on_moved) {
    if (object.way == 0) return;
    auto& node = nodes_[object.way];
    node.hops = hops_of(object);
    const auto before = std::exchange(node.riding, riding_of(node.hops));
    if (node.prefixes == 0 || before == node.riding) return;
    count(before, -std::int64_t{node.prefixes});
    count(node.riding, node.prefixes);
    on_moved(node.prefixes, before, node.riding);
}

void Ways::set_nexthop(const adjacency::RouteChange& change, const OnMoved& on_moved) {
    auto& object = objects_[change.nexthop];
    if (object.hops == change.hops && object.members == change.members) return;
    for (const auto member : object.members) std::erase(objects_[member].groups, change.nexthop);
    object.hops = change.hops;
    object.members = change.members;
    for (const auto member : change.members) objects_[member].groups.push_back(change.nexthop);
    renew(object, on_moved);
    for (const auto group : object.groups) renew(objects_[group], on_moved);
}

// What went through it is gone with it: each route is taken out on its own, and shows then what it rode on.
bool Ways::remove_nexthop(std::uint32_t id, const OnMoved& on_moved) {
    const auto found = objects_.find(id);
    if (found == objects_.end()) return false;
    const auto object = std::move(found->second);
    objects_.erase(found);
    for (const auto member : object.members)
        if (const auto at = objects_.find(member); at != objects_.end()) std::erase(at->second.groups, id);
    for (const auto group : object.groups)
        if (const auto at = objects_.find(group); at != objects_.end()) renew(at->second, on_moved);
    if (object.way == 0) return false;
    auto& node = nodes_[object.way];
    node.object = 0;
    node.frozen = node.dead = true;
    if (node.entries > 0) return true;
    node = {};
    free_.push_back(object.way);
    return false;
}

void Ways::freeze() {
    objects_.clear();
    for (Way way = 1; way < nodes_.size(); ++way) {
        auto& node = nodes_[way];
        if (node.object == 0) continue;
        node.object = 0;
        node.frozen = true;
        if (node.entries > 0) continue;
        node = {};
        free_.push_back(way);
    }
    last_ = 0;
}

void Ways::relocate() {
    counts_.clear();
    for (auto& node : nodes_) {
        node.riding = riding_of(node.hops);
        if (node.prefixes > 0) count(node.riding, node.prefixes);
    }
}

std::size_t Ways::count(adjacency::AdjacencyId id) const {
    const auto found = counts_.find(id);
    return found == counts_.end() ? 0 : found->second;
}

bool Ways::uses(base::IfIndex interface) const {
    return std::ranges::any_of(nodes_, [&](const Node& node) {
        return node.entries > 0 && std::ranges::find(node.hops, interface, &Hop::out) != node.hops.end();
    });
}

}  // namespace control
