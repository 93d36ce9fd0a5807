// An adjacency with all that is known of it: its peer as last read, what its session says, what came of that over time.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "adjacency/adjacency.hpp"
#include "adjacency/peer.hpp"
#include "base/time.hpp"
#include "bfd/request.hpp"
#include "config/config.hpp"
#include "control/traffic.hpp"
#include "policy/evidence.hpp"
#include "policy/path.hpp"
#include "policy/verdict.hpp"

namespace control {

struct Refused {  // a packet of its session, by WireGuard
    policy::Refusal why;
    base::TimePoint at;
};

struct Tracked {
    adjacency::Adjacency adjacency;
    const config::Adjacency* configured =
        nullptr;                          // of the configuration that update() was last given; null: it is not
    std::optional<adjacency::Peer> peer;  // as last read; kept after it went
    bool interface_present = false;
    bool interface_up = true;  // not administratively down
    bool peer_present = false;
    std::uint64_t seen_in = 0;  // the last update that had its peer
    base::TimePoint gone_since = base::never;
    base::TimePoint handshake_seen = base::never;  // when latest_handshake took its present value
    std::optional<bfd::SessionKey> key;            // of its primary session
    bool was_up = false;
    std::optional<bfd::SessionKey> up_on;  // its session when it was last Up, maybe before our start
    std::optional<policy::Cause> down_cause;
    base::TimePoint too_long_until{};  // a packet of its session was longer than the interface takes
    std::optional<Refused> refused;    // the last one, until a later look at the device or a packet from the peer
    Traffic traffic;
    policy::Path path;         // what came of it over time
    policy::Verdict assessed;  // what its session says
    policy::Verdict verdict;   // settled
    bool due = false;          // its verdict is to be thought over
    bool live = false;
    bool counts_as_down = false;
    policy::Classes classes;  // that feeds were told
    base::WallTime since{};

    bool present() const { return interface_present && peer_present; }
    std::optional<base::Duration> handshake_age(base::TimePoint now) const;
    const config::Probe& probe(const config::Config& config) const;
    const config::Quality& quality(const config::Config& config) const;
    policy::Rules rules(const config::Config& config) const;
    std::string_view group() const { return configured ? std::string_view{configured->group} : std::string_view{}; }
    bool allowed() const;  // the peer's allowed-ips hold its tunnel address, as far as either is known
    std::optional<policy::Refusal> refusal(base::TimePoint now) const;
    bool wants_probe() const;
    bool wants_neighbors() const;  // its address is, or may come to be, a neighbour of the routing daemon's
};

}  // namespace control
