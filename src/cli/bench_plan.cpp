#include "cli/bench_plan.hpp"

#include <algorithm>
#include <ratio>

#include <fmt/format.h>

namespace cli {

namespace {

// A thread that has no time left cannot make up for anything.
constexpr double full = 0.95;
// Of the packets that are due: fewer went out when this host gave the threads no time.
constexpr double enough = 0.95;

// RFC 5880 §6.8.7: jitter takes 0 to 25 % off each interval, 12.5 % on average.
double due(const Step& step) {
    return 2 * static_cast<double>(step.sessions) * step.seconds /
           (std::chrono::duration<double>{step.interval} * 0.875);
}

// One packet of each session may fall outside the window.
double sent_share(const Step& step) {
    return static_cast<double>(step.sends + 2 * step.sessions) / std::max(1.0, due(step));
}

double microseconds_per_packet(const Step& step) {
    return std::chrono::duration<double, std::micro>{step.cpu}.count() /
           static_cast<double>(std::max<std::uint64_t>(1, step.packets));
}

}  // namespace

std::optional<std::string> objection(const Step& step) {
    if (step.up < 2 * step.sessions) return fmt::format("{} of {} came up at both ends", step.up / 2, step.sessions);
    if (step.downs > 0) return fmt::format("{} false Downs", step.downs);
    if (step.lost > 0) return fmt::format("{} packets found no room", step.lost);
    if (step.busiest > full) return "a processor is full";
    if (sent_share(step) < enough) return fmt::format("only {:.0f} % of the packets went out", sent_share(step) * 100);
    return std::nullopt;
}

void Climb::tell(std::size_t sessions, bool held) {
    if (held)
        held_ = std::max(held_, sessions);
    else
        failed_ = std::min(failed_.value_or(sessions), sessions);
    if (!failed_) {
        next_ = std::min(held_ * 2, most_);
        if (held_ == most_) next_.reset();
        return;
    }
    const auto middle = held_ + (*failed_ - held_) / 2;
    next_ = middle;
    if (*failed_ - held_ <= std::max<std::size_t>(1, held_ / 10) || middle == held_) next_.reset();
}

std::string heading() { return "  sessions  packets/s  CPU µs/packet  busiest thread  false Downs"; }

std::string line(const Step& step) {
    const auto why = objection(step);
    return fmt::format("{:>10}  {:>9.0f}  {:>13.1f}  {:>12.0f} %  {:>11}{}", step.sessions,
                       static_cast<double>(step.packets) / std::max(step.seconds.count(), 1e-9),
                       microseconds_per_packet(step), step.busiest * 100, step.downs, why ? "  " + *why : "");
}

std::string interval_text(std::chrono::microseconds interval) {
    return fmt::format("{:g} ms", std::chrono::duration<double, std::milli>{interval}.count());
}

}  // namespace cli
