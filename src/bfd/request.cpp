#include "bfd/request.hpp"

#include <algorithm>
#include <cassert>
#include <tuple>

namespace bfd {
namespace {

// Least first. Ties are broken by value, never by position: the same wishes give the same session in any order.
auto rank(const SessionRequest& wish) {
    const auto interval = std::max(wish.desired_min_tx, wish.required_min_rx);
    return std::tuple{std::uint64_t{interval.count()} * wish.detect_mult, interval, wish.desired_min_tx,
                      wish.required_min_rx};
}

}  // namespace

Merged merge(std::span<const SessionRequest> wishes) {
    assert(!wishes.empty());
    const auto& winner = *std::ranges::min_element(wishes, std::ranges::less{}, rank);
    Merged merged;
    merged.parameters.desired_min_tx = winner.desired_min_tx;
    merged.parameters.required_min_rx = winner.required_min_rx;
    merged.parameters.detect_mult = winner.detect_mult;
    merged.parameters.passive = std::ranges::all_of(wishes, &SessionRequest::passive);
    merged.parameters.control_plane_independent =
        std::ranges::any_of(wishes, &SessionRequest::control_plane_independent);
    merged.parameters.admin_down = std::ranges::any_of(wishes, &SessionRequest::shutdown);
    merged.minimum_ttl = std::ranges::min(wishes, {}, &SessionRequest::minimum_ttl).minimum_ttl;
    return merged;
}

}  // namespace bfd
