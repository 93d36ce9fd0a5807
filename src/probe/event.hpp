// What the probe thread tells the control thread. Trivially copyable, at most 128 bytes. When the ring is full: Sample,
// Late, Stall and Unmatched are dropped and counted; Removed, GaugeRemoved and SendFailed wait in their slot; Changed
// and PathChanged are re-sent as the latest, so a final state is never lost.
#pragma once

#include <cstdint>
#include <optional>
#include <type_traits>
#include <variant>

#include "base/time.hpp"
#include "bfd/session.hpp"
#include "probe/command.hpp"
#include "probe/gauge.hpp"
#include "probe/slot.hpp"

namespace probe {

struct Changed {
    SessionId id;
    base::TimePoint at;             // of the last transition or change
    base::TimePoint last_received;  // arrival of the last packet of this session; TimePoint{} when none
    bfd::Status status;
};
struct Late {  // with trust_data: two thirds of the detection time have passed in silence
    SessionId id;
    base::TimePoint at;
    base::TimePoint deadline;  // Down then, unless Extend comes
};
struct Unmatched {  // an acceptable first packet (Your Discriminator 0) no session waits for: RFC 9468 may want it
    base::IfIndex ifindex;
    base::IpAddress local;
    base::IpAddress remote;
    bool multihop = false;
    friend bool operator==(const Unmatched&, const Unmatched&) = default;
};
struct SendFailed {  // at most one a second and session
    SessionId id;
    std::int32_t error = 0;  // errno
};
struct Removed {
    Slot* slot = nullptr;
};
struct Stall {  // this thread woke late, and sessions on more than one interface had expired meanwhile
    base::TimePoint at;
    base::Duration late_by{};
    std::uint32_t sessions = 0;
};
struct Sample {  // what became of about a second's probes
    GaugeId id;
    base::TimePoint at;
    quality::Results results;
};
struct ListenFailed {  // the probe thread could not take this socket, and has closed it
    Listen listen;
    std::int32_t error = 0;  // errno
};
struct PathChanged {  // what stands of a path, beside how good it is; re-sent as the latest
    GaugeId id;
    quality::Passage passage;
    quality::ReversePath far_end;
    std::optional<quality::EchoStatus> liveness;
    std::int32_t send_errno = 0;  // of the last echo of liveness; 0: it was sent
};
struct GaugeRemoved {
    Gauge* gauge = nullptr;
};

using Event =
    std::variant<Changed, Late, Unmatched, SendFailed, Removed, Stall, Sample, PathChanged, GaugeRemoved, ListenFailed>;
static_assert(std::is_trivially_copyable_v<Event> && sizeof(Event) <= 128);

}  // namespace probe
