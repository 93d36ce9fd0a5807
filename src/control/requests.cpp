#include "control/requests.hpp"

namespace control {

bfd::SessionRequest request_of(const config::Probe& probe) {
    return {.desired_min_tx = probe.interval, .required_min_rx = probe.interval, .detect_mult = probe.multiplier};
}

bfd::Merged effective(const Desired& desired) {
    std::vector<bfd::SessionRequest> requests;
    requests.reserve(desired.wishes.size() + 1);
    for (const auto& wish : desired.wishes) requests.push_back(wish.request);
    if (requests.empty()) requests.push_back(request_of(desired.fallback));
    auto merged = bfd::merge(requests);
    merged.parameters.back_off = desired.wireguard;
    merged.parameters.trust_data = desired.wireguard && desired.fallback.trust_data;
    merged.parameters.admin_down |= desired.drained;
    merged.padding = desired.padding;
    return merged;
}

}  // namespace control
