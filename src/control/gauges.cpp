#include "control/gauges.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "probe/slot_pool.hpp"
#include "quality/sender.hpp"

namespace control {

namespace {

constexpr std::size_t begin_at_most = 256;  // gauges in a turn
constexpr base::Duration grace_at_least = std::chrono::seconds{3};
constexpr base::Duration grace_at_most = std::chrono::seconds{180};
constexpr base::Duration late = std::chrono::milliseconds{500};  // this process, or the whole host, stood still

// As for a session of BFD: long enough for three answers.
base::Duration grace(const quality::EchoParameters& parameters) {
    return std::clamp(parameters.interval * parameters.multiplier, grace_at_least, grace_at_most);
}

}  // namespace

// Told when the probe would be given up, with the next answer, a second later at most; in buckets of a second, and of
// ten.
quality::Quality Gauges::quality_of(Managed& managed, base::TimePoint now) {
    auto out = managed.window->quality(now);
    const auto& settings = managed.wanted.asked.settings;
    const auto answered_after = settings.interval * settings.silence;  // at most, else it is not told
    out.recent_lag = quality::give_up_after(settings.interval) + answered_after + std::chrono::seconds{2};
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
                                                 wanted.asked, static_cast<std::uint32_t>(random_()), now);
    return *place.gauge;
}

bool Gauges::reconcile(base::TimePoint now, const WantedGauges& wanted, std::vector<probe::Command>& commands) {
    std::erase_if(gauges_, [&](const auto& item) {
        const auto& [id, managed] = item;
        const auto found = wanted.find(id);
        if (found != wanted.end() && found->second.key == managed.wanted.key) return false;
        commands.emplace_back(probe::RemoveGauge{managed.gauge->id});
        by_id_.erase(managed.gauge->id);
        return true;
    });
    std::size_t begun = 0;
    bool all_begun = true;
    for (const auto& [id, asked] : wanted) {
        const auto found = gauges_.find(id);
        if (found == gauges_.end()) {
            // Those that have yet to come back from the probe thread take their place there, too.
            if (places_.size() - free_.size() >= probe::default_capacity) continue;
            if (begun == begin_at_most) {
                all_begun = false;
                continue;
            }
            ++begun;
            auto& gauge = create(now, asked);
            by_id_.emplace(gauge.id, id);
            commands.emplace_back(probe::AddGauge{&gauge});
            auto& managed = gauges_.emplace(id, Managed{.wanted = asked, .gauge = &gauge}).first->second;
            change(now, managed, asked);
        } else {
            adjust(now, id, asked, commands);
        }
    }
    return all_begun;
}

bool Gauges::adjust(base::TimePoint now, adjacency::AdjacencyId id, const WantedGauge& wanted,
                    std::vector<probe::Command>& commands) {
    const auto found = gauges_.find(id);
    if (found == gauges_.end() || found->second.wanted.key != wanted.key) return false;
    auto& managed = found->second;
    if (managed.wanted.asked == wanted.asked) return true;
    change(now, managed, wanted);
    commands.emplace_back(probe::ChangeGauge{managed.gauge->id, wanted.asked});
    return true;
}

// What stands here is what its gauge will make of it: it tells only what comes after.
void Gauges::change(base::TimePoint now, Managed& managed, const WantedGauge& wanted) {
    managed.wanted = wanted;
    if (wanted.asked.settings.method == quality::Choice::off) {  // what was measured is nobody's business any more
        managed.window.reset();
        managed.last.reset();
        managed.expires = base::never;
        managed.far_end = quality::ReversePath::unknown;
    }
    if (const auto asked = std::min(wanted.asked.mtu, quality::PathMtu::greatest); asked != managed.passage.asked)
        managed.passage = {.asked = asked};
    const auto& liveness = wanted.asked.liveness;
    if (!liveness) return managed.liveness.reset();
    if (!managed.liveness || (managed.liveness->parameters.admin_down && !liveness->admin_down)) {
        const auto before = managed.liveness ? managed.liveness->status : quality::EchoStatus{};
        managed.liveness = Liveness{};
        managed.liveness->status.ever_heard = before.ever_heard;
        managed.liveness->status.ever_up = before.ever_up;
        managed.liveness->judged_from = now + grace(*liveness);
    }
    managed.liveness->parameters = *liveness;
    if (liveness->admin_down) managed.liveness->status.state = quality::EchoState::admin_down;
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
    const auto& [last, expires] = std::tie(found->second.last, found->second.expires);
    return expires != base::never && now < expires ? last : std::nullopt;
}

