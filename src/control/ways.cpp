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

Ways::Object* Ways::place(std::uint32_t id) {
    if (const auto found = objects_.find(id); found != objects_.end()) return &found->second;
    if (objects_.size() >= limits_.objects) {
        ++refused_.objects;
        return nullptr;
    }
    return &objects_[id];
}

template <class T>
std::span<const T> Ways::cut(std::span<const T> all) {
    if (all.size() <= limits_.hops) return all;
    refused_.hops += all.size() - limits_.hops;
    return all.first(limits_.hops);
}

Way Ways::through(std::span<const Hop> all) {
    const auto hops = cut(all);
    if (is_inline(last_) && std::ranges::equal(nodes_[last_].hops, hops)) return last_;
    const auto found = by_hops_.find(hops);
    if (found != by_hops_.end()) return last_ = found->second;
    const auto way = add({.hops = {hops.begin(), hops.end()}, .riding = {}});
    if (way != 0) by_hops_.emplace(nodes_[way].hops, way);
    return last_ = way;
}

Way Ways::through_nexthop(std::uint32_t id) {
    auto* const object = place(id);
    if (object == nullptr) return 0;
    if (object->way == 0) object->way = add({.hops = hops_of(*object), .riding = {}, .object = id});
    return object->way;
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
    out.resize(std::min(out.size(), limits_.hops));
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
    auto* const object = place(change.nexthop);
    if (object == nullptr) return;
    const auto hops = cut(std::span{change.hops});
    const auto members = cut(std::span{change.members});
    if (std::ranges::equal(object->hops, hops) && std::ranges::equal(object->members, members)) return;
    leave(change.nexthop, object->members);
    object->hops.assign(hops.begin(), hops.end());
    object->members.assign(members.begin(), members.end());
    for (const auto member : members) groups_[member].push_back(change.nexthop);
    renew(*object, on_moved);
    renew_groups(change.nexthop, on_moved);
}

void Ways::leave(std::uint32_t group, std::span<const std::uint32_t> members) {
    for (const auto member : members) {
        const auto found = groups_.find(member);
        if (found == groups_.end()) continue;
        std::erase(found->second, group);
        if (found->second.empty()) groups_.erase(found);
    }
}

void Ways::renew_groups(std::uint32_t member, const OnMoved& on_moved) {
    const auto found = groups_.find(member);
    if (found == groups_.end()) return;
    for (const auto group : found->second)
        if (const auto at = objects_.find(group); at != objects_.end()) renew(at->second, on_moved);
}

// What went through it is gone with it: each route is taken out on its own, and shows then what it rode on.
bool Ways::remove_nexthop(std::uint32_t id, const OnMoved& on_moved) {
    const auto found = objects_.find(id);
    if (found == objects_.end()) return false;
    const auto object = std::move(found->second);
    objects_.erase(found);
    leave(id, object.members);
    renew_groups(id, on_moved);
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
    groups_.clear();
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
