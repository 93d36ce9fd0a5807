#include "control/requests.hpp"

#include <span>

namespace control {

bfd::SessionRequest request_of(const config::Probe& probe) {
    return {.desired_min_tx = probe.interval, .required_min_rx = probe.interval, .detect_mult = probe.multiplier};
}

bfd::Merged effective(const Desired& desired) {
    const auto fallback = request_of(desired.fallback);
    auto merged = bfd::merge(desired.wishes.empty() ? std::span{&fallback, 1} : std::span{desired.wishes});
    merged.parameters.back_off = desired.wireguard;
    merged.parameters.trust_data = desired.wireguard && desired.fallback.trust_data;
    merged.parameters.admin_down |= desired.drained;
    merged.padding = desired.padding;
    return merged;
}

}  // namespace control
