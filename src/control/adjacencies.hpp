// Every adjacency this host has or was configured to have, with what is known of it: the truth behind status and feeds.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "adjacency/adjacency.hpp"
#include "adjacency/neighbor.hpp"
#include "base/time.hpp"
#include "bfd/request.hpp"
#include "config/config.hpp"
#include "control/host.hpp"
#include "control/memory.hpp"
#include "control/tracked.hpp"
#include "control/were_up.hpp"

namespace control {

// What changed among the peers, besides structure.
struct PeerChanges {
    bool structure = false;                  // sessions and verdicts must be thought over anew
    std::vector<const Tracked*> handshakes;  // a new handshake was seen
    std::vector<std::string> removed;        // names of peers that left while the interface stays
};

class Adjacencies {
public:
    using Key = std::pair<std::string, adjacency::PublicKey>;  // interface, peer

    // `before`: the host as the last update found it.
    PeerChanges update(base::Now now, const Host& before, const Host& host, const config::Config& config);
    void expect_config() { config_news_ = true; }  // the next update() brings another one
    // The routing daemon's neighbours, all of them; true when they are news: the next update() thinks them over.
    bool learn(std::vector<adjacency::Neighbor> neighbors);
    // What a predecessor of ours knew; they are present when update() finds them.
    adjacency::AdjacencyId recall(base::Now now, const AdjacencyMemory& known);
    // Forgets peers of interfaces that have been gone for ten minutes, unless they are configured.
    bool forget(base::TimePoint now);
    base::TimePoint deadline() const;

    Tracked* find(std::string_view name);
    // Those that were up before a restart of ours, and would be again where they were.
    void remember(const WereUp& were_up);
    WereUp were_up() const;  // for the next start

    std::map<Key, Tracked>& all() { return tracked_; }
    const std::map<Key, Tracked>& all() const { return tracked_; }
    Tracked* find(const bfd::SessionKey& key);
    const Tracked* find(const bfd::SessionKey& key) const;
    Tracked* find(const std::string& interface, const adjacency::PublicKey& peer);
    const Tracked* find(adjacency::AdjacencyId id) const;
    Tracked* find(adjacency::AdjacencyId id);
    // The one peer of the interface whose allowed-ips own `remote` (longest prefix); null when none or not WireGuard.
    const Tracked* owner(base::IfIndex ifindex, const base::IpAddress& remote) const;

    // Names of drained ones that were forgotten since the last call: the operator's word outlives its peer.
    std::set<std::string> take_left_drained() { return std::exchange(left_drained_, {}); }

private:
    Tracked& entry(base::Now now, const std::string& interface, const adjacency::PublicKey& key);
    void update_device(base::Now now, const Host& before, const adjacency::Link& link, const adjacency::Device& device,
                       PeerChanges& changes);
    bool update_peer(base::Now now, Tracked& tracked, const adjacency::Peer& peer, PeerChanges& changes);
    void resolve(Tracked& tracked, const adjacency::Link& link, const adjacency::Device& device);
    void apply_config(base::Now now, const config::Config& config);
    bool note_presence(base::TimePoint now, const Key& key, Tracked& tracked, const Host& host, PeerChanges& changes);
    std::map<Key, Tracked>::iterator erase(std::map<Key, Tracked>::iterator item);
    void note_absent(base::TimePoint now, const Host& host, PeerChanges& changes);
    void name_all();
    void place_neighbors(const Host& host);

    std::map<Key, Tracked> tracked_;
    std::set<std::string> left_drained_;
    std::map<bfd::SessionKey, Key> by_session_;
    std::unordered_map<adjacency::AdjacencyId, Key> by_id_;
    std::uint32_t next_id_ = 1;
    std::uint64_t updates_ = 0;
    std::vector<adjacency::Neighbor> neighbors_;                                     // in order
    std::map<std::string, std::vector<adjacency::Neighbor>, std::less<>> standing_;  // by interface
    bool neighbors_news_ = false;
    bool config_news_ = true;
};

}  // namespace control
