// What the probe thread owns, and its turns: what there is to read is read, then judged and sent what is due, BFD
// before what measures, and the control thread told.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/time.hpp"
#include "net/clock.hpp"
#include "net/gauging.hpp"
#include "net/listeners.hpp"
#include "net/loop.hpp"
#include "net/pace.hpp"
#include "net/receiver.hpp"
#include "net/sender.hpp"
#include "probe/engine.hpp"

namespace net {

class Loop::Turn {
public:
    Turn(Loop& loop, const LoopSettings& settings)
        : loop_{loop},
          engine_{settings.capacity},
          gauging_{settings.capacity, settings.echo_identifier},
          listeners_{loop.wake_.fd()} {}

    void run();
    LoopCounters& counters() { return counters_; }

private:
    base::TimePoint rest(base::TimePoint until) const;
    void pace();
    void take_commands(base::TimePoint now);
    void drain_sockets(base::TimePoint now);
    void drain(Listener& listener, base::TimePoint now);
    void take(Listener& listener, const Received& received, base::TimePoint now);
    void flush_if_full(base::TimePoint now) {
        if (engine_.outbox_full()) flush(now);
    }
    void flush(base::TimePoint now);
    base::TimePoint wanted_wake(base::TimePoint now);
    void measure(base::TimePoint now);
    void refuse(const probe::Listen& listen, int error);
    void tell();
    void ring_if_told(base::TimePoint now);

    Loop& loop_;
    probe::Engine engine_;
    Gauging gauging_;
    LoopCounters counters_{engine_.counters(), gauging_.counters()};
    Listeners listeners_;
    Receiver receiver_;
    Sender sender_;
    ArrivalClock arrival_clock_;
    Pace pace_;
    std::uint64_t packets_ = 0;  // sent and received by the turns before
    bool told_ = false;
    bool measured_ = false;  // and has yet to ring for it
    base::TimePoint rung_at_{};
    std::array<probe::ListenFailed, probe::batch> refused_;  // that have yet to be told
    std::size_t refused_count_ = 0;
};

}  // namespace net
