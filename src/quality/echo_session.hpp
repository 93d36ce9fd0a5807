// Liveness by ICMP echo, for peers that speak no BFD: a session of the same shape as bfd::Session, without socket or
// clock. Up after three answers in a row; Down when none came for interval × multiplier although so many echoes have
// gone out meanwhile. It asks at its interval while Up, or about to be, and else once a second; a peer that never
// answered ever more slowly. Only our end knows of it: the peer's kernel answers whoever asks.
//
// Our own lateness is no evidence: who could not ask cannot wonder that nobody answered. After an echo that goes out
// late by more than half the detection time, and after answers were lost on this host, silence counts from there, once
// until an answer comes.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/time.hpp"

namespace quality {

enum class EchoState : std::uint8_t { admin_down, down, up };
constexpr std::string_view to_string(EchoState s) {
    switch (s) {
        using enum EchoState;
        case admin_down: return "AdminDown";
        case down: return "Down";
        case up: return "Up";
    }
    return "?";
}

struct EchoParameters {
    base::Duration interval = std::chrono::milliseconds{50};
    std::uint8_t multiplier = 3;
    std::uint16_t padding = 0;  // bytes of the IP packet; 0: as short as it is
    bool admin_down = false;    // ask nobody
    friend bool operator==(const EchoParameters&, const EchoParameters&) = default;
};

struct EchoStatus {
    EchoState state = EchoState::down;
    bool ever_heard = false;
    bool ever_up = false;
    base::TimePoint changed{};  // arrival of the deciding answer, or the moment of judgement
    friend bool operator==(const EchoStatus&, const EchoStatus&) = default;
};

class EchoSession {
public:
    static constexpr std::uint32_t first_sequence = 0xc000'0000;
    static constexpr bool owns(std::uint32_t sequence) { return (sequence >> 30) == 3; }
    static constexpr int answers_to_rise = 3;

    EchoSession(const EchoParameters& parameters, std::uint32_t seed, base::TimePoint now);

    void change(const EchoParameters& parameters, base::TimePoint now);
    // A sign of life from elsewhere (a handshake): back to one echo a second for a peer that never answered.
    void nudge(base::TimePoint now);

    base::TimePoint deadline() const;
    base::TimePoint silence_deadline() const;  // never: nothing can expire
    // Judges silence first, then the number of the echo to send now. As for Sender::decide(): what came until
    // `seen_until` has been told, and before `gap_end` this host was not there.
    std::optional<std::uint32_t> on_deadline(base::TimePoint now, base::TimePoint seen_until, base::TimePoint gap_end);
    void on_sent(base::TimePoint now, bool for_want_of_room);
    bool on_answer(std::uint32_t sequence, std::uint32_t cookie,
                   base::TimePoint arrival);  // true: it was ours, and new
    std::uint32_t cookie(std::uint32_t sequence, base::TimePoint sent) const;

    const EchoStatus& status() const { return status_; }
    const EchoParameters& parameters() const { return parameters_; }
    base::Duration detection_time() const { return parameters_.interval * parameters_.multiplier; }

private:
    void move(EchoState to, base::TimePoint at);
    void forgive(base::TimePoint now);
    base::Duration wanted_interval(base::TimePoint now) const;
    base::Duration jittered(base::Duration interval);

    EchoParameters parameters_;
    EchoStatus status_;
    std::uint32_t random_;
    std::uint32_t secret_;
    std::uint32_t next_ = first_sequence;
    std::uint32_t answered_ = first_sequence - 1;  // the highest
    std::uint32_t asked_ = 0;                      // echoes since the last answer
    std::uint8_t answers_ = 0;                     // in a row, while Down
    bool forgiven_ = false;                        // since the last answer
    base::TimePoint last_answer_{};                // its arrival; TimePoint{}: none yet
    base::TimePoint judged_from_{};
    base::TimePoint quiet_since_;  // creation, nudge
    base::TimePoint send_at_;
    base::TimePoint look_at_{};  // silence is judged no earlier
    base::Duration round_trip_{};
};

}  // namespace quality
