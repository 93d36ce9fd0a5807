// Writes down what a successor of this worker must know: at once what others rely on (bfdd's wishes, a session's state,
// a verdict), the rest in rounds. Keeps nothing until it is given a store.
#pragma once

#include <cstdint>

#include "control/adjacencies.hpp"
#include "control/lids.hpp"
#include "control/memory.hpp"
#include "control/sessions.hpp"
#include "control/unsolicited.hpp"
#include "probe/store.hpp"

namespace control {

class Keeping {
public:
    void open(probe::Store& store);

    void put(const Tracked& tracked);
    void put(adjacency::AdjacencyId id, const AdjacencyMemory& memory) { adjacencies_.put(id, writer_(memory)); }
    void put(const Lid& lid) { lids_.put(lid.request.lid, writer_(lid)); }
    void put(const std::vector<adjacency::Neighbor>& neighbors) { neighbors_.write(writer_(neighbors)); }
    void erase(std::uint32_t lid) { lids_.erase(lid); }
    // Everything of which there is little, and forgets what is no more.
    void follow(const Adjacencies& adjacencies, const Lids& lids, const Unsolicited& unsolicited);

    // A slice of the round over everything that changes by itself: counters, and what came of measuring. False: it is
    // complete, and the next call begins anew.
    bool go_on(const Adjacencies& adjacencies, Sessions& sessions);

private:
    static constexpr std::size_t slice = 64;

    bool is_open_ = false;
    MemoryWriter writer_;
    probe::Places<adjacency::AdjacencyId> adjacencies_;
    probe::Places<std::uint32_t> lids_;
    probe::Record neighbors_, unsolicited_;
    Adjacencies::Key next_adjacency_{};
    bfd::SessionKey next_session_{};
};

}  // namespace control
