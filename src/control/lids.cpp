#include "control/lids.hpp"

#include <algorithm>

#include "adjacency/resolve.hpp"
#include "control/adjacencies.hpp"
#include "control/host.hpp"

namespace control {
namespace {

constexpr base::Duration keep_without_bfdd = std::chrono::minutes{10};
constexpr base::Duration successor_settles = std::chrono::seconds{5};  // since its latest ADD

// The interface meant: bfdd does not ask anew when one is removed and made again, so the name counts over the index.
base::IfIndex interface_of(const BfddRequest& request, const Host& host) {
    if (request.ifindex.value == 0 && request.interface.empty()) return {};
    const auto* link = request.interface.empty() ? nullptr : host.link(request.interface);
    return link != nullptr ? link->index : request.ifindex;
}

// bfdd does not say which VRF it means: the only one that has the address, unless it is outside them all as well.
base::IfIndex vrf_that_has(const base::IpAddress& local, const Host& host) {
    std::optional<base::IfIndex> found;
    for (const auto& link : host.links) {
        if (std::ranges::find(link.addresses, local, &adjacency::LinkAddress::local) == link.addresses.end()) continue;
        // Addresses of a VRF's own, its loopback's, stand on the VRF's interface.
        const auto vrf = link.kind == adjacency::vrf_kind ? link.index : adjacency::vrf_of(link, host.links);
        if (found && *found != vrf) return {};
        found = vrf;
    }
    return found.value_or(base::IfIndex{});
}

// What the request and this host's tables tell without asking for a route.
std::optional<bfd::SessionKey> known_key(const BfddRequest& request, const Host& host, const Adjacencies& adjacencies) {
    bfd::SessionKey key{.local = request.local, .remote = request.remote, .multihop = request.multihop};
    if (request.multihop && !request.local.is_set()) return std::nullopt;
    if (request.multihop) {
        key.ifindex = vrf_that_has(request.local, host);
        return key;
    }
    key.ifindex = interface_of(request, host);
    for (const auto& [id, tracked] : adjacencies.all()) {
        if (!tracked.key || tracked.key->remote != request.remote) continue;
        const bool same_interface = key.ifindex.value == 0 || tracked.key->ifindex == key.ifindex;
        const bool same_source = !request.local.is_set() || tracked.key->local == request.local;
        if (same_interface && same_source) return tracked.key;
    }
    if (key.ifindex.value == 0 && key.local.is_set()) {
        for (const auto& link : host.links)
            for (const auto& address : link.addresses)
                if (address.local == key.local && !key.local.is_link_local()) key.ifindex = link.index;
    }
    const auto* link = host.link(key.ifindex);
    if (link == nullptr) return std::nullopt;
    if (!key.local.is_set()) {
        const auto local = adjacency::local_for(*link, request.remote);
        if (!local) return std::nullopt;
        key.local = *local;
    }
    return key;
}

}  // namespace

bool Lids::add(base::TimePoint now, const BfddRequest& request) {
    auto& lid = lids_[request.lid];
    if (waiting_for_successor_) expire_at_ = now + successor_settles;
    const bool same = lid.request == request && !lid.stale;
    const bool same_path = lid.request.ifindex == request.ifindex && lid.request.interface == request.interface &&
                           lid.request.local == request.local && lid.request.remote == request.remote &&
                           lid.request.multihop == request.multihop;
    if (!same_path) {
        lid.key.reset();
        lid.by_route = false;
    }
    lid.request = request;
    lid.stale = false;
    return !same;
}

void Lids::recall(base::TimePoint now, const std::vector<Lid>& lids) {
    for (const auto& lid : lids) {
        lids_.insert_or_assign(lid.request.lid, lid);
        if (!lid.stale) continue;
        waiting_for_successor_ = true;
        expire_at_ = now + keep_without_bfdd;
    }
}

bool Lids::withdraw(std::uint32_t lid) { return lids_.erase(lid) > 0; }

void Lids::connection_gone(base::TimePoint now) {
    if (lids_.empty()) return;
    for (auto& [number, lid] : lids_) lid.stale = true;
    waiting_for_successor_ = true;
    expire_at_ = now + keep_without_bfdd;
}

bool Lids::expire(base::TimePoint now) {
    if (now < expire_at_) return false;
    expire_at_ = base::never;
    waiting_for_successor_ = false;
    return std::erase_if(lids_, [](const auto& item) { return item.second.stale; }) > 0;
}

void Lids::resolve(const Host& host, const Adjacencies& adjacencies, std::vector<Lookup>& lookups) {
    for (auto& [number, lid] : lids_) {
        if (lid.by_route) continue;
        const auto& request = lid.request;
        const auto known = known_key(request, host, adjacencies);
        if (known) lid.key = known;
        // An interface that is gone serves nobody; one that only lacks its addresses yet keeps what it had.
        if (!known && lid.key && lid.key->ifindex.value != 0 && host.link(lid.key->ifindex) == nullptr) lid.key.reset();
        // A key an earlier route gave stays until the new answer is in: asking again must not end a session.
        if (!known) lookups.push_back({number, request.remote, request.local, interface_of(request, host)});
    }
}

bool Lids::on_route(const Lookup& asked, const std::optional<base::IpAddress>& local, base::IfIndex ifindex) {
    const auto found = lids_.find(asked.lid);
    if (found == lids_.end() || !local) return false;
    auto& lid = found->second;
    if (lid.request.remote != asked.remote) return false;  // the answer to an older question
    bfd::SessionKey key{.local = lid.request.local.is_set() ? lid.request.local : *local, .remote = asked.remote};
    key.multihop = lid.request.multihop;
    if (!key.multihop) key.ifindex = asked.ifindex.value != 0 ? asked.ifindex : ifindex;
    lid.by_route = true;
    const bool changed = lid.key != key;
    lid.key = key;
    return changed;
}

void Lids::forget_routes() {
    for (auto& [number, lid] : lids_) lid.by_route = false;
}

}  // namespace control
