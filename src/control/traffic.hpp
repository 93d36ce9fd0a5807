// What WireGuard counted of a peer around the last Down of its session: evidence of whether the tunnel still carries
// what BFD's silence says nothing of.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.hpp"

namespace control {

struct Counted {  // bytes, as a look at the device that began then found them
    base::TimePoint at;
    std::uint64_t received = 0, sent = 0;
};

struct Traffic {
    void on_look(const Counted& counted);
    void on_down(base::TimePoint now);
    void on_up();

    std::optional<Counted> last;  // look
    std::optional<base::TimePoint> down_at;
    std::optional<Counted> before, after;  // the last look before that Down, and the first after it
};

// The most bytes that may come in within `span` though the tunnel carries nothing: handshakes and keepalives.
std::uint64_t idle_bytes(base::Duration span);

}  // namespace control
