// A worker that goes on where another one left off: what that one knew, until the host is known again, and how what
// this one knows is kept for the next.
#include <algorithm>
#include <utility>

#include "control/controller.hpp"

namespace control {
namespace {

// A WireGuard device that does not answer is waited for no longer.
constexpr base::Duration host_known_within = std::chrono::seconds{2};

}  // namespace

void Controller::keep_in(probe::Store& store) {
    keeping_.open(store);
    sessions_.keep_in(store);
}

// Sessions go on at once; they are somebody's when the host is known.
void Controller::recall(base::Now now, Memory memory) {
    taken_at_ = now.steady;  // what passed between the two of us is no evidence of our lateness
    sessions_.recall(now.steady, memory.sessions, turn_.commands);
    lids_.recall(now.steady, memory.lids);
    unsolicited_.recall(memory.unsolicited);
    neighbors_ = memory.neighbors;
    keeping_.put(neighbors_);
    static_cast<void>(adjacencies_.learn(std::move(memory.neighbors)));
    recall_.emplace(Recall{.until = now.steady + host_known_within, .interfaces = {}, .host = {}});
    for (const auto& adjacency : memory.adjacencies)
        if (adjacency.present) recall_->interfaces.insert(adjacency.interface);
    for (const auto& adjacency : memory.adjacencies) keeping_.put(adjacencies_.recall(now, adjacency), adjacency);
    keeping_.follow(adjacencies_, lids_, unsolicited_);
}

// Links are told before their devices: a tunnel that only was not looked at yet is not gone.
bool Controller::is_awaited(base::Now now, const Host& host) const {
    if (!recall_ || now.steady >= recall_->until) return false;
    return host.links.empty() || std::ranges::any_of(recall_->interfaces, [&](const std::string& name) {
               const auto* link = host.link(name);
               return link != nullptr && host.device(*link) == nullptr;
           });
}

void Controller::end_recall(base::Now now) {
    if (!recall_) return;
    recall_.reset();
    end_settling(now.steady);
}

// Until the host is known, what the predecessor wrote is better than what we could.
bool Controller::keep_some() { return !recall_ && keeping_.go_on(adjacencies_, sessions_); }

void Controller::keep_all() {
    while (keep_some()) continue;  // the rest of a round that may be under way
    while (keep_some()) continue;
    sessions_.keep_slots();
}

}  // namespace control
