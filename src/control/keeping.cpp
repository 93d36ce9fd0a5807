#include "control/keeping.hpp"

#include <utility>

namespace control {

void Keeping::open(probe::Store& store) {
    is_open_ = true;
    adjacencies_.open(store, probe::Shelf::adjacencies);
    lids_.open(store, probe::Shelf::lids);
    neighbors_ = store.record(probe::Shelf::host, neighbors_place);
    unsolicited_ = store.record(probe::Shelf::host, unsolicited_place);
}

void Keeping::put(const Tracked& tracked) {
    if (!is_open_) return;
    const auto& adjacency = tracked.adjacency;
    adjacencies_.put(
        adjacency.id,
        writer_(AdjacencyMemory{.interface = adjacency.interface,
                                .peer = adjacency.peer,
                                .name = adjacency.name,
                                .ifindex = adjacency.ifindex,
                                .addresses = adjacency.addresses ? std::optional{*adjacency.addresses} : std::nullopt,
                                .latest_handshake = tracked.peer ? tracked.peer->latest_handshake : std::nullopt,
                                .handshake_seen = tracked.handshake_seen,
                                .present = tracked.present(),
                                .was_up = tracked.was_up,
                                .up_on = tracked.up_on,
                                .down_cause = tracked.down_cause,
                                .path = tracked.path,
                                .verdict = tracked.verdict,
                                .live = tracked.live,
                                .counts_as_down = tracked.counts_as_down,
                                .since = tracked.since}));
}

void Keeping::follow(const Adjacencies& adjacencies, const Lids& lids, const Unsolicited& unsolicited) {
    if (!is_open_) return;
    adjacencies_.keep_only([&](adjacency::AdjacencyId id) { return adjacencies.find(id) != nullptr; });
    lids_.keep_only([&](std::uint32_t lid) { return lids.all().contains(lid); });
    for (const auto& [number, lid] : lids.all()) put(lid);
    UnsolicitedMemory all;
    for (const auto& [key, ends] : unsolicited.all()) all.push_back({key, ends});
    unsolicited_.write(writer_(all));
}

bool Keeping::go_on(const Adjacencies& adjacencies, Sessions& sessions) {
    if (!is_open_) return false;
    auto peer = adjacencies.all().lower_bound(next_adjacency_);
    for (std::size_t i = 0; i < slice && peer != adjacencies.all().end(); ++i) put((peer++)->second);
    const bool peers_left = peer != adjacencies.all().end();
    const bool sessions_left = sessions.keep_some(next_session_, slice);
    if (peers_left) next_adjacency_ = peer->first;
    if (!peers_left && !sessions_left) {
        next_adjacency_ = {};
        next_session_ = {};
        return false;
    }
    if (!peers_left) next_adjacency_ = {"\xff", {}};  // no interface has such a name: past the last
    return true;
}

}  // namespace control
