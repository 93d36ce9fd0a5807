#include "quality/meter.hpp"

#include <algorithm>
#include <utility>

namespace quality {

namespace {

using namespace std::chrono_literals;

constexpr auto tell_every = 1s;
constexpr auto ask_again_every = 60s;
constexpr std::uint32_t probes_to_find_out = 10;
constexpr auto patience_with_a_known_reflector = 10s;
// A peer that answers nothing is asked more slowly.
constexpr auto slow_interval = 1s;

Method first_method(Choice choice) { return choice == Choice::icmp ? Method::icmp : Method::stamp; }

}  // namespace

Meter::Meter(const Settings& settings, std::uint32_t seed, base::TimePoint now)
    : settings_{settings},
      method_{first_method(settings.method)},
      sender_{settings.interval, method_ == Method::stamp, settings.silence},
      next_probe_{now},
      told_at_{now},
      random_{seed} {
    results_.method = method_;
    if (settings.method == Choice::off)
        next_probe_ = base::never;
    else
        wait(now);
}

void Meter::change(const Settings& settings, base::TimePoint now) {
    const bool goes_on = settings.method == settings_.method && settings.interval == settings_.interval;
    if (!goes_on) *this = Meter{settings, random_, now};
    settings_.silence = settings.silence;
    sender_.set_silence(settings.silence);
}

void Meter::choose(Method method) {
    method_ = results_.method = method;
    sender_ = Sender{settings_.interval, method == Method::stamp, settings_.silence};
}

// A known reflector is not given up for what may yet be loss.
std::uint32_t Meter::patience() const {
    if (!sender_.answered()) return probes_to_find_out;
    return std::max(settings_.silence,
                    static_cast<std::uint32_t>(patience_with_a_known_reflector / settings_.interval));
}

// Another method or, whoever answers next may be another reflector, the same one anew; none: it stays.
std::optional<Method> Meter::better_method(base::TimePoint now) const {
    const bool silent = sender_.unanswered() >= patience();
    if (settings_.method != Choice::automatic)
        return silent && sender_.answered() ? std::optional{method_} : std::nullopt;
    if (method_ == Method::stamp && silent) return Method::icmp;
    if (method_ == Method::icmp && now >= ask_again_) return Method::stamp;
    return std::nullopt;
}

bool Meter::decide(base::TimePoint now, base::TimePoint seen_until, base::TimePoint gap_end) {
    if (sender_.decide(seen_until, gap_end, results_)) return true;
    if (const auto method = better_method(now)) {
        if (results_.answers > 0) return true;  // they were of the old one
        choose(*method);
        ask_again_ = *method == Method::icmp ? now + ask_again_every : base::never;
    }
    return now - told_at_ >= tell_every && results_.answers > 0;
}

Results Meter::take(base::TimePoint now) {
    told_at_ = now;
    return std::exchange(results_, Results{.method = method_});
}

// Probes of many paths must not march in step, nor with what they measure: 95–105 % of the interval.
void Meter::wait(base::TimePoint now) {
    random_ = random_ * 1'664'525U + 1'013'904'223U;
    const bool is_lost_on_them = !sender_.answered() && sender_.unanswered() >= probes_to_find_out;
    const auto interval =
        is_lost_on_them ? std::max<base::Duration>(settings_.interval, slow_interval) : settings_.interval;
    next_probe_ = now + interval * 95 / 100 + interval / 10 * (random_ >> 16) / 65'536;
}

Taken Meter::on_answer(Method method, const Answer& answer) {
    return method == method_ ? sender_.on_answer(answer) : Taken::stale;
}

}  // namespace quality
