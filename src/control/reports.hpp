// The reports of failovers that are under way: begun by a verdict that takes an adjacency away, told of every prefix
// that goes another way, closed when nothing more is to come. A move concerns the adjacencies it leaves and reaches,
// however many others fail over beside them. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <unordered_map>
#include <vector>

#include "adjacency/adjacency.hpp"
#include "base/time.hpp"
#include "control/failover.hpp"
#include "control/ways.hpp"
#include "policy/verdict.hpp"

namespace control {

class Reports {
public:
    // One is closed when everything has moved, or nothing more has for so long.
    static constexpr base::Duration quiet = std::chrono::seconds{5};

    struct Closed {
        adjacency::AdjacencyId id;
        Failover failover;  // without the names
        std::map<adjacency::AdjacencyId, std::uint64_t> to;
    };

    // `fresh` says what rides on it now, and who told.
    void on_verdict(base::Now now, adjacency::AdjacencyId id, const policy::Verdict& before,
                    const policy::Verdict& verdict, Failover fresh);
    // So many prefixes go another way; `withdrawn` is how they went before they had none.
    void moved(base::TimePoint now, std::size_t prefixes, const Riding& before, const Riding& withdrawn,
               const Riding& after);
    bool wait_for(const Riding& riding) const;  // what rode so, and has no way now
    void doubt();                               // what they say is not exact any more
    void recount(const Ways& ways);             // what is left; nothing moved

    std::vector<Closed> close(base::TimePoint now);    // those that are complete
    bool is_due(base::TimePoint now);                  // some are
    base::TimePoint deadline() const { return due_; }  // none is before

private:
    struct Open {
        Failover failover;
        std::map<adjacency::AdjacencyId, std::uint64_t> to;
        base::TimePoint began, changed;
        bool over = false;  // it is up again
    };

    static base::TimePoint due(const Open& open);
    static void account(base::TimePoint now, adjacency::AdjacencyId id, Open& open, std::size_t prefixes,
                        const Riding& before, bool waited, const Riding& after);

    std::unordered_map<adjacency::AdjacencyId, Open> open_;
    base::TimePoint due_ = base::never;                // of the first, or before it
    std::vector<adjacency::AdjacencyId> concerned_{};  // by one move; keeps its room
};

}  // namespace control
