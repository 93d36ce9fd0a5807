// One RFC 5880 session in asynchronous mode (demand honoured when the peer asks for it), without socket or clock: told
// `now`, it answers with at most one packet and one transition, and says when it next wants waking. Echo is not spoken
// (Required Min Echo RX is 0); authentication has its own issue. Which datagram is for this session is probe's
// question.
#pragma once

#include <cstdint>
#include <optional>
#include <type_traits>

#include "base/time.hpp"
#include "bfd/packet.hpp"

namespace bfd {

// With trust_data: so often in a row may data stand in for packets. An end that is deaf, and whose peer has no BFD any
// more, is found after eleven detection times.
inline constexpr std::uint8_t vouched_at_most = 10;

inline constexpr base::Duration slow_interval = std::chrono::seconds{1};  // RFC 5880 §6.8.3: while not Up

struct Parameters {
    Microseconds desired_min_tx{50'000};     // 3.3 ms … 60 s
    Microseconds required_min_rx{50'000};    // 3.3 ms … 60 s
    std::uint8_t detect_mult = 3;            // 1 … 255
    bool passive = false;                    // RFC 5880 §6.1: silent until the peer is heard
    bool control_plane_independent = false;  // the C bit we send
    bool admin_down = false;                 // hold the session in AdminDown
    // A peer never heard is probed ever more slowly: 1 s for a minute, then step by step to 10 s.
    bool back_off = false;
    // Somebody else is asked before silence counts: see Output::late. A departure from RFC 5880 §6.8.4.
    bool trust_data = false;
    friend bool operator==(const Parameters&, const Parameters&) = default;
};

// What the session knows now; trivially copyable, fits an event.
struct Status {
    State state = State::down;
    State remote_state = State::down;
    Diagnostic diagnostic = Diagnostic::none;
    Diagnostic remote_diagnostic = Diagnostic::none;
    std::uint8_t remote_detect_mult = 0;
    bool remote_control_plane_independent = false;
    bool remote_demand = false;
    bool ever_heard = false;  // any acceptable packet since creation
    bool ever_up = false;
    Discriminator local_discriminator;
    Discriminator remote_discriminator;
    Microseconds tx_interval{};       // negotiated, before jitter
    Microseconds rx_interval{};       // what the peer may take between two packets
    base::Duration detection_time{};  // RFC 5880 §6.8.4; 0 while nothing was heard
    Microseconds remote_desired_min_tx{};
    Microseconds remote_required_min_rx{1};
    Microseconds remote_required_min_echo_rx{};
    friend bool operator==(const Status&, const Status&) = default;
};

struct Transition {
    State from = State::down;
    State to = State::down;
    base::TimePoint at;  // arrival of the deciding packet, or the moment of judgement
    friend bool operator==(const Transition&, const Transition&) = default;
};

struct Output {
    std::optional<Packet> send;
    std::optional<Transition> transition;
    bool status_changed = false;  // anything in Status that a watcher shows or bfdd wants (every transition included)
    bool late = false;            // with trust_data: a third of the time is left, and nothing came; once a deadline
};

// RFC 5880 §6.2 and §6.8.6: what hearing `received` makes of `local`.
constexpr State next_state(State local, State received) {
    using enum State;
    switch (local) {
        case admin_down: return admin_down;
        case down: return received == down ? init : received == init ? up : down;
        case init: return received == admin_down ? down : received == down ? init : up;
        case up: return received == admin_down || received == down ? down : up;
    }
    return local;
}

// Everything a session is, so a successor that is given it goes on with the same peer as if nothing had happened.
// Trivially copyable. A time that was never set is TimePoint{}.
struct Snapshot {
    Parameters parameters;  // what is wished for
    Status status;
    base::TimePoint last_received;  // arrival of the last acceptable packet
    base::TimePoint last_sent;      // a Final does not count: it follows no timer
    base::TimePoint next_send;
    base::TimePoint grace_until;  // expiry is not judged before: extend(), or one detection time after a restart
    base::TimePoint late_told;    // the deadline that `late` was told of
    base::TimePoint quiet_since;  // for back_off: creation, nudge or last packet
    base::TimePoint first_poll, last_poll;  // of this Poll Sequence, valid when poll_sent
    base::TimePoint settled_at;             // no Final of an earlier Poll Sequence can still come: RFC 5880 §6.8.3
    std::uint32_t jitter_state = 0;
    Microseconds slow_tx{1'000'000};            // grows from one second while backing off
    Microseconds advertised_desired_min_tx{};   // bfd.DesiredMinTxInterval: in every packet
    Microseconds advertised_required_min_rx{};  // bfd.RequiredMinRxInterval: in every packet
    Microseconds polled_desired_min_tx{};       // in force (sent before the poll), RFC 5880 §6.8.3
    Microseconds polled_required_min_rx{};
    Packet told;  // contents of the last packet sent, only to see when the next would differ
    bool told_once = false;
    bool polling = false;        // packets carry P until F comes
    bool poll_sent = false;      // at least one P of this sequence went out
    bool poll_queued = false;    // another sequence follows this one
    bool extended = false;       // extend() was used since the last packet
    std::uint8_t vouched = 0;    // how often vouch() was since then
    std::uint32_t revision = 0;  // changes with what was negotiated, besides the status: a successor must know it
};

class Session {
public:
    Session(const Parameters& parameters, Discriminator local, std::uint32_t jitter_seed, base::TimePoint now);
    Session(const Snapshot& snapshot, base::TimePoint now);

    // `arrival` is the kernel's receive time, mapped to the steady clock: never in the future of the drain. It counts
    // for detection; `now`, when the answer goes out, for the spacing of what we send.
    Output on_packet(base::TimePoint arrival, const Packet& packet, base::TimePoint now);
    Output on_packet(base::TimePoint arrival, const Packet& packet) { return on_packet(arrival, packet, arrival); }
    // Judges expiry first, then sends what is due. Calling it early is harmless.
    Output on_deadline(base::TimePoint now);
    // Sends what is due and judges nothing: while packets that have arrived are still being read.
    Output on_send_time(base::TimePoint now);
    // The same from earliest_send() on, for whoever sends several at once.
    Output on_send_ahead(base::TimePoint now);
    // New wishes: RFC 5880 §6.8.3 (Poll Sequence), §6.8.16 (AdminDown and back).
    Output change(const Parameters& parameters, base::TimePoint now);
    // One more remote interval before expiry is judged, once a detection time: our own lateness is no evidence. False
    // when it was used already or nothing is to expire.
    bool extend(base::TimePoint now);
    // The peer's data came in: the detection deadline that `late` was told of moves by one detection time. False when
    // that deadline stands no more (a packet came, or it moved already), or data has vouched too often in a row.
    bool vouch(base::TimePoint deadline);
    // A sign of life from elsewhere (a handshake): back to one packet a second for a peer not heard yet.
    void nudge(base::TimePoint now);

    base::TimePoint deadline() const;         // the earliest of the next send, `late` and the detection deadline
    base::TimePoint detect_deadline() const;  // base::never when nothing can expire
    base::TimePoint send_deadline() const;    // base::never when nothing is to be sent by the clock
    base::TimePoint earliest_send() const;    // jitter allows no earlier one than this
    base::TimePoint last_received() const { return s_.last_received; }  // TimePoint{}: nothing heard yet
    State state() const { return s_.status.state; }
    const Status& status() const { return s_.status; }
    const Parameters& parameters() const { return s_.parameters; }
    const Snapshot& snapshot() const { return s_; }

private:
    void learn(const Packet& packet, base::TimePoint arrival, base::TimePoint now);
    void end_poll(base::TimePoint arrival);
    void start_poll();
    void drop_poll();
    void advertise_wishes(base::TimePoint now);
    void poll_for_demand(base::TimePoint now);
    void refresh_intervals();
    void forget_remote();
    void back_off(base::TimePoint now);
    Transition move(State to, Diagnostic why, base::TimePoint at);
    Packet compose() const;
    Packet send(base::TimePoint now);
    Output send_from(base::TimePoint allowed, base::TimePoint now);
    Packet send_final();

    bool is_up() const { return s_.status.state == State::up; }
    bool can_expire() const { return s_.status.state == State::init || is_up(); }
    bool may_transmit() const;
    bool demand_is_active() const;
    bool differs_from_told() const;
    Microseconds wanted_tx() const;
    base::TimePoint silence_deadline() const;
    base::TimePoint late_deadline() const;
    base::Duration jittered(Microseconds interval);

    Snapshot s_;
};

static_assert(std::is_trivially_copyable_v<Status>);
static_assert(std::is_trivially_copyable_v<Snapshot> && sizeof(Session) <= 256);  // thousands of them

}  // namespace bfd
