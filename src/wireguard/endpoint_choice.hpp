// Where one peer is to be reached, decided from what is seen of it. Pure: told `now`, it says what to do next.
//  - Not heard: the next candidate at once, keys kept, each for `patience`; then, with fresh keys, all of them in turn,
//    half a second each (a new handshake needs one round trip; WireGuard itself tries every 5 s). Fresh keys cost a
//    path that would have come back with the old ones up to one such turn, so nobody takes them within the first
//    second, nor sooner than 15 s after the peer was last heard. After ten minutes in vain: every 5 s.
//  - Heard (bytes or a handshake): a peer that WireGuard hears is left alone, and so is the endpoint it came from. One
//    that does not hear us (`one_way`) needs more proof: a handshake, or the session Up.
//  - Up elsewhere than at the preferred endpoint for fail_back: it is tried, without cutting what works (see trial). A
//    trial that fails is made again after twice the time, an hour at most. A peer that has moved by itself to where no
//    candidate is stays there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/ip_address.hpp"
#include "base/time.hpp"

namespace wireguard {

struct EndpointTimes {
    base::Duration fail_back = std::chrono::minutes{5};  // 0: never
    bool kick = true;
};

// A peer as last read, and what its session knows.
struct PeerView {
    base::TimePoint read_at{};  // when WireGuard was asked
    std::optional<base::Endpoint> endpoint;
    std::optional<base::WallTime> latest_handshake;
    std::uint64_t rx_bytes = 0;
    bool failed = false;  // its session is not Up though it should be
    bool up = false;
    bool one_way = false;
    bool ever_up = false;
    std::optional<base::Duration> rtt;
    friend bool operator==(const PeerView&, const PeerView&) = default;
};

struct EndpointAction {
    enum class Kind : std::uint8_t { keep, fresh, trial } kind = Kind::keep;  // keys kept; new ones; see trial
    base::Endpoint to;
    friend bool operator==(const EndpointAction&, const EndpointAction&) = default;
};

class EndpointChoice {
public:
    static constexpr base::Duration patience = std::chrono::milliseconds{1'250};  // the peer's slowest packet: 1 s
    static constexpr base::Duration turn = std::chrono::milliseconds{500};
    static constexpr base::Duration slow_turn = std::chrono::seconds{5};
    static constexpr base::Duration keys_kept_for = std::chrono::seconds{1};
    static constexpr base::Duration heard_counts_for = std::chrono::seconds{15};
    static constexpr base::Duration tires_after = std::chrono::minutes{10};
    static constexpr base::Duration longest_fail_back = std::chrono::hours{1};
    static constexpr base::Duration begins_after = std::chrono::seconds{5};  // with a peer that was never Up

    // In order of preference; what stands first is preferred, with `preferred` entries (one name's addresses).
    void on_candidates(std::vector<base::Endpoint> all, std::size_t preferred);
    void on_view(base::Now now, const PeerView& view, const EndpointTimes& times);
    void on_done(base::TimePoint now, bool did);  // what next() gave has been carried out; for a trial: it answered
    // What to do now, if anything; nothing more until on_done().
    std::optional<EndpointAction> next(base::TimePoint now, const EndpointTimes& times);
    base::TimePoint deadline() const { return busy_ ? base::never : due_; }
    bool is_failing() const { return failing_; }
    bool is_busy() const { return busy_.has_value(); }

private:
    void begin(base::Now now);
    void hear(base::TimePoint now);
    std::optional<EndpointAction> next_try(base::TimePoint now, const EndpointTimes& times);
    std::optional<EndpointAction> next_trial(base::TimePoint now, const EndpointTimes& times);
    bool keys_are_old(base::TimePoint now) const;
    void plan_trial(base::TimePoint now, const EndpointTimes& times);
    std::vector<base::Endpoint> ring() const;
    base::Duration turn_length(base::TimePoint now, std::size_t renewals) const;
    bool is_candidate(const base::Endpoint& endpoint) const;
    bool is_preferred(const base::Endpoint& endpoint) const;

    std::vector<base::Endpoint> candidates_;
    std::size_t preferred_ = 0;
    PeerView view_;
    bool known_ = false;
    bool failing_ = false;
    base::TimePoint failing_since_{};
    base::WallTime failing_since_wall_{};
    base::TimePoint handshake_at_ = base::never;  // when latest_handshake took its value; never: none was seen to
    std::optional<base::TimePoint> heard_at_;     // in this outage
    base::TimePoint counts_from_{};               // it failed then, or its counters began anew
    std::optional<std::uint64_t> rx_before_;      // asked for since then
    std::optional<base::Endpoint> last_good_;     // where it was last Up
    std::optional<base::Endpoint> began_at_;      // where it was when it failed
    std::optional<EndpointAction> busy_;
    std::size_t tries_ = 0;
    std::size_t at_ = 0;  // in the ring
    base::TimePoint due_ = base::never;
    base::TimePoint settled_since_{};
    base::Duration wait_{};  // until the next trial
};

}  // namespace wireguard
