// Which paths are measured, and how good they are: a gauge for each adjacency that is probed, its windows, and the
// figures that come of them. Every such adjacency reflects for its peer; only one whose peer was heard is asked itself:
// probing strangers costs them handshakes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
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
    quality::Settings settings;
};
using WantedGauges = std::map<adjacency::AdjacencyId, WantedGauge>;

struct Measured {
    adjacency::AdjacencyId id;
    quality::Quality quality;
};

class Gauges {
public:
    explicit Gauges(std::uint64_t seed) : random_{seed} {}

    void reconcile(base::TimePoint now, const WantedGauges& wanted, std::vector<probe::Command>& commands);
    std::optional<Measured> on_sample(const probe::Sample& sample);  // none: a stale id
    void on_removed(const probe::GaugeRemoved& event);
    // Whose answers ended long enough ago that the last figures are no longer true: each once.
    std::vector<Measured> expire(base::TimePoint now);
    base::TimePoint deadline() const;

    // None: not measured in the last ten seconds.
    std::optional<quality::Quality> quality(adjacency::AdjacencyId id, base::TimePoint now) const;
    const probe::GaugeCounters* counters(adjacency::AdjacencyId id) const;

private:
    struct Managed {
        WantedGauge wanted;
        probe::Gauge* gauge = nullptr;
        std::unique_ptr<quality::Window> window{};  // none: nothing was measured yet
        std::optional<quality::Quality> last{};     // its figures
        base::TimePoint expires = base::never;      // … are no longer true then
    };
    struct Place {
        std::unique_ptr<probe::Gauge> gauge;
        std::uint32_t generation = 0;
    };
    static quality::Quality quality_of(Managed& managed, base::TimePoint now);
    probe::Gauge& create(base::TimePoint now, const WantedGauge& wanted);

    std::mt19937_64 random_;
    std::map<adjacency::AdjacencyId, Managed> gauges_;
    std::map<probe::GaugeId, adjacency::AdjacencyId> by_id_;
    std::vector<Place> places_;
    std::vector<std::uint32_t> free_;
};

}  // namespace control
