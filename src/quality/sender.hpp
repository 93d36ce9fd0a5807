// The sending half of one measurement: which probes are under way, which came back, what became of those that did not.
// Each is decided when it would be given up, in the order of sending, so that reordering is no loss; losses are told
// with the answer that follows them, but for a silence that the path's session sees: then the reflector went away, or
// the path did.
//
// Loss each way (RFC 8762 §4.3, stateful reflector): its number counts what reached it, so the numbers that no answer
// brought were lost on the way back, and the other unanswered probes on the way there. A stateless one copies our
// sequence number. The two look alike until something is lost on the way there; so the first answer ends a session of
// its own (RFC 8762 §4.2.1: "For each new session, its value starts at zero"), and a reflector that counts goes on
// counting while we begin anew.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/time.hpp"
#include "quality/results.hpp"
#include "quality/settings.hpp"

namespace quality {

// How long an answer may take.
base::Duration give_up_after(base::Duration interval);

enum class Numbering : std::uint8_t { unknown, stateless, stateful };

struct Answer {
    std::uint32_t sequence = 0;
    std::uint32_t cookie = 0;               // of the probe, as it came back
    base::TimePoint arrival{};              // T4
    base::Duration residence{};             // T3 - T2
    std::optional<std::uint32_t> number{};  // the reflector's own; none: ICMP
    base::Duration outward{};               // T2 - T1: by two clocks, so only its changes mean something
};

enum class Taken : std::uint8_t { fresh, duplicate, stale };  // stale: too late, or none of ours

class Sender {
public:
    static constexpr std::size_t capacity = 64;  // probes under way

    // The method's reflector numbers: begin with a session of one answer.
    explicit Sender(base::Duration interval, bool reflector_numbers, std::uint32_t silence = least_silence);

    void set_silence(std::uint32_t probes) { silence_ = probes; }

    std::uint32_t next_sequence() const { return next_; }
    // `cookie`: what an answer must bring back, so that who never saw the probe cannot answer it.
    void on_sent(base::TimePoint at, std::uint32_t cookie);
    Taken on_answer(const Answer& answer);

    // Everything that came until `seen_until` has been told. Probes sent before `gap_end` and still unanswered are not
    // the path's: this host was not there for them. Stops when `out` is full; true when more can be decided at once.
    bool decide(base::TimePoint seen_until, base::TimePoint gap_end, Results& out);
    base::Duration give_up() const { return give_up_; }
    Numbering numbering() const { return numbering_; }
    bool answered() const { return answered_; }           // at least once
    std::uint32_t unanswered() const { return silent_; }  // probes given up since the last answer

private:
    enum class State : std::uint8_t { free, under_way, answered };
    struct Place {
        Ticks outward = 0;  // wraps: only differences are used
        Ticks rtt = 0;
        std::uint32_t number = 0;
        std::uint32_t cookie = 0;
        std::uint32_t sent = 0;  // ticks since epoch_, wraps
        State state = State::free;
        std::uint8_t copies = 0;  // that the reflector counted and sent back too
    };

    Place& place(std::uint32_t sequence) { return ring_[sequence % capacity]; }
    const Place& place(std::uint32_t sequence) const { return ring_[sequence % capacity]; }
    base::TimePoint sent_at(const Place& place) const;
    void begin_anew();
    void forget_gap();
    void count_answer(const Place& answered, Results& out);
    void count_variation(const Place& answered, Results& out);
    void count_ways(const Place& answered, Results& out);
    std::uint32_t ahead_of(std::uint32_t number) const;

    std::array<Place, capacity> ring_{};
    base::Duration give_up_;
    base::TimePoint last_sent_{};
    base::TimePoint ways_from_{};
    std::uint32_t first_ = 0;  // not decided
    std::uint32_t next_ = 0;   // not sent
    bool greeting_;
    bool answered_ = false;
    Numbering numbering_ = Numbering::unknown;
    std::uint32_t silent_ = 0;
    // Given up, and the path's, since the last answer that was decided. So many in a row are not told: the reflector
    // was away, or the path was, which BFD sees; neither says how lossy the path is while it carries.
    std::uint32_t silence_;
    std::uint32_t lost_ = 0;
    bool told_ = false;  // an answer: who never answered has lost nothing
    struct {
        bool known = false;
        Ticks rtt = 0, outward = 0;
    } previous_;
    // Of the reflector's numbers. Counts run from the first answer, whose number is `base`.
    struct {
        bool any = false, known = false;
        std::uint32_t base = 0, highest = 0;               // of those decided
        std::uint32_t answered = 0;                        // distinct numbers that came back
        std::uint32_t unanswered = 0;                      // probes
        std::uint32_t sent = 0;                            // probes decided since the last one that was counted
        std::int64_t forward_lost = 0, backward_lost = 0;  // told so far
        std::uint32_t behind = 0;                          // answers in a row with a number below the highest
    } ways_;
};

}  // namespace quality
