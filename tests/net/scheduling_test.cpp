// An idle probe thread is given a priority and a CPU, and gets back what it had.
#include "net/scheduling.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "net/loop.hpp"
#include "private_net.hpp"

using namespace net_test;

namespace {

// What a change of priority leaves behind must not be another test's: a process of its own.
template <class Body>
int in_child(Body&& body) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(body());
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

bool set_own(int policy, int priority) {
    const sched_param parameters{.sched_priority = priority};
    return ::sched_setscheduler(0, policy, &parameters) == 0;
}

int own_priority() {
    sched_param mine{};
    ::sched_getparam(0, &mine);
    return mine.sched_priority;
}

constexpr int not_permitted = 77;

unsigned some_cpu() {
    cpu_set_t mine;
    ::sched_getaffinity(0, sizeof mine, &mine);
    unsigned cpu = 0;
    while (!CPU_ISSET(cpu, &mine)) ++cpu;
    return cpu;
}

}  // namespace

TEST_CASE_FIXTURE(PrivateNet, "a priority makes the probe thread real-time and nobody else; 0 takes it back") {
    const int status = in_child([] {
        net::Loop loop{{.capacity = 4}};
        const auto refused = loop.schedule({.priority = 3, .cpu = {}});
        if (refused.priority == EPERM) return not_permitted;
        if (refused.priority != 0 || !loop.realtime()) return 1;
        if (::sched_getscheduler(0) != SCHED_OTHER) return 2;
        if (loop.schedule({}).priority != 0 || loop.realtime()) return 3;
        return 0;
    });
    CHECK(status % not_permitted == 0);
}

TEST_CASE_FIXTURE(PrivateNet, "a caller that is real-time stays below the probe thread, whatever the key says") {
    const int status = in_child([] {
        if (!set_own(SCHED_FIFO, 5)) return not_permitted;
        net::Loop loop{{.capacity = 4}};
        if (own_priority() != 4) return 1;
        if (loop.schedule({.priority = 3, .cpu = {}}).priority != 0) return 2;
        if (own_priority() != 2) return 3;
        if (loop.schedule({}).priority != 0 || !loop.realtime()) return 4;  // as at first: 5
        return own_priority() == 2 ? 0 : 5;
    });
    CHECK(status % not_permitted == 0);
}

TEST_CASE_FIXTURE(PrivateNet, "who may not be real-time is told so, and the thread runs on") {
    const int status = in_child([] {
        net::Loop loop{{.capacity = 4}};
        const rlimit none{.rlim_cur = 0, .rlim_max = 0};
        if (::setrlimit(RLIMIT_RTPRIO, &none) != 0 || (::getuid() == 0 && ::setuid(65534) != 0)) return 3;
        if (loop.schedule({.priority = 3, .cpu = {}}).priority != EPERM) return 1;
        return loop.realtime() ? 2 : 0;
    });
    CHECK(status == 0);
}

TEST_CASE_FIXTURE(PrivateNet, "a CPU that is not there is refused; one that is can be taken and given back") {
    net::Loop loop{{.capacity = 4}};
    CHECK(loop.schedule({.priority = 0, .cpu = 1023}).cpu == EINVAL);
    CHECK(loop.schedule({.priority = 0, .cpu = some_cpu()}).cpu == 0);
    CHECK(loop.schedule({}).cpu == 0);
}

TEST_CASE("the thread of a wish runs on the CPU that was wished for, then where it ran before") {
    cpu_set_t before, pinned, after;
    net::ThreadScheduling scheduling{::gettid()};
    ::sched_getaffinity(0, sizeof before, &before);
    REQUIRE(scheduling.apply({.priority = 0, .cpu = some_cpu()}).cpu == 0);
    ::sched_getaffinity(0, sizeof pinned, &pinned);
    REQUIRE(scheduling.apply({}).cpu == 0);
    ::sched_getaffinity(0, sizeof after, &after);
    CHECK(CPU_COUNT(&pinned) == 1);
    CHECK(CPU_ISSET(some_cpu(), &pinned));
    CHECK(CPU_EQUAL(&before, &after));
}
