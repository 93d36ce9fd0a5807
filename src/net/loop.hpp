// The probe thread: sockets, clock and rings around probe::Engine and, after it in each turn, probe::Gauges. It does
// nothing but receive, send, wait and one eventfd write a turn: no allocation, lock or log. What goes wrong in it is
// counted, never thrown. All public members are the control thread's.
#pragma once

#include <pthread.h>

#include <cstddef>
#include <memory>
#include <optional>

#include "base/counter.hpp"
#include "net/bell.hpp"
#include "net/gauging.hpp"
#include "net/scheduling.hpp"
#include "net/spsc_queue.hpp"
#include "probe/engine.hpp"

namespace net {

struct LoopSettings {
    std::size_t command_ring = 4096;
    std::size_t event_ring = 8192;
    std::size_t capacity = probe::default_capacity;  // sessions; that of the SlotPool
    std::uint16_t echo_identifier = 0;
};

struct LoopCounters {
    LoopCounters(const probe::EngineCounters& engine, const GaugingCounters& gauging)
        : probe{engine}, quality{gauging} {}
    const probe::EngineCounters& probe;  // late_wakes, max_lateness_us, stalls, datagrams dropped by reason, …
    const GaugingCounters& quality;
    base::Counter wakeups;
    base::Counter receives, sends;  // datagrams
    base::Counter receive_errors;
    base::Counter send_errors;     // all that failed
    base::Counter send_shortages;  // … of them for want of room on this host (EAGAIN, ENOBUFS)
    base::Counter kernel_drops;    // by the socket filter or a full receive buffer
    base::Counter listen_errors;   // receive sockets that could not be taken over
    base::Counter rings;           // of the control thread
    // For who watches the thread: when it means to wake at the latest (steady, ns), and the last time that it came a
    // whole `standstill` later: by how much.
    base::Counter due_ns, standstill_ns;
};

constexpr base::Duration standstill = std::chrono::seconds{1};

class Loop {
public:
    // Starts the thread, with the scheduling policy of the caller and all its signals blocked. Under a real-time policy
    // the caller then goes on one priority lower, so that the thread goes before it. Throws std::system_error.
    explicit Loop(const LoopSettings& settings = {});
    ~Loop();  // stops it; slots that are in it are the caller's again
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    // Ends the thread and takes what it has told; what was posted and not read yet is void. Slots are the caller's
    // again.
    void stop();

    bool post(const probe::Command& command);  // false: no room; keep it and try again

    int event_fd() const;  // readable when events may wait: acknowledge(), then next_event() until there is none
    void acknowledge();
    std::optional<probe::Event> next_event();

    const LoopCounters& counters() const;
    // Where the thread then is real-time, a caller that is too goes below it, for good.
    SchedulingRefused schedule(const Scheduling& wish);
    bool realtime() const;  // does the thread run under SCHED_FIFO or SCHED_RR?

private:
    class Turn;  // what the thread owns: loop_turn.hpp
    static void* run(void* self);
    void await_start();

    Bell wake_;  // control → probe
    Bell news_;  // probe → control
    base::Counter stop_;
    base::Counter thread_id_;
    SpscQueue<probe::Command> commands_;
    SpscQueue<probe::Event> events_;
    std::unique_ptr<Turn> turn_;
    pthread_t thread_{};
    std::optional<ThreadScheduling> scheduling_;
    bool stopped_ = false;
};

}  // namespace net
