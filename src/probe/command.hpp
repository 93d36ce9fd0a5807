// What the control thread tells the probe thread. Trivially copyable, at most 128 bytes.
#pragma once

#include <type_traits>
#include <variant>

#include "bfd/session.hpp"
#include "probe/gauge.hpp"
#include "probe/slot.hpp"

namespace probe {

struct Add {  // the slot travels down here and comes back in Removed
    Slot* slot = nullptr;
};
struct Change {
    SessionId id;
    bfd::Parameters parameters;
    std::uint8_t minimum_ttl = 255;
    std::uint16_t padding = 0;
};
struct Nudge {  // a new handshake was seen: back to one packet a second for a peer not heard yet
    SessionId id;
};
struct Extend {  // the device's counters say that the peer's data comes in: one more detection time
    SessionId id;
    base::TimePoint deadline;  // that Late told; when it has moved meanwhile, there is nothing to extend
};
struct Remove {
    SessionId id;
};
// What a socket is for. BFD's are read first, always.
enum class Use : std::uint8_t {
    bfd,
    stamp_requests,  // UDP 862: the peers' requests, and our answers
    stamp_answers,   // our own probes, and their answers
    echo_answers,    // raw ICMP, likewise
};
struct Listen {  // a bound receive socket, owned by the probe thread from now on (bind = "addresses", or at start)
    int fd = -1;
    Use use = Use::bfd;
    base::Family family = base::Family::none;  // of those that are not BFD's
    bool multihop = false;
    base::IpAddress local{};  // unset: wildcard
    base::IfIndex ifindex{};  // of a link-local address
    base::IfIndex vrf{};      // 0: the default one
};
struct Unlisten {  // closes it; unset: the wildcard sockets of both families
    Use use = Use::bfd;
    bool multihop = false;
    base::IpAddress local{};
    base::IfIndex ifindex{};
    base::IfIndex vrf{};
};
struct AddGauge {  // travels like a slot, and comes back in GaugeRemoved
    Gauge* gauge = nullptr;
};
struct ChangeGauge {
    GaugeId id;
    Asked asked;
};
struct NudgeGauge {  // as Nudge, for a path whose liveness is ICMP's
    GaugeId id;
};
struct RemoveGauge {
    GaugeId id;
};

using Command =
    std::variant<Add, Change, Nudge, Extend, Remove, Listen, Unlisten, AddGauge, ChangeGauge, NudgeGauge, RemoveGauge>;
static_assert(std::is_trivially_copyable_v<Command> && sizeof(Command) <= 128);

}  // namespace probe
