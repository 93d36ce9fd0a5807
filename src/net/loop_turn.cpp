#include "net/loop_turn.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <utility>

namespace net {

namespace {

using namespace std::chrono_literals;

// A control thread that is behind is looked at again so soon, when nothing else is due.
constexpr auto backlog_interval = 1ms;
// What was measured is no matter of milliseconds: the control thread is told of it so often, all at once.
constexpr auto measured_interval = 50ms;
// More than a receive buffer holds: what waited when the drain began is read, however much comes in meanwhile.
constexpr int batches_per_drain = 512;

}  // namespace

void Loop::Turn::run() {
    auto now = steady_now();
    while (loop_.stop_.value() == 0) {
        const auto due = wanted_wake(now);
        counters_.due_ns.set(static_cast<std::uint64_t>(due.time_since_epoch().count()));
        const auto until = rest(due);
        listeners_.wait(steady_now(), until);
        // Read before the drain: what had arrived by then is read before anything is judged by it.
        now = steady_now();
        if (now - standstill > due) counters_.standstill_ns.set(static_cast<std::uint64_t>((now - due).count()));
        counters_.wakeups.add();
        listeners_.mark(now);
        engine_.on_wake(now);
        gauging_.gauges().on_wake(now);
        take_commands(now);
        drain_sockets(now);
        while (!engine_.on_deadlines(now, pace_.rest())) flush(now);
        flush(now);
        tell();
        measure(now);
        pace();
        ring_if_told(now);
    }
}

// While many packets come, those that come now are read with those that come next. Until when to wait for sockets.
base::TimePoint Loop::Turn::rest(base::TimePoint until) const {
    if (pace_.rest() == 0ns || gauging_.is_behind()) return until;
    const auto end = std::min(until, steady_now() + pace_.rest());
    const auto passed = end.time_since_epoch();
    const auto seconds = std::chrono::floor<std::chrono::seconds>(passed);
    const timespec at{.tv_sec = static_cast<time_t>(seconds.count()),
                      .tv_nsec = static_cast<long>((passed - seconds).count())};
    ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr);  // signals are blocked
    return end;
}

void Loop::Turn::pace() {
    const auto& quality = gauging_.counters();
    const auto packets =
        counters_.receives.value() + counters_.sends.value() + quality.received.value() + quality.sent.value();
    pace_.on_turn(steady_now(), packets - std::exchange(packets_, packets));
}

base::TimePoint Loop::Turn::wanted_wake(base::TimePoint now) {
    // A probe of quality is stamped as it goes: while many packets come it waits for the turn after the rest.
    const auto measuring = std::max(gauging_.deadline(), now + pace_.rest());
    auto due = std::min(engine_.deadline(), measuring);
    if (measured_) due = std::min(due, rung_at_ + measured_interval);
    const bool is_behind = engine_.has_events() || gauging_.gauges().has_events();
    return is_behind ? std::min(due, now + backlog_interval) : due;
}

// After BFD, and no longer than until BFD is due again.
void Loop::Turn::measure(base::TimePoint now) {
    const auto is_quality = [](const Listener& l) { return l.fd && l.use != probe::Use::bfd && l.ready; };
    const bool has_read = std::ranges::any_of(listeners_.all(), is_quality);
    if (!has_read && gauging_.deadline() > now && !gauging_.gauges().has_events()) return;
    if (has_read) arrival_clock_.read(read_clocks());
    gauging_.turn(listeners_, arrival_clock_, now, engine_.deadline());
    auto& gauges = gauging_.gauges();
    while (gauges.has_events() && loop_.events_.has_room()) {
        loop_.events_.push(*gauges.next_event());
        measured_ = true;
    }
}

