// Which paths are measured, and how good they are: a gauge for each adjacency that is probed, its windows, and the
// figures that come of them. Every such adjacency reflects for its peer; only one whose peer was heard is asked itself:
// probing strangers costs them handshakes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <memory_resource>
#include <optional>
#include <random>
#include <vector>

#include "adjacency/adjacency.hpp"
#include "base/time.hpp"
#include "bfd/request.hpp"
#include "probe/command.hpp"
#include "probe/event.hpp"
#include "probe/gauge.hpp"
#include "quality/figures.hpp"
#include "quality/window.hpp"

namespace control {

struct WantedGauge {
    bfd::SessionKey key;
    probe::Asked asked;
};
using WantedGauges = std::pmr::map<adjacency::AdjacencyId, WantedGauge>;

// A session that is ICMP's, as last told.
struct Liveness {
    quality::EchoParameters parameters{};
    quality::EchoStatus status{};
    base::TimePoint judged_from{};  // it had no time to come up before: not being Up is no evidence yet
    bool is_settling(base::TimePoint now) const { return status.state != quality::EchoState::up && now < judged_from; }
};

// What one PathChanged meant.
struct PathChange {
    adjacency::AdjacencyId id;
    std::optional<quality::EchoState> before{};  // none: BFD tells of its liveness
    quality::ReversePath far_end_before{};
};

struct Measured {
    adjacency::AdjacencyId id;
    quality::Quality quality;
};

class Gauges {
public:
    explicit Gauges(std::uint64_t seed) : random_{seed} {}

    // False: more are to begin than a turn has time for; the next call goes on.
    bool reconcile(base::TimePoint now, const WantedGauges& wanted, std::vector<probe::Command>& commands);
    // Of one that stands: false when there is none, or of another path, and reconcile() is to be called.
    bool adjust(base::TimePoint now, adjacency::AdjacencyId id, const WantedGauge& wanted,
                std::vector<probe::Command>& commands);
    std::optional<Measured> on_sample(const probe::Sample& sample);                              // none: a stale id
    std::optional<PathChange> on_changed(base::TimePoint now, const probe::PathChanged& event);  // none: a stale id
    void on_removed(const probe::GaugeRemoved& event);
    void nudge(adjacency::AdjacencyId id, std::vector<probe::Command>& commands) const;
    void forgive_lateness(base::TimePoint last_turn, base::TimePoint now);  // as Sessions does
    // Whose answers ended long enough ago that the last figures are no longer true: each once.
    std::vector<Measured> expire(base::TimePoint now);
    base::TimePoint deadline() const;

    // None: not measured in the last ten seconds.
    std::optional<quality::Quality> quality(adjacency::AdjacencyId id, base::TimePoint now) const;
    const probe::GaugeCounters* counters(adjacency::AdjacencyId id) const;
    std::uint32_t silence(adjacency::AdjacencyId id) const;  // as it is asked by now
    quality::Passage passage_of(probe::GaugeId gauge) const;
    quality::Passage passage(adjacency::AdjacencyId id) const;
    quality::ReversePath far_end(adjacency::AdjacencyId id) const;
    bool is_live_on(adjacency::AdjacencyId id, const bfd::SessionKey& key) const;  // liveness is told of that path
    const Liveness* liveness(adjacency::AdjacencyId id) const;  // null: BFD tells, or it is not probed
    base::TimePoint next_judgement(base::TimePoint now) const;  // as for Sessions
    base::TimePoint last_judgement(base::TimePoint now) const;

private:
    struct Managed {
        WantedGauge wanted;
        probe::Gauge* gauge = nullptr;
        std::unique_ptr<quality::Window> window{};  // none: nothing was measured yet
        std::optional<quality::Quality> last{};     // its figures
        base::TimePoint expires = base::never;      // … are no longer true then
        quality::Passage passage{};
        quality::ReversePath far_end{};
        std::optional<Liveness> liveness{};
    };
    struct Place {
        std::unique_ptr<probe::Gauge> gauge;
        std::uint32_t generation = 0;
    };
    static quality::Quality quality_of(Managed& managed, base::TimePoint now);
    probe::Gauge& create(base::TimePoint now, const WantedGauge& wanted);
    static void change(base::TimePoint now, Managed& managed, const WantedGauge& wanted);

    std::mt19937_64 random_;
    std::map<adjacency::AdjacencyId, Managed> gauges_;
    std::map<probe::GaugeId, adjacency::AdjacencyId> by_id_;
    std::vector<Place> places_;
    std::vector<std::uint32_t> free_;
};

}  // namespace control
