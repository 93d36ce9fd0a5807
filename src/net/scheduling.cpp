#include "net/scheduling.hpp"

#include <algorithm>
#include <cerrno>

namespace net {

namespace {

bool is_realtime(int policy) { return policy == SCHED_FIFO || policy == SCHED_RR; }

}  // namespace

ThreadScheduling::ThreadScheduling(pid_t thread) : thread_{thread} {
    first_policy_ = ::sched_getscheduler(thread_);
    ::sched_getparam(thread_, &first_);
    ::sched_getaffinity(thread_, sizeof first_cpus_, &first_cpus_);
    if (is_realtime(first_policy_)) priority_ = first_.sched_priority;
}

SchedulingRefused ThreadScheduling::apply(const Scheduling& wish) {
    return {.priority = apply_priority(wish.priority), .cpu = apply_cpu(wish.cpu)};
}

int ThreadScheduling::apply_priority(int wish) {
    const bool is_first = wish == 0;
    const sched_param parameters{.sched_priority = is_first ? first_.sched_priority : wish};
    const int policy = is_first ? first_policy_ : SCHED_FIFO;
    if (::sched_setscheduler(thread_, policy, &parameters) != 0) return errno;
    priority_ = is_realtime(policy) ? parameters.sched_priority : 0;
    return 0;
}

// What chose its CPUs from outside (taskset, a cpuset) is left alone while nobody asks for one.
int ThreadScheduling::apply_cpu(std::optional<unsigned> wish) {
    if (!wish && !pinned_) return 0;
    cpu_set_t cpus = first_cpus_;
    if (wish) {
        CPU_ZERO(&cpus);
        CPU_SET(*wish, &cpus);
    }
    if (::sched_setaffinity(thread_, sizeof cpus, &cpus) != 0) return errno;
    pinned_ = wish.has_value();
    return 0;
}

void give_way_to(int priority) {
    sched_param mine{};
    const int policy = ::sched_getscheduler(0);
    if (!is_realtime(policy) || ::sched_getparam(0, &mine) != 0 || mine.sched_priority < priority) return;
    mine.sched_priority = std::max(priority - 1, ::sched_get_priority_min(policy));
    ::sched_setscheduler(0, policy, &mine);
}

}  // namespace net
