// How many prefixes ride on each adjacency, and what becomes of them at a failover: told every route change and every
// verdict, it says who moved, when and where to. A prefix rides where its route of the lowest metric goes. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "adjacency/route_change.hpp"
#include "base/time.hpp"
#include "control/failover.hpp"
#include "control/prefix_table.hpp"
#include "control/reports.hpp"
#include "control/ways.hpp"
#include "policy/verdict.hpp"

namespace control {

class Convergence {
public:
    using Closed = Reports::Closed;
    static constexpr base::Duration quiet = Reports::quiet;
    static constexpr std::size_t most_routes = 8'000'000;

    Convergence(std::uint64_t seed, Ways::Locate locate) : table_{seed}, ways_{std::move(locate)} {}

    // --- routes -----------------------------------------------------------------------------------------------------
    // `source` tells everything from here on, and end() says that it has; what was not told again is then swept. Lost:
    // changes of the same source went by unheard.
    void begin(RouteSource source, bool lost);
    void change(base::TimePoint now, const adjacency::RouteChange& change);
    void settle(base::TimePoint now);  // the batch is over: a removal that nothing followed is one
    void end();
    bool wants_sweep() const { return sweeping_.has_value(); }
    void sweep(base::TimePoint now);  // a slice of it
    void relocate();                  // adjacencies are elsewhere than they were: nothing moved

    // --- verdicts ---------------------------------------------------------------------------------------------------
    void on_verdict(base::Now now, adjacency::AdjacencyId id, const policy::Verdict& before,
                    const policy::Verdict& verdict);
    std::vector<Closed> close(base::TimePoint now);                    // reports that are complete
    bool is_due(base::TimePoint now) { return reports_.is_due(now); }  // some are
    base::TimePoint deadline() const { return reports_.deadline(); }   // none is before

    // --- figures ----------------------------------------------------------------------------------------------------
    RouteSource source() const { return source_; }
    bool is_complete() const { return swept_; }  // the source has told everything
    const Ways::Counts& counts() const { return ways_.counts(); }
    bool uses(base::IfIndex interface) const { return ways_.uses(interface); }
    std::size_t routes() const { return table_.size() - marks_; }
    struct Refused {
        std::size_t routes = 0;   // there was no room for them: they count nowhere
        std::size_t objects = 0;  // likewise next-hop objects, and routes through them
        std::size_t hops = 0;     // one route or object had too many: the first ones count
        bool any() const { return routes + objects + hops > 0; }
    };
    Refused refused() const { return {refused_, ways_.refused().objects, ways_.refused().hops}; }
    std::size_t bytes() const { return table_.bytes(); }

private:
    // Where a prefix goes, and where it went before it had no way any more.
    struct Standing {
        Way way = 0;
        Way withdrawn = 0;
        std::uint32_t metric = 0;
    };

    void commit(base::TimePoint now, const adjacency::RouteChange& change);
    void set(base::TimePoint now, const adjacency::RouteChange& change);
    void add(base::TimePoint now, const adjacency::RouteChange& change, std::span<const adjacency::Hop> standing);
    void refuse(base::TimePoint now, std::uint64_t key, std::uint32_t metric);
    void doubt();
    void remove(base::TimePoint now, const adjacency::RouteChange& change);
    void remove(base::TimePoint now, std::uint64_t key, std::uint32_t metric);
    void set_nexthop(base::TimePoint now, const adjacency::RouteChange& change);
    Way way_of(const adjacency::RouteChange& change);
    Standing standing(std::uint64_t key) const;
    void stands(base::TimePoint now, std::uint64_t key, const Standing& before);
    void mark(std::uint64_t key, Way way);
    void drop_mark(std::uint64_t key);
    void moved(base::TimePoint now, std::size_t prefixes, const Riding& before, const Riding& withdrawn,
               const Riding& after);
    bool is_stale(const PrefixEntry& entry) const;
    void sweep_shard(base::TimePoint now, std::size_t shard);

    PrefixTable table_;
    Ways ways_;
    Reports reports_;
    RouteSource source_ = RouteSource::none;
    std::uint8_t telling_ = 0;
    bool silent_ = false;    // what the new source does not know was not withdrawn: it was another's to tell
    bool outdated_ = false;  // entries of earlier tellings are to go
    bool swept_ = true;      // ... and have gone
    bool silenced_ = false;  // changes are no moves, right now
    std::optional<std::size_t> sweeping_;  // the shard that is next
    adjacency::RouteChange removal_;       // waits for what follows it: zebra replaces by a removal and a new route
    bool removal_waits_ = false;
    std::size_t marks_ = 0;  // entries that are no routes
    std::size_t refused_ = 0;
    Ways::Refused ways_refused_;  // that reports know of
    bool refusing_ = false;       // something of this telling was
};

}  // namespace control
