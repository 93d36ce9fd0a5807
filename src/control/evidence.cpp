// What is known of an adjacency, gathered for the one function that makes a verdict of it; and what became of packets
// that could not be sent.
#include <cerrno>

#include "control/controller.hpp"

namespace control {
namespace {

// A session that is Down sends every 10 s at the least (back-off), and each packet fails anew.
constexpr base::Duration too_long_for = std::chrono::seconds{15};

// Nobody can prove a peer that the operator leaves alone.
bool asks_for_proof(const Tracked& tracked, const config::Config& config) {
    return tracked.probe(config).require_proof && (!tracked.configured || tracked.configured->probe);
}

// In-kernel WireGuard's answers to a packet that it has nowhere to send to.
std::optional<policy::Refusal> refusal_of(int error) {
    if (error == ENOKEY) return policy::Refusal::no_allowed_ips;
    if (error == EDESTADDRREQ) return policy::Refusal::no_endpoint;
    return std::nullopt;
}

}  // namespace

// An unsolicited session serves its asker alone: it never makes a verdict (RFC 9468 is the peer's wish, not ours).
bool Controller::speaks_for(const Tracked& tracked, const ManagedSession& session) const {
    if (is_icmp(tracked)) return false;  // a BFD session beside it is bfdd's alone
    return tracked.wants_probe() || session.askers.has(Asker::config) || session.askers.has(Asker::bfdd);
}

policy::Evidence Controller::evidence(const Tracked& tracked, base::TimePoint now) const {
    policy::Evidence out{.interface_present = tracked.interface_present,
                         .interface_up = tracked.interface_up,
                         .peer_present = tracked.peer_present,
                         .resolved = tracked.adjacency.addresses.has_value(),
                         .has_endpoint = tracked.peer && tracked.peer->endpoint,
                         .allowed = tracked.allowed(),
                         .refused = tracked.refusal(now),
                         .handshake_age = tracked.handshake_age(now),
                         .session = std::nullopt,
                         .settling = false,
                         .was_up = tracked.was_up,
                         .require_proof = asks_for_proof(tracked, config_),
                         .admin_down = false,
                         .drained = tracked.path.drain.is_shut(),
                         .too_long = pads_too_much(tracked, now),
                         .down_cause = tracked.down_cause};
    if (const auto* liveness = gauges_.liveness(tracked.adjacency.id); liveness != nullptr && is_icmp(tracked)) {
        out.session = status_of(*liveness);
        out.settling = liveness->is_settling(now);
        out.drained |= tracked.path.drain.is_returning() && out.settling;
    }
    if (tracked.key)
        if (const auto* session = sessions_.find(*tracked.key); session != nullptr && speaks_for(tracked, *session)) {
            out.session = session->status;
            out.settling = is_settling(*session, now);
            const bool coming = out.settling || session->status.state == bfd::State::admin_down;
            out.drained |= tracked.path.drain.is_returning() && coming;
        }
    return out;
}

// Its counters, and what it says of the peers that was known from the errors of sends alone. True: that is news.
bool Controller::on_counted(base::TimePoint begun, const adjacency::Device& device) {
    bool news = false;
    for (const auto& peer : device.peers) {
        auto* tracked = adjacencies_.find(device.interface, peer.key);
        if (tracked == nullptr) continue;
        tracked->traffic.on_look({begun, peer.rx_bytes, peer.tx_bytes});
        if (!tracked->refused || begun <= tracked->refused->at) continue;
        tracked->refused.reset();
        think_over(*tracked);
        news = true;
    }
    return news;
}

void Controller::on_send_failed(base::Now now, const probe::SendFailed& event) {
    const auto refusal = refusal_of(event.error);
    if (event.error != EMSGSIZE && !refusal) return;
    const auto* session = sessions_.find(event.id);
    auto* tracked = session != nullptr ? adjacencies_.find(session->key()) : nullptr;
    if (tracked == nullptr) return;
    if (refusal)
        tracked->refused = {*refusal, now.steady};
    else
        tracked->too_long_until = now.steady + too_long_for;
    think_over(*tracked);
}

// The same of ICMP's liveness, whose last echo was sent, or was not.
void Controller::on_echo_sent(base::Now now, Tracked& tracked, int error) {
    if (const auto refusal = refusal_of(error))
        tracked.refused = {*refusal, now.steady};
    else if (error == EMSGSIZE)
        tracked.too_long_until = now.steady + too_long_for;
    else if (error == 0)
        tracked.refused.reset();
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
