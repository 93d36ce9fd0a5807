#include "probe/event_queue.hpp"

#include <algorithm>
#include <span>
#include <utility>

namespace probe {

namespace {

using namespace std::chrono_literals;

constexpr auto send_failed_at_most_every = 1s;

// Bits of Slot::engine.pending.
constexpr std::uint8_t changed = 1;
constexpr std::uint8_t send_failed = 2;
constexpr std::uint8_t removed = 4;

}  // namespace

void EventQueue::tell_changed(Slot& slot, base::TimePoint at) {
    slot.engine.changed_at = at;
    pend(slot, changed);
}

void EventQueue::tell_send_failed(Slot& slot, base::TimePoint now, int error) {
    slot.engine.send_errno = static_cast<std::uint32_t>(error);
    auto& told = slot.engine.send_failed_at;
    if (told != base::TimePoint{} && now - told < send_failed_at_most_every) return;
    told = now;
    pend(slot, send_failed);
}

void EventQueue::tell_removed(Slot& slot) { pend(slot, removed); }

void EventQueue::pend(Slot& slot, std::uint8_t what) {
    const bool stands_in_line = slot.engine.pending != 0;
    // What changed before it was removed interests nobody.
    slot.engine.pending = what == removed ? removed : static_cast<std::uint8_t>(slot.engine.pending | what);
    if (stands_in_line) return;
    const bool told_enough = slot.engine.window == window_ && slot.engine.told >= changes_at_most;
    (what == changed && told_enough ? resting_ : pending_).append(slot);
}

void EventQueue::Line::append(Slot& slot) {
    slot.engine.next_pending = nullptr;
    (first == nullptr ? first : last->engine.next_pending) = &slot;
    last = &slot;
}

void EventQueue::begin_window(base::TimePoint now) {
    window_end_ = now + window;
    ++window_;
    strangers_.count = 0;
    if (resting_.first == nullptr) return;
    (pending_.first == nullptr ? pending_.first : pending_.last->engine.next_pending) = resting_.first;
    pending_.last = resting_.last;
    resting_ = {};
}

bool EventQueue::tell_stranger(const Unmatched& stranger) {
    const auto told = std::span{strangers_.told}.first(strangers_.count);
    const bool is_new = told.size() < room && std::ranges::find(told, stranger) == told.end();
    if (!is_new || !tell(stranger)) return false;
    strangers_.told[strangers_.count++] = stranger;
    return true;
}

bool EventQueue::tell(const Event& event) {
    if (passing_.count == passing_.events.size()) return false;
    passing_.events[(passing_.first + passing_.count++) % passing_.events.size()] = event;
    return true;
}

std::optional<Event> EventQueue::next() {
    if (pending_.first == nullptr) {
        if (passing_.count == 0) return std::nullopt;
        const auto event = passing_.events[passing_.first];
        passing_.first = (passing_.first + 1) % passing_.events.size();
        --passing_.count;
        return event;
    }
    auto& slot = *pending_.first;
    auto& engine = slot.engine;
    const auto what = static_cast<std::uint8_t>(engine.pending & -engine.pending);  // the lowest bit
    engine.pending = static_cast<std::uint8_t>(engine.pending & ~what);
    if (engine.pending == 0) pending_.first = engine.next_pending;
    if (what == changed) {
        if (std::exchange(engine.window, window_) != window_) engine.told = 0;
        ++engine.told;
        return Changed{slot.id, engine.changed_at, slot.session.last_received(), slot.session.status()};
    }
    if (what == send_failed) return SendFailed{slot.id, static_cast<std::int32_t>(engine.send_errno)};
    return Removed{&slot};
}

}  // namespace probe
