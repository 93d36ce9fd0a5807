#include "policy/path.hpp"

#include <algorithm>

namespace policy {

void UpDelay::on_down(Cause cause) {
    failed_ = true;
    cause_ = cause;
    until_ = base::never;
}

void UpDelay::on_up(base::TimePoint now, base::Duration delay) {
    if (failed_ && delay > base::Duration{}) until_ = now + delay;
    failed_ = false;
}

bool UpDelay::on_deadline(base::TimePoint now) {
    if (now < until_) return false;
    const bool was = holds();
    until_ = base::never;
    return was;
}

void UpDelay::waive() { until_ = base::never; }

void Drain::begin(base::TimePoint now) {
    if (on_) return;
    on_ = true;
    returning_ = false;
    shut_at_ = now + notice;
}

void Drain::resume() {
    on_ = true;
    shut_at_ = base::never;
}

void Drain::end() {
    if (!on_) return;
    returning_ = is_shut();
    on_ = false;
    shut_at_ = base::never;
}

bool Drain::on_deadline(base::TimePoint now) {
    if (!on_ || now < shut_at_) return false;
    const bool fresh = shut_at_ != base::never;
    shut_at_ = base::never;
    return fresh;
}

void Path::on_up(base::TimePoint now, const Rules& rules) {
    up_since_ = now;
    up_delay.on_up(now, rules.up_delay);
}

void Path::on_down(base::TimePoint now, const Rules& rules, Cause cause) {
    on_leave();
    up_delay.on_down(cause);
    damping.on_down(now, rules.damping);
}

void Path::on_leave() {
    up_since_ = base::never;
    up_delay.waive();  // a new Up begins anew
    degraded_.on_down();
}

bool Path::on_quality(base::TimePoint now, const quality::Quality& quality, const Rules& rules) {
    quality_ = quality;
    told_at_ = now;
    if (quality.recent.answers > 0) answered_at_ = now;
    if (up_since_ == base::never) return false;
    const auto windows = windows_of(quality, now - up_since_);
    const bool limping = degraded_.on_quality(now, windows, rules.limits);
    const bool cost = cost_.on_quality(now, windows);
    return advertised_.on_quality(now, windows, cost_.total(0)) || cost || limping;
}

void Path::on_passage(std::optional<bool> limited) {
    if (limited) limited_before_ = false;
    limited_ = limited.value_or(limited_before_);
}

void Path::forget_quality() {
    limited_before_ = false;
    outdate();
    advertised_ = {};
}

void Path::outdate() {
    quality_.reset();
    answered_at_ = base::never;
    degraded_ = {};
    cost_ = {};
}

bool Path::on_deadline(base::TimePoint now) {
    bool changed = up_delay.on_deadline(now);
    changed |= damping.on_deadline(now);
    changed |= drain.on_deadline(now);
    changed |= outside.on_deadline(now);
    if (quality_ && now - told_at_ >= quality::lasting_window) {
        outdate();
        changed = true;
    }
    return changed;
}

base::TimePoint Path::deadline() const {
    const auto stale = quality_ ? told_at_ + quality::lasting_window : base::never;
    return std::min({up_delay.deadline(), damping.deadline(), drain.deadline(), outside.deadline(), stale});
}

Verdict Path::judge(const Verdict& assessed, const Rules& rules) const {
    auto out = assessed;
    out.base_cost = rules.cost;
    const bool dear = drain.is_on() || drain.is_returning();
    out.cost = dear ? cost_when_drained : rules.cost;
    using enum VerdictState;
    if (out.state != up && out.state != admin_down && out.state != unknown) return out;
    if (!dear) out.cost = cost_.total(rules.cost);
    if (out.state != up) {  // its session rests, and what is known of the path stands
        if (!dear && (limited_ || degraded_.cause())) out.cost += cost_when_limping;
        return out;
    }
    const auto limps = [&](Cause cause) {
        out.state = VerdictState::degraded;
        out.cause = cause;
        if (!dear) out.cost += cost_when_limping;
    };
    if (up_delay.holds()) {
        out.state = VerdictState::down;
        out.cause = up_delay.cause();
    } else if (drain.is_on()) {
        limps(Cause::drained);
    } else if (outside.takes_away()) {
        out.state = VerdictState::down;
        out.cause = Cause::external;
    } else if (damping.is_spared()) {
        limps(Cause::damped);
    } else if (damping.is_suppressed()) {
        out.state = VerdictState::down;
        out.cause = Cause::damped;
    } else if (outside.is_spared() || outside.says_degraded()) {
        limps(Cause::external);
    } else if (limited_) {
        limps(Cause::mtu);
    } else if (const auto cause = degraded_.cause()) {
        limps(*cause);
    }
    return out;
}

}  // namespace policy
