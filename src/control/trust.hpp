// trust_data, a departure from RFC 5880 §6.8.4: when a peer's packets are overdue, its WireGuard device is looked at
// twice before the detection deadline. Where more bytes came in between than everything but data accounts for, the
// tunnel carries and the packets were lost among the data: one more detection time. No answer in time: Down.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "adjacency/peer.hpp"
#include "base/time.hpp"
#include "bfd/packet.hpp"
#include "probe/command.hpp"
#include "probe/event.hpp"

namespace control {

// What comes in from a peer that sends no data.
struct Chatter {
    bfd::Microseconds bfd_interval{};   // between two of its BFD packets
    base::Duration quality_interval{};  // between two of our own probes
    std::uint32_t mtu = 0;              // of the interface
};
// The most bytes, as WireGuard counts them, that may come in within `span` without any data.
std::uint64_t accounted_for(base::Duration span, const Chatter& chatter);

class Trust {
public:
    struct Subject {  // whose packet is late
        std::string interface;
        adjacency::PublicKey peer;
        base::Duration detection_time{};
        Chatter chatter;
    };
    void on_late(const probe::Late& late, Subject subject);
    // `begun`: when that look began. Once enough has come in its command is appended. True when anybody waited for it.
    bool on_look(base::TimePoint begun, base::TimePoint now, const adjacency::Device& device,
                 std::vector<probe::Command>& commands);
    // Interfaces whose device is to be looked at now are appended; a subject that nobody vouched for in time is let go.
    void on_deadline(base::TimePoint now, std::vector<std::string>& looks);
    base::TimePoint deadline() const;

private:
    struct Watch {
        probe::Late late;
        base::Duration detection_time{};
        Chatter chatter;
        base::TimePoint counted_at{};  // when the look began that `rx_bytes` is of; TimePoint{}: none yet
        std::uint64_t rx_bytes = 0;
        base::TimePoint next_look{};
    };
    // By peer, for a device may have thousands; one session of each is trusted.
    std::map<std::string, std::map<adjacency::PublicKey, Watch>> watches_;
};

}  // namespace control
