#include "policy/damping.hpp"

#include <algorithm>
#include <cmath>

namespace policy {

double Damping::points(base::TimePoint now) const {
    const auto age = std::max(now - at_, base::Duration{});
    return points_ * std::exp2(-static_cast<double>(age.count()) / static_cast<double>(half_life_.count()));
}

void Damping::on_down(base::TimePoint now, const DampingRules& rules) {
    on_deadline(now);
    points_ = points(now) + penalty;
    at_ = now;
    half_life_ = rules.half_life;
    reuse_ = rules.reuse;
    if (rules.max <= base::Duration{}) return;
    if (!suppressed_ && points_ < rules.suppress) return;
    if (!suppressed_) suppressed_since_ = now;
    suppressed_ = true;
    const auto latest = suppressed_since_ + rules.max;
    const auto halves = std::log2(points_ / reuse_);
    const auto wait = halves * static_cast<double>(half_life_.count());
    const auto room = static_cast<double>((latest - now).count());
    release_at_ = wait < room ? now + base::Duration{static_cast<base::Duration::rep>(std::max(wait, 0.0))} : latest;
}

bool Damping::on_deadline(base::TimePoint now) {
    if (!suppressed_ || now < release_at_) return false;
    points_ = std::min(points(now), reuse_);
    at_ = now;
    suppressed_ = spared_ = false;
    release_at_ = base::never;
    return true;
}

}  // namespace policy
