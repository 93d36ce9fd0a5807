// RFC 9468: sessions a peer starts and nobody configured, within bounds. Passive, from allowed prefixes alone, never
// more than a maximum an interface, gone 60 s after they were last Up.
#pragma once

#include <cstddef>
#include <map>

#include "base/time.hpp"
#include "bfd/request.hpp"
#include "config/config.hpp"
#include "control/adjacencies.hpp"
#include "control/host.hpp"
#include "control/memory.hpp"
#include "probe/event.hpp"

namespace control {

inline constexpr base::Duration unsolicited_lifetime = std::chrono::seconds{60};  // RFC 9468 §2: after Down

class Unsolicited {
public:
    // True when a session was granted.
    bool offer(base::TimePoint now, const probe::Unmatched& first, const config::Config& config, const Host& host,
               const Adjacencies& adjacencies);
    void on_state(base::TimePoint now, const bfd::SessionKey& key, bool up);
    bool expire(base::TimePoint now);
    // What configuration no longer allows, or whose interface went, ends.
    bool prune(const config::Config& config, const Host& host);
    base::TimePoint deadline() const;
    void recall(const UnsolicitedMemory& sessions);

    // Key and the moment it ends (never while Up).
    const std::map<bfd::SessionKey, base::TimePoint>& all() const { return sessions_; }

private:
    std::size_t count(base::IfIndex ifindex) const;
    std::map<bfd::SessionKey, base::TimePoint> sessions_;
};

}  // namespace control