std::optional<PathChange> Gauges::on_changed(base::TimePoint now, const probe::PathChanged& event) {
    const auto id = by_id_.find(event.id);
    if (id == by_id_.end()) return std::nullopt;
    auto& managed = gauges_.at(id->second);
    if (event.passage.asked == managed.passage.asked) managed.passage = event.passage;  // else it is of another MTU
    PathChange out{
        .id = id->second, .before = std::nullopt, .far_end_before = std::exchange(managed.far_end, event.far_end)};
    if (!managed.liveness || !event.liveness) return out;
    const bool shut = managed.liveness->parameters.admin_down;
    if (shut != (event.liveness->state == quality::EchoState::admin_down)) return out;  // it has yet to hear of that
    out.before = managed.liveness->status.state;
    managed.liveness->status = *event.liveness;
    if (out.before == quality::EchoState::up && event.liveness->state == quality::EchoState::down)
        managed.liveness->judged_from = now;  // it failed, which is known at once
    return out;
}

void Gauges::nudge(adjacency::AdjacencyId id, std::vector<probe::Command>& commands) const {
    const auto found = gauges_.find(id);
    if (found == gauges_.end() || !found->second.liveness || found->second.liveness->status.ever_heard) return;
    commands.emplace_back(probe::NudgeGauge{found->second.gauge->id});
}

void Gauges::forgive_lateness(base::TimePoint last_turn, base::TimePoint now) {
    for (auto& [id, managed] : gauges_)
        if (managed.liveness && managed.liveness->is_settling(last_turn) && now - managed.liveness->judged_from > late)
            managed.liveness->judged_from = now + grace(managed.liveness->parameters);
}

quality::Passage Gauges::passage_of(probe::GaugeId gauge) const {
    const auto id = by_id_.find(gauge);
    return id == by_id_.end() ? quality::Passage{} : passage(id->second);
}

quality::Passage Gauges::passage(adjacency::AdjacencyId id) const {
    const auto found = gauges_.find(id);
    return found == gauges_.end() ? quality::Passage{} : found->second.passage;
}

quality::ReversePath Gauges::far_end(adjacency::AdjacencyId id) const {
    const auto found = gauges_.find(id);
    return found == gauges_.end() ? quality::ReversePath::unknown : found->second.far_end;
}

bool Gauges::is_live_on(adjacency::AdjacencyId id, const bfd::SessionKey& key) const {
    const auto found = gauges_.find(id);
    return found != gauges_.end() && found->second.liveness && found->second.wanted.key == key;
}

const Liveness* Gauges::liveness(adjacency::AdjacencyId id) const {
    const auto found = gauges_.find(id);
    return found != gauges_.end() && found->second.liveness ? &*found->second.liveness : nullptr;
}

std::uint32_t Gauges::silence(adjacency::AdjacencyId id) const {
    const auto found = gauges_.find(id);
    return found == gauges_.end() ? quality::least_silence : found->second.wanted.asked.settings.silence;
}

base::TimePoint Gauges::next_judgement(base::TimePoint now) const {
    auto earliest = base::never;
    for (const auto& [id, managed] : gauges_)
        if (managed.liveness && managed.liveness->is_settling(now))
            earliest = std::min(earliest, managed.liveness->judged_from);
    return earliest;
}

base::TimePoint Gauges::last_judgement(base::TimePoint now) const {
    base::TimePoint last{};
    for (const auto& [id, managed] : gauges_)
        if (managed.liveness && managed.liveness->is_settling(now))
            last = std::max(last, managed.liveness->judged_from);
    return last;
}

const probe::GaugeCounters* Gauges::counters(adjacency::AdjacencyId id) const {
    const auto found = gauges_.find(id);
    return found == gauges_.end() ? nullptr : &found->second.gauge->counters;
}

}  // namespace control
