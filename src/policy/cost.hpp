// What a path costs: base + round trip + loss, quantised with hysteresis, so that noise never moves a route.
//  - Round trip: 1 for each 10 ms of the least one, 200 at most: what a queue adds comes and goes with the traffic that
//    the cost itself moves. It follows only what strays by more than a quarter and by more than 20 ms, at most once in
//    5 min.
//  - Loss, where the peer answers STAMP: 1 for each 0.1 %, 1,000 at most: 1 % weighs as much as 100 ms, which is what
//  it does to a TCP stream. It rises
//    when the loss is, beyond chance (e^-9 for a window of 5 min, e^-12 for one of 10 s), more than a third and more
//    than 0.3 % above what is counted; it falls when a full window of 5 min is plainly below half of that, at most once
//    in 5 min. Stationary loss moves it once in five hours.
//  - A path that is degraded, or damped and spared, costs 100 more: any path that is well comes first, unless it
//    is a second of round trip longer.
//  - A drained path costs 60,000: more than any other that works, less than OSPF's last resort.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.hpp"
#include "policy/verdict.hpp"
#include "policy/windows.hpp"

namespace policy {

inline constexpr std::uint32_t cost_when_limping = 100;
inline constexpr std::uint32_t cost_when_drained = 60'000;
inline constexpr std::uint32_t greatest_base_cost = 10'000;

// Usable, but only where nothing better is: also while its session rests (AdminDown, or a new one).
constexpr bool limps(const Verdict& verdict) {
    using enum VerdictState;
    return verdict.state == degraded || ((verdict.state == admin_down || verdict.state == unknown) &&
                                         verdict.cost >= verdict.base_cost + cost_when_limping);
}

class Cost {
public:
    bool on_quality(base::TimePoint now, const Windows& windows);  // true: a share changed

    std::uint32_t rtt_share() const { return rtt_.value_or(0); }
    std::uint32_t loss_share() const { return loss_; }
    std::uint32_t total(std::uint32_t base) const { return base + rtt_share() + loss_share(); }

    template <class Archive, class Self>
    static void fields(Archive& archive, Self& self) {
        archive(self.rtt_, self.loss_, self.rtt_changed_, self.loss_changed_);
    }

private:
    void judge_rtt(base::TimePoint now, const Windows& windows);
    void judge_loss(base::TimePoint now, const Windows& windows);

    std::optional<std::uint32_t> rtt_;  // none: not known yet
    std::uint32_t loss_ = 0;
    base::TimePoint rtt_changed_{}, loss_changed_{};
};

}  // namespace policy
