#include "bfd/session.hpp"

#include <algorithm>
#include <cassert>

namespace bfd {

using std::chrono::seconds;

namespace {

constexpr auto slow = std::chrono::duration_cast<Microseconds>(slow_interval);
constexpr Microseconds slowest{10'000'000};       // end of the back-off
constexpr base::Duration patience = seconds{60};  // before the back-off begins

[[maybe_unused]] bool are_usable(const Parameters& parameters) {  // configuration and bfdd's ADD see to it
    return parameters.detect_mult != 0 && parameters.desired_min_tx.count() != 0 &&
           parameters.required_min_rx.count() != 0;
}

}  // namespace

Session::Session(const Parameters& parameters, Discriminator local, std::uint32_t jitter_seed, base::TimePoint now) {
    assert(local.value != 0 && are_usable(parameters));
    s_.parameters = parameters;
    s_.status.local_discriminator = local;
    s_.jitter_state = jitter_seed;
    s_.next_send = s_.quiet_since = now;
    if (parameters.admin_down) {
        s_.status.state = State::admin_down;
        s_.status.diagnostic = Diagnostic::administratively_down;
    }
    advertise_wishes(now);
    refresh_intervals();
}

// Nobody listened during a restart, so silence until now is no evidence: judgement waits one whole detection time from
// now, and a peer that died meanwhile is found by then.
Session::Session(const Snapshot& snapshot, base::TimePoint now) : s_{snapshot} {
    s_.last_received = std::min(s_.last_received, now);
    s_.last_sent = std::min(s_.last_sent, now);
    s_.next_send = std::min(s_.next_send, now + base::Duration{s_.status.tx_interval});
    s_.quiet_since = std::min(s_.quiet_since, now);
    s_.grace_until = now + s_.status.detection_time;
    s_.extended = false;
}

Output Session::on_packet(base::TimePoint arrival, const Packet& packet, base::TimePoint now) {
    now = std::max(now, arrival);
    const auto before = s_.status;
    Output out;
    learn(packet, arrival, now);
    const auto to = next_state(before.state, packet.state);
    const auto why = to == State::down ? Diagnostic::neighbor_signaled_session_down : Diagnostic::none;
    if (to != before.state) out.transition = move(to, why, arrival);
    advertise_wishes(now);
    poll_for_demand(now);
    if (before.state != State::admin_down) {  // RFC 5880 §6.8.6: there the packet is discarded, P and all
        // RFC 5880 §6.8.7: a Poll is answered at once, without respect to the timer, the state or Demand mode. The
        // Final carries a change of state as well: never more than one packet for one received.
        if (packet.poll)
            out.send = send_final();
        else if (may_transmit() && differs_from_told())
            out.send = send(now);
    }
    out.status_changed = s_.status != before;
    return out;
}

Output Session::on_deadline(base::TimePoint now) {
    const auto before = s_.status;
    Output out;
    if (now >= silence_deadline()) {
        // RFC 5880 §6.8.4: Init and Up have failed; §6.8.1 and §6.8.18: in every state the remote values are forgotten.
        if (can_expire()) out.transition = move(State::down, Diagnostic::control_detection_time_expired, now);
        forget_remote();
    }
    if (now >= late_deadline()) {
        out.late = true;
        s_.late_told = silence_deadline();
    }
    advertise_wishes(now);
    const bool due = now >= send_deadline();
    if (due) back_off(now);
    if (due || (out.transition && may_transmit())) out.send = send(now);
    out.status_changed = s_.status != before;
    return out;
}

Output Session::on_send_time(base::TimePoint now) { return send_from(send_deadline(), now); }

Output Session::on_send_ahead(base::TimePoint now) { return send_from(earliest_send(), now); }

// RFC 5880 §6.8.7: the interval "MUST be jittered by up to 25%", so three quarters of it are the least.
base::TimePoint Session::earliest_send() const {
    const auto due = send_deadline();
    return due == base::never ? due : std::min(due, s_.last_sent + base::Duration{s_.status.tx_interval} * 3 / 4);
}

Output Session::send_from(base::TimePoint allowed, base::TimePoint now) {
    const auto before = s_.status;
    Output out;
    if (now < allowed) return out;
    back_off(now);
    out.send = send(now);
    out.status_changed = s_.status != before;
    return out;
}

Output Session::change(const Parameters& parameters, base::TimePoint now) {
    assert(are_usable(parameters));
    const auto before = s_.status;
    Output out;
    s_.parameters = parameters;
    ++s_.revision;
    // RFC 5880 §6.8.16
    if (parameters.admin_down && before.state != State::admin_down)
        out.transition = move(State::admin_down, Diagnostic::administratively_down, now);
    else if (!parameters.admin_down && before.state == State::admin_down)
        out.transition = move(State::down, before.diagnostic, now);
    advertise_wishes(now);
    poll_for_demand(now);
    if (s_.told_once && may_transmit() && differs_from_told()) out.send = send(now);
    out.status_changed = s_.status != before;
    return out;
}

bool Session::extend(base::TimePoint now) {
    if (!can_expire() || s_.extended) return false;
    s_.grace_until = std::max(silence_deadline(), now) + base::Duration{s_.status.rx_interval};
    s_.extended = true;
    return true;
}

bool Session::vouch(base::TimePoint deadline) {
    if (!is_up() || deadline != silence_deadline() || s_.vouched >= vouched_at_most) return false;
    s_.grace_until = deadline + s_.status.detection_time;
    ++s_.vouched;
    return true;
}

void Session::nudge(base::TimePoint now) {
    s_.quiet_since = now;
    s_.slow_tx = slow;
    advertise_wishes(now);
}

base::TimePoint Session::deadline() const {
    auto at = std::min({send_deadline(), silence_deadline(), late_deadline()});
    if (s_.poll_queued && !s_.polling) at = std::min(at, s_.settled_at);
    return at;
}

base::TimePoint Session::detect_deadline() const { return can_expire() ? silence_deadline() : base::never; }

// RFC 5880 §6.8.6, from "Set bfd.RemoteDiscr" to "Update the Detection Time".
void Session::learn(const Packet& packet, base::TimePoint arrival, base::TimePoint now) {
    auto& status = s_.status;
    status.remote_discriminator = packet.my_discriminator;  // may change at any time without a Down: §6.3
    status.remote_state = packet.state;
    status.remote_diagnostic = packet.diagnostic;
    status.remote_detect_mult = packet.detect_mult;
    status.remote_control_plane_independent = packet.control_plane_independent;
    status.remote_demand = packet.demand;
    status.remote_desired_min_tx = packet.desired_min_tx;
    status.remote_required_min_rx = packet.required_min_rx;
    status.remote_required_min_echo_rx = packet.required_min_echo_rx;
    s_.last_received = status.ever_heard ? std::max(s_.last_received, arrival) : arrival;
    status.ever_heard = true;
    s_.quiet_since = now;
    s_.slow_tx = slow;
    if (packet.final)
        end_poll(now);
    else if (!s_.polling)
        s_.settled_at = {};  // RFC 5880 §6.8.3, third choice: a packet with F clear after the Poll Sequence
    refresh_intervals();
    s_.extended = false;
    s_.vouched = 0;
    s_.grace_until = std::min(s_.grace_until, now + status.detection_time);
}

Transition Session::move(State to, Diagnostic why, base::TimePoint at) {
    auto& status = s_.status;
    const Transition transition{status.state, to, at};
    // A Poll Sequence does not outlive a step into or out of Up: other values are due at once (§6.8.3), and what its
    // Final would bring into force is in force whenever the session is not Up.
    if (is_up() || to == State::up) {
        drop_poll();
        s_.polled_desired_min_tx = s_.advertised_desired_min_tx;
        s_.polled_required_min_rx = s_.advertised_required_min_rx;
        refresh_intervals();
    }
    status.state = to;
    // bfd.LocalDiag says why the session last went down; on the way there (Init) it still does.
    if (to != State::init) status.diagnostic = why;
    if (to == State::up) status.ever_up = true;
    return transition;
}

// RFC 5880 §6.8.1: a detection time of silence takes bfd.RemoteDiscr; §6.8.18: and bfd.RemoteMinRxInterval goes back to
// 1. What the peer said last of its state and diagnostic stays for the watchers: AdminDown and then silence is
// maintenance.
void Session::forget_remote() {
    s_.status.remote_discriminator = {};
    s_.status.remote_required_min_rx = Microseconds{1};
    s_.status.remote_demand = false;
    drop_poll();
    refresh_intervals();
}

// Strangers are asked for a minute at one packet a second, then each interval is half as long again, up to ten seconds.
// The packet says the interval that follows it.
void Session::back_off(base::TimePoint now) {
    if (!s_.parameters.back_off || s_.status.ever_up || s_.status.remote_discriminator.value != 0) return;
    if (now - s_.quiet_since < patience || s_.slow_tx >= slowest) return;
    s_.slow_tx = std::min(slowest, s_.slow_tx * 3 / 2);
    advertise_wishes(now);
}

// RFC 5880 §6.8.7, but for P and F. D is never ours to set, and echo is not spoken.
Packet Session::compose() const {
    const auto& status = s_.status;
    Packet packet;
    packet.diagnostic = status.diagnostic;
    packet.state = status.state;
    packet.control_plane_independent = s_.parameters.control_plane_independent;
    packet.detect_mult = s_.parameters.detect_mult;
    packet.my_discriminator = status.local_discriminator;
    packet.your_discriminator = status.remote_discriminator;
    packet.desired_min_tx = s_.advertised_desired_min_tx;
    packet.required_min_rx = s_.advertised_required_min_rx;
    return packet;
}

Packet Session::send(base::TimePoint now) {
    auto packet = compose();
    s_.told = packet;
    s_.told_once = true;
    if (s_.polling) {
        packet.poll = true;
        if (!s_.poll_sent) {
            s_.first_poll = now;
            ++s_.revision;
        }
        s_.poll_sent = true;
        s_.last_poll = now;
    }
    s_.last_sent = now;
    s_.next_send = now + jittered(s_.status.tx_interval);
    return packet;
}

// RFC 5880 §6.5: P and F never stand together. The periodic timer goes on untouched, so that a peer that polls without
// end cannot keep our own Poll from going out.
Packet Session::send_final() {
    auto packet = compose();
    s_.told = packet;
    s_.told_once = true;
    packet.final = true;
    return packet;
}

}  // namespace bfd
