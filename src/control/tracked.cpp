#include "control/tracked.hpp"

#include <algorithm>

namespace control {
namespace {

// A session that is Down sends every 10 s at the least (back-off), and each packet is refused anew.
constexpr base::Duration refused_for = std::chrono::seconds{15};

}  // namespace

std::optional<base::Duration> Tracked::handshake_age(base::TimePoint now) const {
    if (handshake_seen == base::never) return std::nullopt;
    return std::max(now - handshake_seen, base::Duration{0});
}

const config::Probe& Tracked::probe(const config::Config& config) const {
    return configured ? configured->timers : config.probe;
}

const config::Quality& Tracked::quality(const config::Config& config) const {
    return configured ? configured->quality : config.quality;
}

policy::Rules Tracked::rules(const config::Config& config) const {
    return {.cost = configured ? configured->cost : policy::Rules{}.cost,
            .up_delay = probe(config).up_delay,
            .limits = quality(config).degraded,
            .damping = config.damping};
}

bool Tracked::allowed() const {
    if (!peer || !adjacency.addresses) return true;
    return std::ranges::any_of(
        peer->allowed_ips, [this](const base::Prefix& prefix) { return prefix.contains(adjacency.addresses->remote); });
}

std::optional<policy::Refusal> Tracked::refusal(base::TimePoint now) const {
    return refused && now < refused->at + refused_for ? std::optional{refused->why} : std::nullopt;
}

bool Tracked::wants_probe() const {
    if (configured && !configured->probe) return false;
    return present() && peer && peer->endpoint && adjacency.addresses;
}

bool Tracked::wants_neighbors() const {
    if (!present() || (configured && (!configured->probe || configured->address))) return false;
    if (!adjacency.addresses) return true;
    const auto source = adjacency.addresses->source;  // "configured": by a line that is no longer there
    return source == adjacency::AddressSource::routing || source == adjacency::AddressSource::configured;
}

}  // namespace control
