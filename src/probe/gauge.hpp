// A path's measurement: created and destroyed by the control thread, used by the probe thread alone between AddGauge
// and GaugeRemoved; its counters may be read by anyone at any time.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

#include "base/counter.hpp"
#include "base/time.hpp"
#include "bfd/request.hpp"
#include "quality/echo_session.hpp"
#include "quality/far_end.hpp"
#include "quality/meter.hpp"
#include "quality/path_mtu.hpp"
#include "quality/reflector.hpp"
#include "quality/settings.hpp"
#include "quality/stamp.hpp"

namespace probe {

// A place and its generation: a stale id names nobody.
struct GaugeId {
    std::uint32_t place = 0;
    std::uint32_t generation = 0;  // 0: no gauge
    friend constexpr auto operator<=>(const GaugeId&, const GaugeId&) = default;
};

// Round trips, in buckets that end here; one more holds what is beyond.
inline constexpr std::array<base::Duration, 11> rtt_bounds{
    std::chrono::microseconds{500}, std::chrono::milliseconds{1},   std::chrono::microseconds{2'500},
    std::chrono::milliseconds{5},   std::chrono::milliseconds{10},  std::chrono::milliseconds{25},
    std::chrono::milliseconds{50},  std::chrono::milliseconds{100}, std::chrono::milliseconds{250},
    std::chrono::milliseconds{500}, std::chrono::seconds{1}};

struct GaugeCounters {
    base::Counter probes_sent, answers, duplicates;
    base::Counter send_failures;
    base::Counter reflected;                  // the peer's requests
    base::Counter limited;                    // … not answered: too many
    base::Counter sized_sent, sized_answers;  // of path_mtu
    base::Counter echoes_sent, echo_answers;  // of liveness
    base::Counter ups, downs;
    std::array<base::Counter, rtt_bounds.size() + 1> rtt;
    base::Counter rtt_ns;  // of them all
};

// What a path is asked for.
struct Asked {
    quality::Settings settings;
    std::uint16_t mtu = 0;                              // bytes of inner packets that should pass; 0: not asked
    quality::ReversePath reverse_path{};                // of our interface: for the peer, when it asks
    std::optional<quality::EchoParameters> liveness{};  // none: BFD tells
    friend bool operator==(const Asked&, const Asked&) = default;
};

// A small probe beside a large one: no shorter than those that measure, and with room to ask the far end.
constexpr std::uint16_t least_size(base::Family family) { return family == base::Family::v4 ? 84 : 104; }

struct Gauge {
    Gauge(GaugeId gauge_id, const bfd::SessionKey& path, quality::stamp::Ssid session, const Asked& asked,
          std::uint32_t seed, base::TimePoint now)
        : id{gauge_id},
          key{path},
          ssid{session},
          reverse_path{asked.reverse_path},
          meter{asked.settings, seed, now},
          path_mtu{asked.mtu, least_size(path.remote.family), seed, now} {
        if (asked.liveness) liveness.emplace(*asked.liveness, seed, now);
    }

    base::TimePoint deadline() const {
        const auto probes = std::min(meter.deadline(), path_mtu.deadline());
        return liveness ? std::min(probes, liveness->deadline()) : probes;
    }

    // The reflector counts probes of size by themselves.
    quality::stamp::Ssid ssid_of_sizes() const {
        return {static_cast<std::uint16_t>(ssid.value == 0x8000 ? 1 : ssid.value ^ 0x8000)};
    }

    // What would drop our traffic there is soon mended, once somebody knows.
    bool is_far_end_strict() const { return far_end.reverse_path() == quality::ReversePath::strict; }

    const GaugeId id;
    const bfd::SessionKey key;  // single hop
    const quality::stamp::Ssid ssid;
    quality::ReversePath reverse_path;  // ours
    quality::FarEnd far_end;
    quality::Meter meter;          // probe thread alone, after AddGauge
    quality::Reflector reflector;  // likewise
    quality::PathMtu path_mtu;
    std::optional<quality::EchoSession> liveness;
    GaugeCounters counters;

    // The probe thread's own bookkeeping.
    struct {
        std::uint32_t deadline_index = UINT32_MAX;
        Gauge* next_removed = nullptr;
        Gauge* next_told = nullptr;  // those of which a PathChanged waits
        bool tells = false;
        bool reflector_is_plain = false;  // it knows no session identifiers: RFC 8972 §3
        std::int32_t send_errno = 0;      // of the last echo of liveness; 0: it was sent
    } engine;
};

// What somebody is to hear of when it changes.
struct Standing {
    explicit Standing(const Gauge& gauge) : passage{gauge.path_mtu.passage()}, far_end{gauge.far_end.reverse_path()} {
        if (gauge.liveness) liveness = gauge.liveness->status();
    }
    friend bool operator==(const Standing&, const Standing&) = default;
    quality::Passage passage;
    quality::ReversePath far_end;
    std::optional<quality::EchoStatus> liveness;
};

}  // namespace probe