void Loop::Turn::take_commands(base::TimePoint now) {
    for (auto left = loop_.commands_.capacity(); left > 0; --left) {
        const auto command = loop_.commands_.pop();
        if (!command) return;
        if (const auto* listen = std::get_if<probe::Listen>(&*command)) {
            if (const int error = listeners_.add(*listen, now))
                refuse(*listen, error);
            else
                gauging_.on_listen(*listen);
        } else if (const auto* unlisten = std::get_if<probe::Unlisten>(&*command)) {
            listeners_.remove(*unlisten);
        } else {
            engine_.on_command(now, *command);
            gauging_.gauges().on_command(now, *command);
            flush_if_full(now);
            tell();
        }
    }
}

void Loop::Turn::drain_sockets(base::TimePoint now) {
    // A packet may have come since the wait ended, and this thread may have slept since: before silence is judged,
    // every socket is read, ready or not.
    const bool all = engine_.judges(now);
    const auto wanted = [all](const Listener& l) { return l.fd && l.use == probe::Use::bfd && (all || l.ready); };
    if (std::ranges::none_of(listeners_.all(), wanted)) return;
    arrival_clock_.read(read_clocks());
    for (auto& listener : listeners_.all())
        if (wanted(listener)) drain(listener, now);
}

void Loop::Turn::drain(Listener& listener, base::TimePoint now) {
    for (int i = 0; i < batches_per_drain; ++i) {
        const int n = receiver_.receive(listener.fd.get());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) break;
        if (n < 0) {
            counters_.receive_errors.add();  // reading it has cleared it
            continue;
        }
        const auto read_at = steady_now();
        const auto count = static_cast<std::size_t>(n);
        for (std::size_t k = 0; k < count; ++k) take(listener, receiver_.view(k), read_at);
        engine_.on_send_times(read_at);
        flush(read_at);
        // Empty, or past what had come by `now`: the rest is for the next turn, lest a flood keep us from sending.
        if (count < probe::batch || arrival_clock_.is_after(receiver_.view(count - 1).stamp, now)) break;
    }
    listener.ready = false;
    listener.empty_at = now;
}

void Loop::Turn::take(Listener& listener, const Received& received, base::TimePoint now) {
    counters_.receives.add();
    if (received.drops) {
        counters_.kernel_drops.add(*received.drops - listener.drops);
        listener.drops = *received.drops;
    }
    auto datagram = received.datagram;
    datagram.multihop = listener.multihop;
    datagram.vrf = listener.vrf;
    datagram.arrival = arrival_clock_.arrival(received.stamp, listener.empty_at, now);
    engine_.on_datagram(now, datagram);
    flush_if_full(now);
    tell();
}

void Loop::Turn::flush(base::TimePoint now) {
    const auto packets = engine_.outbox();
    if (packets.empty()) return;
    const auto results = sender_.send(packets);
    for (std::size_t i = 0; i < packets.size(); ++i) {
        const int error = results[i];
        engine_.on_sent(now, packets[i], error);
        if (error == 0) {
            counters_.sends.add();
            continue;
        }
        counters_.send_errors.add();
        if (error == EAGAIN || error == ENOBUFS) counters_.send_shortages.add();
    }
    engine_.clear_outbox();
}

void Loop::Turn::refuse(const probe::Listen& listen, int error) {
    counters_.listen_errors.add();
    if (refused_count_ < refused_.size()) refused_[refused_count_++] = {listen, error};
}

// One by one as they come, so that while there is room no change of state is merged with the next.
void Loop::Turn::tell() {
    while (engine_.has_events() && loop_.events_.has_room()) {
        loop_.events_.push(*engine_.next_event());
        told_ = true;
    }
    while (refused_count_ > 0 && loop_.events_.has_room()) {
        loop_.events_.push(refused_[--refused_count_]);
        told_ = true;
    }
}

void Loop::Turn::ring_if_told(base::TimePoint now) {
    const bool is_time = measured_ && now - rung_at_ >= measured_interval;
    if (!told_ && !is_time) return;
    counters_.rings.add();
    loop_.news_.ring();
    rung_at_ = now;
    told_ = measured_ = false;
}

}  // namespace net
