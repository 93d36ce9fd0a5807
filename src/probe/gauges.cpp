#include "probe/gauges.hpp"

#include <utility>

#include "probe/table.hpp"

namespace probe {

namespace {

using namespace std::chrono_literals;

// What a receive buffer holds easily: a shorter sleep loses nothing.
constexpr auto late = 500ms;

}  // namespace

Gauges::Gauges(std::size_t capacity, std::uint16_t identifier)
    : by_place_(capacity, nullptr),
      by_key_{capacity},
      deadlines_{capacity},
      identifier_{identifier},
      payload_(UINT16_MAX) {}

void Gauges::on_wake(base::TimePoint now) {
    if (deadlines_.earliest() < now && now - deadlines_.earliest() > late) gap_end_ = Seen{now};
}

void Gauges::on_command(base::TimePoint now, const Command& command) {
    if (const auto* fresh = std::get_if<AddGauge>(&command)) return add(*fresh->gauge);
    if (const auto* change = std::get_if<ChangeGauge>(&command)) {
        if (auto* const gauge = find(change->id)) this->change(now, *gauge, change->asked);
    } else if (const auto* nudge = std::get_if<NudgeGauge>(&command)) {
        if (auto* const gauge = find(nudge->id); gauge != nullptr && gauge->liveness) {
            gauge->liveness->nudge(now);
            deadlines_.move(*gauge, gauge->deadline());
        }
    } else if (const auto* gone = std::get_if<RemoveGauge>(&command)) {
        if (auto* const gauge = find(gone->id)) remove(*gauge);
    }
}

void Gauges::add(Gauge& gauge) {
    const auto place = gauge.id.place;
    const auto same = [&](const Gauge& other) { return other.key == gauge.key; };
    if (place >= by_place_.size() || by_place_[place] != nullptr || by_key_.find(hash_of(gauge.key), same) != nullptr) {
        gauge.engine.next_removed = removed_;  // no room: straight back to its owner
        removed_ = &gauge;
        return;
    }
    by_place_[place] = &gauge;
    by_key_.insert(hash_of(gauge.key), gauge);
    deadlines_.add(gauge, gauge.deadline());
    ++size_;
}

void Gauges::change(base::TimePoint now, Gauge& gauge, const Asked& asked) {
    const Standing before{gauge};
    gauge.meter.change(asked.settings, now);
    gauge.path_mtu.change(asked.mtu, now);
    gauge.reverse_path = asked.reverse_path;
    if (asked.mtu == 0) gauge.far_end.forget();  // nobody asks any more
    gauge.path_mtu.ask_often(gauge.is_far_end_strict(), now);
    if (!asked.liveness)
        gauge.liveness.reset();
    else if (gauge.liveness)
        gauge.liveness->change(*asked.liveness, now);
    else
        gauge.liveness.emplace(*asked.liveness, gauge.id.generation ^ gauge.ssid.value, now);
    if (Standing{gauge} != before) tell(gauge);
    deadlines_.move(gauge, gauge.deadline());
}

void Gauges::remove(Gauge& gauge) {
    by_place_[gauge.id.place] = nullptr;
    by_key_.erase(hash_of(gauge.key), gauge);
    deadlines_.remove(gauge);
    untell(gauge);
    --size_;
    gauge.engine.next_removed = removed_;
    removed_ = &gauge;
}

Gauge* Gauges::find(GaugeId id) const {
    auto* const gauge = id.place < by_place_.size() ? by_place_[id.place] : nullptr;
    return gauge != nullptr && gauge->id == id ? gauge : nullptr;
}

// As for BFD: WireGuard vouches for the source, so interface and both addresses say whose it is.
Gauge* Gauges::find(const Datagram& datagram) const {
    const bfd::SessionKey key{.ifindex = datagram.ifindex, .local = datagram.local, .remote = datagram.remote};
    return by_key_.find(hash_of(key), [&](const Gauge& gauge) { return gauge.key == key; });
}

void Gauges::tell(Gauge& gauge) {
    if (std::exchange(gauge.engine.tells, true)) return;
    gauge.engine.next_told = nullptr;
    (told_.first == nullptr ? told_.first : told_.last->engine.next_told) = &gauge;
    told_.last = &gauge;
}

// What changed before it was removed interests nobody.
void Gauges::untell(Gauge& gauge) {
    if (!std::exchange(gauge.engine.tells, false)) return;
    Gauge* before = nullptr;
    for (auto* each = told_.first; each != &gauge; each = each->engine.next_told) before = each;
    (before == nullptr ? told_.first : before->engine.next_told) = gauge.engine.next_told;
    if (told_.last == &gauge) told_.last = before;
}

void Gauges::offer(const Sample& sample) {
    if (sample_count_ == samples_.size()) return counters_.samples_dropped.add();
    samples_[(sample_first_ + sample_count_++) % samples_.size()] = sample;
}

std::optional<Event> Gauges::next_event() {
    if (removed_ != nullptr) {
        auto* const gauge = removed_;
        removed_ = gauge->engine.next_removed;
        return GaugeRemoved{gauge};
    }
    if (told_.first != nullptr) {
        auto& gauge = *told_.first;
        untell(gauge);
        const Standing now{gauge};
        return PathChanged{gauge.id, now.passage, now.far_end, now.liveness, gauge.engine.send_errno};
    }
    if (sample_count_ == 0) return std::nullopt;
    const auto sample = samples_[sample_first_];
    sample_first_ = (sample_first_ + 1) % samples_.size();
    --sample_count_;
    return sample;
}

}  // namespace probe
