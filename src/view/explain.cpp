#include "view/explain.hpp"

#include <algorithm>
#include <iterator>
#include <tuple>

#include <fmt/format.h>

#include "policy/group.hpp"
#include "view/advice.hpp"
#include "view/sizes.hpp"
#include "view/text.hpp"
#include "view/tunnel.hpp"

namespace view {

namespace {

using policy::Cause;
using policy::VerdictState;
using Lines = std::vector<std::string>;

std::string percent(double share) { return fmt::format("{:.3g}%", share * 100); }

void add_verdict(const control::Row& row, Lines& out) {
    const auto& verdict = row.verdict;
    auto line =
        fmt::format("{} is {} since {}", printable(row.name), to_string(verdict.state), base::to_iso8601(row.since));
    if (verdict.cause) line += fmt::format(": {} ({})", advice(*verdict.cause).means, to_string(*verdict.cause));
    out.push_back(line + ".");
}

void add_liveness(const control::Row& row, Lines& out) {
    const auto& [parameters, status, judged_from] = *row.liveness;
    auto line = fmt::format("ICMP echo from {} to {} is {}", to_string(row.local), to_string(row.remote),
                            to_string(status.state));
    if (status.state == quality::EchoState::up)
        line += fmt::format(": asked every {}, Down after {} without an answer", span(parameters.interval),
                            span(parameters.interval * parameters.multiplier));
    else if (!status.ever_heard)
        line += "; the peer never answered";
    out.push_back(line + ".");
}

std::string way_of(const control::Row& row) {
    return fmt::format("BFD from {} to {}", to_string(row.local), to_string(row.remote));
}

void add_session(const control::Row& row, Lines& out) {
    if (row.unresolved) {
        out.push_back(fmt::format("No tunnel address of the peer is known ({}), so nothing is probed.",
                                  to_string(*row.unresolved)));
        return;
    }
    if (row.liveness) return add_liveness(row, out);
    if (!row.session) {
        out.push_back("There is no session with it: nothing is probed.");
        return;
    }
    const auto& status = row.session->status;
    if (status.state == bfd::State::up) {
        out.push_back(fmt::format("{} is Up: a packet every {} out and {} in, Down after {} of silence.", way_of(row),
                                  span(status.tx_interval), span(status.rx_interval), span(status.detection_time)));
        return;
    }
    auto line = fmt::format("{} is {}", way_of(row), to_string(status.state));
    if (!status.ever_heard)
        line += "; the peer was never heard";
    else
        line +=
            fmt::format(": ours has the diagnostic \"{}\"; the peer said {}, with \"{}\"", to_string(status.diagnostic),
                        to_string(status.remote_state), to_string(status.remote_diagnostic));
    out.push_back(line + ".");
}

void add_vouched(const control::Row& row, Lines& out) {
    if (!row.session || row.session->counters == nullptr) return;
    const auto vouched = row.session->counters->vouched.value();
    if (vouched == 0) return;
    out.push_back(
        fmt::format("Its packets were missing {} detection time{}, in which data of the peer came in: the "
                    "session stayed Up (trust_data).",
                    vouched, vouched == 1 ? "" : "s"));
}

std::string figures_text(const quality::Figures& figures) {
    auto out = fmt::format("{} of {} probes lost{}", percent(policy::loss_of(figures)), policy::probes_of(figures),
                           figures.loss.forward ? " on the way out" : "");
    if (figures.answers > 0)
        out += fmt::format(", round trip {} (median), jitter {}", span(figures.rtt_median),
                           span(policy::jitter_of(figures)));
    return out;
}

void add_figures(const policy::Path& path, const quality::Quality& quality, base::Now now, Lines& out) {
    if (path.answered_at() == base::never) {  // a restart of ours: what it was judged by before stands
        out.push_back("Nothing is measured of it yet.");
        return;
    }
    const auto* method = quality.method == quality::Method::stamp ? "STAMP" : "ICMP echo";
    const auto recent = std::min(quality.measured, quality::recent_window);
    const auto over = recent > base::Duration{} ? fmt::format("over the last {}", span(recent)) : "so far";
    if (quality.recent.probes > 0)
        out.push_back(fmt::format("Measured by {} {}: {}.", method, over, figures_text(quality.recent)));
    else
        out.push_back(
            fmt::format("Nothing has answered {} for more than {}.", method, span(now.steady - path.answered_at())));
    if (quality.measured > recent && quality.lasting.probes > 0)
        out.push_back(fmt::format("Over the last {}: {}.", span(quality.measured), figures_text(quality.lasting)));
}

void add_limits(const control::Row& row, const quality::Quality& quality, base::Now now, Lines& out) {
    const auto& limits = row.rules.limits;
    const auto& degraded = row.path->degraded();
    const bool loss_counts = policy::loss_counts(quality.method);
    auto line =
        fmt::format("Its limits are {}{} of round trip and {} of jitter",
                    loss_counts ? percent(limits.loss) + " of loss, " : "", span(limits.rtt), span(limits.jitter));
    if (degraded.cause())
        line += fmt::format(
            "; {} is over it since {}, {}; {}", to_string(*degraded.cause()), span(now.steady - degraded.since()),
            degraded.came_at_once() ? "by three times and at once" : "for a whole 5 min",
            loss_counts || degraded.cause() != Cause::quality_loss ? "it must be below half for 5 min"
                                                                   : "STAMP measured that, and it stands for 5 min");
    out.push_back(line + ".");
    if (!loss_counts) out.push_back("Lost echoes do not count: routers answer as many as they like.");
}

void add_quality(const control::Row& row, base::Now now, Lines& out) {
    if (row.path == nullptr) return;
    const auto& quality = row.path->quality();
    if (!quality) {
        out.push_back("Its quality is not measured.");
        return;
    }
    add_figures(*row.path, *quality, now, out);
    add_limits(row, *quality, now, out);
}

// What it does not have of them, it does not name: a path that is Down costs its base alone.
void add_cost(const control::Row& row, Lines& out) {
    if (row.path == nullptr) return;
    const auto& verdict = row.verdict;
    if (verdict.cost == policy::cost_when_drained) {
        out.push_back(fmt::format("It costs {}, more than any other: it {}.", verdict.cost,
                                  row.path->drain.is_returning() ? "comes back from a drain" : "is drained"));
        return;
    }
    auto line = fmt::format("It costs {}: {} at its best", verdict.cost, verdict.base_cost);
    auto rest = verdict.cost - std::min(verdict.cost, verdict.base_cost);
    const auto add = [&](std::uint32_t share, const char* why) {
        if (share == 0 || share > rest) return;
        line += fmt::format(", {} {}", share, why);
        rest -= share;
    };
    add(row.path->cost().rtt_share(), "for its round trip");
    add(row.path->cost().loss_share(), "for its loss");
    add(policy::cost_when_limping, verdict.state == VerdictState::degraded
                                       ? "because it is degraded"
                                       : "because it was degraded when its session was last Up");
    out.push_back(line + ".");
}

void add_held_back(const control::Row& row, base::Now now, Lines& out) {
    if (row.path == nullptr) return;
    const auto in = [&](base::TimePoint at) { return span(std::max(at - now.steady, base::Duration{})); };
    const auto& [up_delay, damping, drain] = std::tie(row.path->up_delay, row.path->damping, row.path->drain);
    if (up_delay.holds())
        out.push_back(fmt::format("Its session is Up, and counts when it has been for {} (up_delay): in {}.",
                                  span(row.rules.up_delay), in(up_delay.deadline())));
    if (damping.is_suppressed())
        out.push_back(fmt::format(
            "It went down too often: {:.0f} points, suppressed from {} until below {}; in {} it counts again.{}",
            damping.points(now.steady), row.rules.damping.suppress, row.rules.damping.reuse, in(damping.deadline()),
            damping.is_spared() ? " It is used nevertheless: no other path of its group was usable." : ""));
    if (drain.is_shut())
        out.push_back(fmt::format("An operator drained it; `wgbfd undrain {}` takes it back.", printable(row.name)));
    else if (drain.is_on())
        out.push_back(fmt::format("An operator drains it: in {} its session says AdminDown.", in(drain.deadline())));
    else if (drain.is_returning())
        out.push_back("It was drained, and is waited for.");
}

bool is_session_up(const control::Row& row) {
    if (row.liveness) return row.liveness->status.state == quality::EchoState::up;
    return row.session && row.session->status.state == bfd::State::up;
}

void add_outside(const control::Row& row, base::Now now, Lines& out) {
    if (row.path == nullptr || !row.path->outside.opinion()) return;
    const auto& opinion = *row.path->outside.opinion();
    auto line = fmt::format("A check outside says {} for another {}", to_string(opinion.state),
                            span(std::max(opinion.until - now.steady, base::Duration{})));
    if (!opinion.reason.empty()) line += fmt::format(": \"{}\"", printable(clean(opinion.reason)));
    line += ".";
    if (row.path->outside.is_spared())
        line += " The path is used nevertheless: no other path of its group was usable.";
    else if (!is_session_up(row))
        line += " It has no say while the session is not Up.";
    out.push_back(line);
}

// IPv4's; who is not strict drops nothing, and is not worth a line.
void add_far_end(const control::Row& row, Lines& out) {
    if (row.far_end == quality::ReversePath::strict)
        out.push_back(
            "rp_filter is strict at the far end (of its tunnel interface, for IPv4): what arrives there while the way "
            "back leads elsewhere is dropped. There: `sysctl -w net.ipv4.conf.INTERFACE.rp_filter=2`.");
}

void add_group(const control::Row& row, std::span<const control::Row> all, Lines& out) {
    if (row.group.empty()) return;
    std::string others;
    bool usable = false;
    for (const auto& other : all) {
        if (other.group != row.group || other.name == row.name) continue;
        usable |= policy::is_usable(other.verdict);
        others += fmt::format("{}{} is {} at cost {}", others.empty() ? "" : ", ", printable(other.name),
                              to_string(other.verdict.state), other.verdict.cost);
    }
    if (others.empty()) others = "nobody else";
    out.push_back(fmt::format("Its group {}: {}{}.", printable(row.group), others,
                              usable ? "" : "; no other path of it is usable"));
}

}  // namespace

std::vector<std::string> explain(const control::Row& row, std::span<const control::Row> all, base::Now now) {
    Lines out;
    add_verdict(row, out);
    std::ranges::move(interface_sentences(row), std::back_inserter(out));
    add_session(row, out);
    add_vouched(row, out);
    std::ranges::move(wireguard_sentences(row, now), std::back_inserter(out));
    add_held_back(row, now, out);
    add_outside(row, now, out);
    add_quality(row, now, out);
    std::ranges::move(size_sentences(row), std::back_inserter(out));
    add_far_end(row, out);
    add_cost(row, out);
    add_group(row, all, out);
    if (row.verdict.cause)
        if (const auto look_at = advice(*row.verdict.cause).look_at; !look_at.empty())
            out.push_back(fmt::format("Look at: {}.", look_at));
    return out;
}

}  // namespace view
