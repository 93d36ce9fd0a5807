// What the control thread tells the probe thread. Trivially copyable, at most 128 bytes.
#pragma once

#include <type_traits>
#include <variant>

#include "bfd/session.hpp"
#include "probe/slot.hpp"

namespace probe {

struct Add {  // the slot travels down here and comes back in Removed
    Slot* slot = nullptr;
};
struct Change {
    SessionId id;
    bfd::Parameters parameters;
    std::uint8_t minimum_ttl = 255;
};
struct Nudge {  // a new handshake was seen: back to one packet a second for a peer not heard yet
    SessionId id;
};
struct Extend {  // the device's counters say that the peer lives: one more remote interval, once a detection time
    SessionId id;
};
struct Remove {
    SessionId id;
};
struct Listen {  // a bound receive socket, owned by the probe thread from now on (bind = "addresses", or at start)
    int fd = -1;
    bool multihop = false;
    base::IpAddress local{};  // unset: wildcard
    base::IfIndex ifindex{};  // of a link-local address
};
struct Unlisten {  // closes it; unset: the wildcard sockets of both families
    bool multihop = false;
    base::IpAddress local{};
    base::IfIndex ifindex{};
};

using Command = std::variant<Add, Change, Nudge, Extend, Remove, Listen, Unlisten>;
static_assert(std::is_trivially_copyable_v<Command> && sizeof(Command) <= 128);

}  // namespace probe
