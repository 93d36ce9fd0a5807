#include "wireguard/endpoint_choice.hpp"

#include <algorithm>
#include <utility>

#include "policy/evidence.hpp"

namespace wireguard {
namespace {

using namespace std::chrono_literals;
using Kind = EndpointAction::Kind;

// A round trip that nobody knows may be longer than a turn, and would never end: now and then a turn is long.
constexpr std::size_t every_so_many_turns = 10;
constexpr base::Duration long_turn = 3s;

bool contains(const std::vector<base::Endpoint>& all, const base::Endpoint& one) {
    return std::ranges::find(all, one) != all.end();
}

}  // namespace

void EndpointChoice::on_candidates(std::vector<base::Endpoint> all, std::size_t preferred) {
    if (all == candidates_ && preferred == preferred_) return;
    const auto present = at_ < ring().size() ? std::optional{ring()[at_]} : std::nullopt;
    candidates_ = std::move(all);
    preferred_ = preferred;
    const auto fresh = ring();
    const auto at = present ? std::ranges::find(fresh, *present) : fresh.end();
    at_ = static_cast<std::size_t>(at - fresh.begin());
    if (failing_ && due_ == base::never) due_ = base::TimePoint::min();
}

void EndpointChoice::on_view(base::Now now, const PeerView& view, const EndpointTimes& times) {
    const auto before = std::exchange(view_, view);
    const bool first = !std::exchange(known_, true);
    const bool handshake = view.latest_handshake && (first || view.latest_handshake != before.latest_handshake);
    if (handshake)
        handshake_at_ = first ? now.steady - std::max(now.wall - *view.latest_handshake, base::Duration{}) : now.steady;
    else if (!view.latest_handshake)
        handshake_at_ = base::never;
    if (!view.failed) {
        if (std::exchange(failing_, false) || first || view.up != before.up) {
            settled_since_ = now.steady;
            wait_ = times.fail_back;
            due_ = base::never;
        }
        if (view.up) last_good_ = view.endpoint;
        return plan_trial(now.steady, times);
    }
    if (!failing_) begin(now);
    if (handshake && *view.latest_handshake > failing_since_wall_) hear(now.steady);
    if (view.read_at <= counts_from_) return;  // it tells of what came before
    const bool grew = rx_before_ && view.rx_bytes > *rx_before_;
    rx_before_ = view.rx_bytes;
    if (grew && !view.one_way) hear(now.steady);
}

void EndpointChoice::begin(base::Now now) {
    failing_ = true;
    failing_since_ = counts_from_ = now.steady;
    failing_since_wall_ = now.wall;
    heard_at_.reset();
    rx_before_.reset();
    began_at_ = view_.endpoint;
    tries_ = 0;
    const auto all = ring();
    const auto at = view_.endpoint ? std::ranges::find(all, *view_.endpoint) : all.end();
    at_ = static_cast<std::size_t>(at - all.begin());
    due_ = now.steady + (view_.ever_up || !view_.endpoint ? base::Duration{} : begins_after);
}

// What WireGuard hears lives; its session may take some seconds to say so.
void EndpointChoice::hear(base::TimePoint now) {
    heard_at_ = now;
    due_ = now + heard_counts_for;
}

void EndpointChoice::on_done(base::TimePoint now, bool did) {
    const auto action = std::exchange(busy_, std::nullopt);
    if (!action) return;
    if (action->kind == Kind::fresh) {
        counts_from_ = now;
        rx_before_.reset();
    }
    if (action->kind != Kind::trial || did || failing_) return;
    wait_ = std::min(wait_ * 2, std::max(wait_, base::Duration{longest_fail_back}));
    due_ = now + wait_;
}

std::optional<EndpointAction> EndpointChoice::next(base::TimePoint now, const EndpointTimes& times) {
    if (busy_ || now < due_) return std::nullopt;
    busy_ = failing_ ? next_try(now, times) : next_trial(now, times);
    return busy_;
}

std::optional<EndpointAction> EndpointChoice::next_try(base::TimePoint now, const EndpointTimes& times) {
    if (!view_.ever_up && !keys_are_old(now)) {  // who speaks no BFD is no dead peer
        due_ = handshake_at_ + policy::handshake_lifetime;
        return std::nullopt;
    }
    const auto all = ring();
    due_ = base::never;
    if (all.empty()) return std::nullopt;
    const bool begins_elsewhere = at_ >= all.size();
    const auto others = begins_elsewhere ? all.size() : all.size() - 1;
    if (begins_elsewhere) at_ = all.size() - 1;  // so that the next one is the first
    const bool lost = times.kick && (keys_are_old(now) || !view_.endpoint);
    const auto step = [&] { at_ = (at_ + 1) % all.size(); };
    if ((tries_ < others && !lost) || !times.kick) {
        if (others == 0) return std::nullopt;
        step();
        ++tries_;
        due_ = now + patience;
        return EndpointAction{Kind::keep, all[at_]};
    }
    if (!lost && now < failing_since_ + keys_kept_for) {
        due_ = failing_since_ + keys_kept_for;
        return std::nullopt;
    }
    const auto renewals = tries_ - std::min(tries_, others);
    if (renewals > 0 || begins_elsewhere) step();
    tries_ = std::max(tries_, others) + 1;
    due_ = now + turn_length(now, renewals);
    return EndpointAction{Kind::fresh, all[at_]};
}

base::Duration EndpointChoice::turn_length(base::TimePoint now, std::size_t renewals) const {
    if (now - failing_since_ >= tires_after) return slow_turn;
    if (!view_.rtt && renewals % every_so_many_turns == every_so_many_turns - 1) return long_turn;
    const auto round_trips = view_.rtt.value_or(base::Duration{}) * 2 + 200ms;
    return std::min<base::Duration>(std::max<base::Duration>(turn, round_trips), slow_turn);
}

bool EndpointChoice::keys_are_old(base::TimePoint now) const {
    return handshake_at_ == base::never || now - handshake_at_ >= policy::handshake_lifetime;
}

void EndpointChoice::plan_trial(base::TimePoint now, const EndpointTimes& times) {
    const bool elsewhere =
        view_.up && view_.endpoint && is_candidate(*view_.endpoint) && !is_preferred(*view_.endpoint);
    if (!elsewhere || preferred_ == 0 || times.fail_back == base::Duration{})
        due_ = base::never;
    else if (due_ == base::never && !busy_)
        due_ = std::max(now, settled_since_ + wait_);
}

std::optional<EndpointAction> EndpointChoice::next_trial(base::TimePoint now, const EndpointTimes& times) {
    plan_trial(now, times);
    if (now < due_) return std::nullopt;
    due_ = base::never;
    return EndpointAction{Kind::trial, candidates_.front()};
}

std::vector<base::Endpoint> EndpointChoice::ring() const {
    auto all = candidates_;
    if (all.empty()) return all;  // nothing to compare with: left as it is
    for (const auto& more : {last_good_, began_at_})
        if (more && !contains(all, *more)) all.push_back(*more);
    return all;
}

bool EndpointChoice::is_candidate(const base::Endpoint& endpoint) const { return contains(candidates_, endpoint); }

bool EndpointChoice::is_preferred(const base::Endpoint& endpoint) const {
    const auto end = candidates_.begin() + static_cast<std::ptrdiff_t>(std::min(preferred_, candidates_.size()));
    return std::find(candidates_.begin(), end, endpoint) != end;
}

}  // namespace wireguard
