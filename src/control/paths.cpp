// What the probe thread says of a path beside how good it is: the largest packet that passes, what the far end says of
// its reverse path filter, and, where liveness is ICMP's, whether the peer is there; and what its peer is told of ours.
#include <utility>

#include "control/controller.hpp"

namespace control {
namespace {

// "1420", "1216"; "limited" while nobody knows to what.
std::string text_of(const quality::Passage& passage) {
    using enum quality::Fit;
    switch (passage.fit) {
        case unknown: return "";
        case whole: return std::to_string(passage.asked);
        case limited: return passage.largest != 0 ? std::to_string(passage.largest) : "limited";
    }
    return "";
}

}  // namespace

void Controller::on_path_changed(base::Now now, const probe::PathChanged& event) {
    const auto before = gauges_.passage_of(event.id);
    const auto change = gauges_.on_changed(now.steady, event);
    auto* tracked = change ? adjacencies_.find(change->id) : nullptr;
    if (tracked == nullptr) return;
    if (is_icmp(*tracked)) on_echo_sent(now, *tracked, event.send_errno);
    think_over(*tracked);
    if (const auto after = gauges_.passage(change->id); after != before) {
        const bool is_news = before.fit != quality::Fit::unknown || after.fit == quality::Fit::limited;
        if (is_news) record(now, tracked->adjacency.name, "path-mtu", text_of(before), text_of(after), "");
    }
    on_far_end(now, *tracked, change->far_end_before);
    if (change->before) on_liveness(now, *tracked, *change->before);
    adjust_gauge(now, *tracked);
}

// Whether it is strict is what a feed looks at; who knows nothing is taken as one that is not.
void Controller::on_far_end(base::Now now, const Tracked& tracked, quality::ReversePath before) {
    using quality::ReversePath;
    const auto after = gauges_.far_end(tracked.adjacency.id);
    if ((before == ReversePath::strict) == (after == ReversePath::strict)) return;
    feeds_due_ = true;
    record(now, tracked.adjacency.name, "far-end-rp-filter", std::string{to_string(before)},
           std::string{to_string(after)}, "");
}

void Controller::on_reverse_paths(ReversePaths reverse_paths) {
    gauges_dirty_ |= reverse_paths != reverse_paths_;
    reverse_paths_ = std::move(reverse_paths);
}

quality::ReversePath Controller::reverse_path_of(const Tracked& tracked) const {
    const auto found = reverse_paths_.find(tracked.adjacency.interface);
    return found == reverse_paths_.end() ? quality::ReversePath::unknown : found->second;
}

void Controller::on_liveness(base::Now now, Tracked& tracked, quality::EchoState before) {
    const auto state = gauges_.liveness(tracked.adjacency.id)->status.state;
    if (state == before || !tracked.key) return;
    record(now, tracked.adjacency.name, "session", std::string{to_string(before)}, std::string{to_string(state)}, "",
           "protocol=icmp");
    turn_.records.back().logged = false;
    if (state == quality::EchoState::up)
        came_up(now, tracked, *tracked.key);
    else if (before == quality::EchoState::up && state == quality::EchoState::down)
        went_down(now, tracked, policy::Cause::detect_timeout);
}

// In BFD's words, which assess() understands.
bfd::Status Controller::status_of(const Liveness& liveness) {
    const auto& [parameters, echo, judged_from] = liveness;
    bfd::Status out;
    switch (echo.state) {
        case quality::EchoState::admin_down: out.state = bfd::State::admin_down; break;
        case quality::EchoState::down: out.state = bfd::State::down; break;
        case quality::EchoState::up: out.state = out.remote_state = bfd::State::up; break;
    }
    if (echo.ever_up && out.state == bfd::State::down) out.diagnostic = bfd::Diagnostic::control_detection_time_expired;
    out.ever_heard = echo.ever_heard;
    out.ever_up = echo.ever_up;
    out.detection_time = parameters.interval * parameters.multiplier;
    return out;
}

bool Controller::is_icmp(const Tracked& tracked) const {
    return tracked.probe(config_).protocol == config::Protocol::icmp;
}

}  // namespace control
