// The policy, the priority and the CPU of a thread, as its owner wishes them; what it had at first is remembered, so
// that a wish can be taken back. What is refused is told by its errno, never thrown.
#pragma once

#include <sched.h>
#include <sys/types.h>

#include <optional>

namespace net {

struct Scheduling {
    int priority = 0;             // SCHED_FIFO; 0: as at first
    std::optional<unsigned> cpu;  // none: as at first
};

struct SchedulingRefused {  // errno each; 0: it is as wished
    int priority = 0;
    int cpu = 0;
};

class ThreadScheduling {
public:
    explicit ThreadScheduling(pid_t thread);

    SchedulingRefused apply(const Scheduling& wish);
    int priority() const { return priority_; }  // real-time; 0: none

private:
    int apply_priority(int wish);
    int apply_cpu(std::optional<unsigned> wish);

    pid_t thread_;
    int first_policy_ = SCHED_OTHER;
    sched_param first_{};
    cpu_set_t first_cpus_{};
    int priority_ = 0;
    bool pinned_ = false;
};

// Two threads at one real-time priority wait for each other on one processor: a millisecond of the caller's work would
// be a millisecond of lateness of the other's. So a caller that is real-time goes below `priority`; that needs no
// permission.
void give_way_to(int priority);

}  // namespace net
