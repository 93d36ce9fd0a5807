#include "net/loop.hpp"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <system_error>
#include <utility>

#include "base/unique_fd.hpp"
#include "net/loop_turn.hpp"

namespace net {

namespace {

constexpr std::size_t stack_size = 128 << 10;  // bytes
constexpr std::size_t touched_stack = 32 << 10;

// So that no turn is the first to need a page of it.
[[gnu::noinline]] void touch_stack() {
    [[maybe_unused]] volatile char room[touched_stack];
    for (std::size_t i = 0; i < touched_stack; i += 1024) room[i] = 0;
}

}  // namespace

Loop::Loop(const LoopSettings& settings)
    : commands_{settings.command_ring}, events_{settings.event_ring}, turn_{std::make_unique<Turn>(*this, settings)} {
    pthread_attr_t attributes;
    ::pthread_attr_init(&attributes);
    ::pthread_attr_setstacksize(&attributes, stack_size);
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    const int error = ::pthread_create(&thread_, &attributes, &Loop::run, this);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    ::pthread_attr_destroy(&attributes);
    if (error != 0) throw std::system_error{error, std::generic_category(), "pthread_create"};
    await_start();
    scheduling_.emplace(static_cast<pid_t>(thread_id_.value()));
    if (scheduling_->priority() > 0) give_way_to(scheduling_->priority());
}

void Loop::stop() {
    if (std::exchange(stopped_, true)) return;
    stop_.add();
    wake_.ring();
    ::pthread_join(thread_, nullptr);
}

Loop::~Loop() {
    stop();
    while (const auto left = commands_.pop())  // sockets on their way
        if (const auto* listen = std::get_if<probe::Listen>(&*left)) base::UniqueFd{listen->fd};
}

void* Loop::run(void* self) {
    ::prctl(PR_SET_NAME, "probe");
    ::prctl(PR_SET_TIMERSLACK, 1UL);  // ns: wake at the deadline, not up to 50 µs after it
    touch_stack();
    auto& loop = *static_cast<Loop*>(self);
    loop.thread_id_.set(static_cast<std::uint64_t>(::gettid()));
    loop.news_.ring();
    loop.turn_->run();
    return nullptr;
}

// It has told its number.
void Loop::await_start() {
    pollfd told{news_.fd(), POLLIN, 0};
    while (::poll(&told, 1, -1) < 0) {
    }
    acknowledge();
}

bool Loop::post(const probe::Command& command) {
    if (!commands_.push(command)) return false;
    wake_.ring();
    return true;
}

int Loop::event_fd() const { return news_.fd(); }

void Loop::acknowledge() { news_.acknowledge(); }

std::optional<probe::Event> Loop::next_event() { return events_.pop(); }

const LoopCounters& Loop::counters() const { return turn_->counters(); }

SchedulingRefused Loop::schedule(const Scheduling& wish) {
    const auto refused = scheduling_->apply(wish);
    if (scheduling_->priority() > 0) give_way_to(scheduling_->priority());
    return refused;
}

bool Loop::realtime() const {
    const int policy = ::sched_getscheduler(static_cast<pid_t>(thread_id_.value()));  // asked anew: chrt may change it
    return policy == SCHED_FIFO || policy == SCHED_RR;
}

}  // namespace net
