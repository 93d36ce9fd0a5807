// The part of a session that decides when: intervals, their negotiation by Poll Sequence, jitter and deadlines.
#include <algorithm>

#include "bfd/session.hpp"

namespace bfd {
namespace {

// PCG with 32 bits of state (O'Neill 2014): any seed will do.
std::uint32_t next_random(std::uint32_t& state) {
    state = state * 747'796'405U + 2'891'336'453U;
    const std::uint32_t word = ((state >> ((state >> 28U) + 4U)) ^ state) * 277'803'737U;
    return (word >> 22U) ^ word;
}

}  // namespace

// RFC 5880 §6.8.3: not less than one second while not Up.
Microseconds Session::wanted_tx() const {
    const auto& wish = s_.parameters;
    if (is_up()) return wish.desired_min_tx;
    const auto floor = std::max(std::chrono::duration_cast<Microseconds>(slow_interval), wish.desired_min_tx);
    return wish.back_off ? std::max(floor, s_.slow_tx) : floor;
}

// Brings what packets say in line with what is wished for, with a Poll Sequence (RFC 5880 §6.8.3). While
// bfd.RemoteDiscr is zero there is nobody to poll: the first packet a peer hears says it all.
void Session::advertise_wishes(base::TimePoint now) {
    const auto tx = wanted_tx();
    const auto rx = s_.parameters.required_min_rx;
    const bool changed = tx != s_.advertised_desired_min_tx || rx != s_.advertised_required_min_rx;
    if (!changed && !s_.poll_queued) return;
    // A Final must not be ambiguous: changes while one may come are told together, after it.
    const bool final_may_come = s_.polling ? s_.poll_sent : now < s_.settled_at;
    if (is_up() && final_may_come) {
        s_.poll_queued = true;
        return;
    }
    s_.advertised_desired_min_tx = tx;
    s_.advertised_required_min_rx = rx;
    ++s_.revision;
    // While Up slower sending and faster receiving wait for the Final; everything else is effected immediately.
    s_.polled_desired_min_tx = is_up() ? std::min(s_.polled_desired_min_tx, tx) : tx;
    s_.polled_required_min_rx = is_up() ? std::max(s_.polled_required_min_rx, rx) : rx;
    if (s_.status.remote_discriminator.value != 0)
        start_poll();
    else
        drop_poll();
    refresh_intervals();
}

// RFC 5880 §6.6: with Demand mode active on the remote system, whatever changes in our packets is told by a Poll
// Sequence, for no periodic packet would tell it.
void Session::poll_for_demand(base::TimePoint now) {
    if (!demand_is_active() || !s_.told_once || compose() == s_.told) return;
    if (s_.polling ? s_.poll_sent : now < s_.settled_at)
        s_.poll_queued = true;
    else
        start_poll();
}

void Session::start_poll() {
    ++s_.revision;
    s_.polling = true;
    s_.poll_sent = false;
    s_.poll_queued = false;
}

void Session::drop_poll() {
    if (s_.polling || s_.poll_queued) ++s_.revision;
    s_.polling = false;
    s_.poll_sent = false;
    s_.poll_queued = false;
    s_.settled_at = {};
}

// A Final that no P of ours asked for is a late one of an earlier sequence.
void Session::end_poll(base::TimePoint now) {
    if (!s_.polling || !s_.poll_sent) return;
    s_.polling = false;
    ++s_.revision;
    s_.polled_desired_min_tx = s_.advertised_desired_min_tx;
    s_.polled_required_min_rx = s_.advertised_required_min_rx;
    // RFC 5880 §6.8.3, second choice: a round trip since the last P. It answers one of ours, so it took at most the
    // time since the first; when one P was sent, nothing more can come.
    s_.settled_at = s_.last_poll + (now - s_.first_poll);
}

// RFC 5880 §6.8.2, §6.8.4 and §6.8.7. A new interval counts from the last packet sent: when it is shorter the next is
// due sooner, perhaps at once (§6.8.3).
void Session::refresh_intervals() {
    auto& status = s_.status;
    status.rx_interval = std::max(s_.polled_required_min_rx, status.remote_desired_min_tx);
    status.detection_time = base::Duration{status.rx_interval} * status.remote_detect_mult;
    const auto tx = std::max(s_.polled_desired_min_tx, status.remote_required_min_rx);
    if (tx == status.tx_interval) return;
    status.tx_interval = tx;
    if (s_.told_once) s_.next_send = s_.last_sent + jittered(tx);
}

// RFC 5880 §6.8.7: each interval is reduced by 0 to 25 %, with a Detect Mult of 1 by 10 to 25 %.
base::Duration Session::jittered(Microseconds interval) {
    const base::Duration whole{interval};
    const auto least = s_.parameters.detect_mult == 1 ? whole / 10 : base::Duration{};
    const auto spread = whole / 4 - least;
    return whole - least - spread * (next_random(s_.jitter_state) >> 16U) / 0xffff;
}

// RFC 5880 §6.8.7: a passive system is silent while bfd.RemoteDiscr is zero.
bool Session::may_transmit() const { return !s_.parameters.passive || s_.status.remote_discriminator.value != 0; }

bool Session::demand_is_active() const {
    return s_.status.remote_demand && is_up() && s_.status.remote_state == State::up;
}

// RFC 5880 §6.8.7: what changed SHOULD be told between the periodic packets. New intervals ride on those (§6.5: a Poll
// Sequence adds no packets), unless none are being sent.
bool Session::differs_from_told() const {
    if (!s_.told_once) return true;
    auto next = compose();
    if (s_.status.remote_required_min_rx.count() != 0 && !demand_is_active()) {
        next.desired_min_tx = s_.told.desired_min_tx;
        next.required_min_rx = s_.told.required_min_rx;
    }
    return next != s_.told;
}

base::TimePoint Session::silence_deadline() const {
    if (s_.status.remote_discriminator.value == 0) return base::never;
    return std::max(s_.last_received + s_.status.detection_time, s_.grace_until);
}

// With three packets a detection time two are missing by then, which on a path that loses a few happens seldom. One
// alone would be late before its time.
base::TimePoint Session::late_deadline() const {
    const auto silence = silence_deadline();
    if (!s_.parameters.trust_data || !is_up() || s_.status.remote_detect_mult < 2 || silence == s_.late_told)
        return base::never;
    return silence == base::never ? silence : silence - s_.status.detection_time / 3;
}

// RFC 5880 §6.8.7: no periodic packets when the peer's Required Min RX is zero, nor in Demand mode but for a Poll.
base::TimePoint Session::send_deadline() const {
    if (!may_transmit() || s_.status.remote_required_min_rx.count() == 0) return base::never;
    return demand_is_active() && !s_.polling ? base::never : s_.next_send;
}

}  // namespace bfd
