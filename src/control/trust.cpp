#include "control/trust.hpp"

#include <algorithm>
#include <iterator>

namespace control {
namespace {

// WireGuard's own messages and what its counters add to a packet (paper §5.4).
constexpr std::uint64_t handshake = 148 + 92;  // initiation and response
constexpr std::uint64_t keepalive = 32;
constexpr std::uint64_t padding = 16;
constexpr std::uint64_t wrapped(std::uint64_t packet) { return (packet + padding - 1) / padding * padding + keepalive; }

// Inner packets, the largest of their kind: IPv6, and BFD with the longest authentication (RFC 5880 §4.4).
constexpr std::uint64_t bfd_packet = wrapped(40 + 8 + 24 + 28);
constexpr std::uint64_t stamp_packet = wrapped(40 + 8 + 44);

// What a peer may ask of our reflector in a second is not ours to set; beyond this it gets no answer.
constexpr base::Duration fastest_request = std::chrono::milliseconds{5};

std::uint64_t packets(base::Duration span, base::Duration interval) {
    return interval <= base::Duration{0} ? 0 : static_cast<std::uint64_t>(span / interval) + 1;
}

}  // namespace

// Two sessions, one a family, jittered to three quarters of their interval; answers to our probes, and the peer's own
// requests; a probe of the path MTU each way; a handshake and a keepalive.
std::uint64_t accounted_for(base::Duration span, const Chatter& chatter) {
    const auto of_bfd = 2 * packets(span, base::Duration{chatter.bfd_interval} * 3 / 4) * bfd_packet;
    const auto answers = packets(span, chatter.quality_interval) * stamp_packet;
    const auto requests = packets(span, fastest_request) * stamp_packet;
    return of_bfd + answers + requests + 2 * wrapped(chatter.mtu) + handshake + keepalive;
}

void Trust::on_late(const probe::Late& late, Subject subject) {
    watches_[std::move(subject.interface)].insert_or_assign(
        subject.peer, Watch{.late = late, .detection_time = subject.detection_time, .chatter = subject.chatter});
}

bool Trust::on_look(base::TimePoint begun, base::TimePoint now, const adjacency::Device& device,
                    std::vector<probe::Command>& commands) {
    const auto found = watches_.find(device.interface);
    if (found == watches_.end()) return false;
    for (const auto& peer : device.peers) {
        const auto at = found->second.find(peer.key);
        if (at == found->second.end() || begun < at->second.late.at) continue;
        auto& watch = at->second;
        if (watch.counted_at == base::TimePoint{}) {
            watch.counted_at = begun;
            watch.rx_bytes = peer.rx_bytes;
            watch.next_look = watch.late.deadline - watch.detection_time / 8;
        } else if (peer.rx_bytes > watch.rx_bytes &&
                   peer.rx_bytes - watch.rx_bytes > accounted_for(now - watch.counted_at, watch.chatter)) {
            commands.emplace_back(probe::Extend{watch.late.id, watch.late.deadline});
            found->second.erase(at);
        }
    }
    if (found->second.empty()) watches_.erase(found);
    return true;
}

void Trust::on_deadline(base::TimePoint now, std::vector<std::string>& looks) {
    for (auto item = watches_.begin(); item != watches_.end();) {
        bool wanted = false;
        std::erase_if(item->second, [&](const auto& entry) { return entry.second.late.deadline <= now; });
        for (auto& [key, watch] : item->second) {
            if (watch.next_look > now) continue;
            wanted = true;
            watch.next_look = watch.late.deadline;
        }
        if (wanted) looks.push_back(item->first);
        item = item->second.empty() ? watches_.erase(item) : std::next(item);
    }
}

base::TimePoint Trust::deadline() const {
    auto earliest = base::never;
    for (const auto& [interface, watches] : watches_)
        for (const auto& [key, watch] : watches) earliest = std::min(earliest, watch.next_look);
    return earliest;
}

}  // namespace control
