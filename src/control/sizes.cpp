// Packets that are too long for what they are sent over.
#include <cerrno>

#include "control/controller.hpp"

namespace control {
namespace {

// A session that is Down sends every 10 s at the least (back-off), and each packet fails anew.
constexpr base::Duration too_long_for = std::chrono::seconds{15};

}  // namespace

void Controller::on_send_failed(base::Now now, const probe::SendFailed& event) {
    if (event.error != EMSGSIZE) return;
    const auto* session = sessions_.find(event.id);
    auto* tracked = session != nullptr ? adjacencies_.find(session->key()) : nullptr;
    if (tracked == nullptr) return;
    tracked->too_long_until = now.steady + too_long_for;
    think_over(*tracked);
}

// Longer than the interface takes, as the links say or as a send was refused, or than the path does.
bool Controller::pads_too_much(const Tracked& tracked, base::TimePoint now) const {
    const auto padding = tracked.probe(config_).padding;
    if (padding == 0) return false;
    const auto* link = host_.link(tracked.adjacency.interface);
    const auto passage = gauges_.passage(tracked.adjacency.id);
    if (passage.fit == quality::Fit::limited && passage.largest != 0 && padding > passage.largest) return true;
    return now < tracked.too_long_until || (link != nullptr && padding > link->mtu);
}

}  // namespace control
