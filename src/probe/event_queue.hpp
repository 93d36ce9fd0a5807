// What the engine has yet to tell. A session stands in line once, and Changed tells its latest, so that what waits is
// never stale; of Unmatched, Late and Stall only so many wait. A peer that changes with every packet, and a stranger,
// must not crowd out what others have to tell: a session's changes beyond `changes_at_most` in one window are told as
// one at its end, a stranger once a window. All memory is taken at construction.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/time.hpp"
#include "probe/event.hpp"
#include "probe/slot.hpp"

namespace probe {

// No session that is let alone changes so often.
inline constexpr std::uint32_t changes_at_most = 16;
inline constexpr base::Duration window = std::chrono::milliseconds{100};

class EventQueue {
public:
    void on_time(base::TimePoint now) {
        if (now >= window_end_) begin_window(now);
    }
    // When what waits for the window's end may be told.
    base::TimePoint deadline() const { return resting_.first == nullptr ? base::never : window_end_; }

    void tell_changed(Slot& slot, base::TimePoint at);
    void tell_send_failed(Slot& slot, base::TimePoint now, int error);  // at most one a second and session
    void tell_removed(Slot& slot);
    // What may be lost; false: no room, or a stranger that was told of in this window.
    bool tell(const Event& event);
    bool tell_stranger(const Unmatched& stranger);

    std::optional<Event> next();
    bool is_empty() const { return pending_.first == nullptr && passing_.count == 0; }

private:
    static constexpr std::size_t room = 64;

    struct Line {  // of slots, by next_pending
        Slot* first = nullptr;
        Slot* last = nullptr;
        void append(Slot& slot);
    };
    struct Strangers {  // told in this window
        std::array<Unmatched, room> told;
        std::size_t count = 0;
    };
    struct Passing {  // events that may be lost
        std::array<Event, room> events;
        std::size_t first = 0, count = 0;
    };

    void begin_window(base::TimePoint now);
    void pend(Slot& slot, std::uint8_t what);

    Passing passing_;
    Strangers strangers_;
    Line pending_;
    Line resting_;  // until the window ends
    base::TimePoint window_end_{};
    std::uint32_t window_ = 0;
};

}  // namespace probe
