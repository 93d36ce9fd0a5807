#include "control/gauges.hpp"

#include <algorithm>

#include "probe/slot_pool.hpp"
#include "quality/sender.hpp"

namespace control {

// Told when the probe would be given up, with the next answer, a second later at most; in buckets of a second, and of
// ten.
quality::Quality Gauges::quality_of(Managed& managed, base::TimePoint now) {
    auto out = managed.window->quality(now);
    const auto& interval = managed.wanted.settings.interval;
    out.recent_lag = quality::give_up_after(interval) + interval + std::chrono::seconds{2};
    out.lasting_lag = out.recent_lag + std::chrono::seconds{10};
    return out;
}

probe::Gauge& Gauges::create(base::TimePoint now, const WantedGauge& wanted) {
    if (free_.empty()) {
        free_.push_back(static_cast<std::uint32_t>(places_.size()));
        places_.emplace_back();
    }
    const auto number = free_.back();
    free_.pop_back();
    auto& place = places_[number];
    if (++place.generation == 0) ++place.generation;  // 0 names no gauge
    // RFC 8972 §3: "a non-zero 16-bit unsigned integer".
    const quality::stamp::Ssid ssid{static_cast<std::uint16_t>(random_() | 1U)};
    place.gauge = std::make_unique<probe::Gauge>(probe::GaugeId{number, place.generation}, wanted.key, ssid,
                                                 wanted.settings, static_cast<std::uint32_t>(random_()), now);
    return *place.gauge;
}

void Gauges::reconcile(base::TimePoint now, const WantedGauges& wanted, std::vector<probe::Command>& commands) {
    std::erase_if(gauges_, [&](const auto& item) {
        const auto& [id, managed] = item;
        const auto found = wanted.find(id);
        if (found != wanted.end() && found->second.key == managed.wanted.key) return false;
        commands.emplace_back(probe::RemoveGauge{managed.gauge->id});
        by_id_.erase(managed.gauge->id);
        return true;
    });
    for (const auto& [id, asked] : wanted) {
        const auto found = gauges_.find(id);
        if (found == gauges_.end()) {
            // Those that have yet to come back from the probe thread take their place there, too.
            if (places_.size() - free_.size() >= probe::default_capacity) return;
            auto& gauge = create(now, asked);
            by_id_.emplace(gauge.id, id);
            commands.emplace_back(probe::AddGauge{&gauge});
            gauges_.emplace(id, Managed{.wanted = asked, .gauge = &gauge});
        } else if (auto& managed = found->second; !(managed.wanted.settings == asked.settings)) {
            managed.wanted = asked;
            if (asked.settings.method == quality::Choice::off) {  // what was measured is nobody's business any more
                managed.window.reset();
                managed.last.reset();
                managed.expires = base::never;
            }
            commands.emplace_back(probe::ChangeGauge{managed.gauge->id, asked.settings});
        }
    }
}

std::optional<Measured> Gauges::on_sample(const probe::Sample& sample) {
    const auto id = by_id_.find(sample.id);
    if (id == by_id_.end()) return std::nullopt;
    auto& managed = gauges_.at(id->second);
    if (!managed.window) managed.window = std::make_unique<quality::Window>(sample.at);
    managed.window->add(sample.at, sample.results);
    managed.expires = sample.at + quality::recent_window;
    managed.last = quality_of(managed, sample.at);
    return Measured{id->second, *managed.last};
}

void Gauges::on_removed(const probe::GaugeRemoved& event) {
    if (event.gauge == nullptr) return;
    const auto number = event.gauge->id.place;
    free_.push_back(number);
    places_[number].gauge.reset();
}

std::vector<Measured> Gauges::expire(base::TimePoint now) {
    std::vector<Measured> out;
    for (auto& [id, managed] : gauges_) {
        if (managed.expires > now) continue;
        managed.expires = base::never;
        out.push_back({id, quality_of(managed, now)});
    }
    return out;
}

base::TimePoint Gauges::deadline() const {
    auto earliest = base::never;
    for (const auto& [id, managed] : gauges_) earliest = std::min(earliest, managed.expires);
    return earliest;
}

std::optional<quality::Quality> Gauges::quality(adjacency::AdjacencyId id, base::TimePoint now) const {
    const auto found = gauges_.find(id);
    if (found == gauges_.end() || !found->second.window) return std::nullopt;
    const auto& [wanted, gauge, window, last, expires] = found->second;
    return expires != base::never && now < expires ? last : std::nullopt;
}

const probe::GaugeCounters* Gauges::counters(adjacency::AdjacencyId id) const {
    const auto found = gauges_.find(id);
    return found == gauges_.end() ? nullptr : &found->second.gauge->counters;
}

}  // namespace control
