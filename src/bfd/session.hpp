// One RFC 5880 session in asynchronous mode (demand honoured when the peer asks for it), without socket or clock: told
// `now`, it answers with at most one packet and one transition, and says when it next wants waking. Echo is not spoken
// (Required Min Echo RX is 0); authentication has its own issue. Which datagram is for this session is probe's question.
#pragma once

#include <cstdint>
#include <optional>
#include <type_traits>

#include "base/time.hpp"
#include "bfd/packet.hpp"

namespace bfd {

inline constexpr base::Duration slow_interval = std::chrono::seconds{1};  // RFC 5880 §6.8.3: while not Up

struct Parameters {
    Microseconds desired_min_tx{50'000};   // 3.3 ms … 60 s
    Microseconds required_min_rx{50'000};  // 3.3 ms … 60 s
    std::uint8_t detect_mult = 3;          // 1 … 255
    bool passive = false;                  // RFC 5880 §6.1: silent until the peer is heard
    bool control_plane_independent = false;  // the C bit we send
    bool admin_down = false;               // hold the session in AdminDown
    // A peer never heard is probed ever more slowly: 1 s for a minute, then step by step to 10 s.
    bool back_off = false;
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
    Microseconds tx_interval{};  // negotiated, before jitter
    Microseconds rx_interval{};  // what the peer may take between two packets
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
};

// Everything a successor needs to go on with the same peer as if nothing had happened. Trivially copyable.
struct Snapshot {
    Parameters parameters;
    Status status;
    base::TimePoint last_received;
    base::TimePoint next_send;
    std::uint32_t jitter_state = 0;
    Microseconds polled_desired_min_tx{};   // in force (sent before the poll), RFC 5880 §6.8.3
    Microseconds polled_required_min_rx{};
    bool polling = false;
    bool poll_queued = false;
};

class Session {
public:
    Session(const Parameters& parameters, Discriminator local, std::uint32_t jitter_seed, base::TimePoint now);
    Session(const Snapshot& snapshot, base::TimePoint now);

    // `arrival` is the kernel's receive time, mapped to the steady clock: never in the future of the drain.
    Output on_packet(base::TimePoint arrival, const Packet& packet);
    // Judges expiry first, then sends what is due. Calling it early is harmless.
    Output on_deadline(base::TimePoint now);
    // New wishes: RFC 5880 §6.8.3 (Poll Sequence), §6.8.16 (AdminDown and back).
    Output change(const Parameters& parameters, base::TimePoint now);
    // One more remote interval before expiry is judged, once a detection time: our own lateness is no evidence. False
    // when it was used already or nothing is to expire.
    bool extend(base::TimePoint now);
    // A sign of life from elsewhere (a handshake): back to one packet a second for a peer not heard yet.
    void nudge(base::TimePoint now);

    base::TimePoint deadline() const;         // the earlier of the next send and the detection deadline
    base::TimePoint detect_deadline() const;  // base::never when nothing can expire
    State state() const { return status_.state; }
    const Status& status() const { return status_; }
    const Parameters& parameters() const { return parameters_; }
    Snapshot snapshot() const;

private:
    Parameters parameters_;
    Status status_;
    // The builder of this room completes the private part.
};

static_assert(std::is_trivially_copyable_v<Status>);
static_assert(std::is_trivially_copyable_v<Snapshot>);

}  // namespace bfd
