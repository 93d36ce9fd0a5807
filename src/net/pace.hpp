// Is there so much traffic that a packet need not wake the thread at once? Its arrival is the kernel's stamp, so it may
// wait for the next deadline, or `longest_rest`; few packets wake at once. Waking costs more than a packet.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/time.hpp"

namespace net {

class Pace {
public:
    static constexpr base::Duration longest_rest = std::chrono::milliseconds{1};
    static constexpr base::Duration window = std::chrono::milliseconds{10};
    // Packets, sent and received, in each longest_rest: so many begin it, fewer than the other end it.
    static constexpr std::int64_t many = 2;
    static constexpr std::int64_t few = 1;

    void on_turn(base::TimePoint now, std::uint64_t packets) {  // of this turn
        packets_ += static_cast<std::int64_t>(packets);
        const auto passed = now - began_;
        if (passed < window) return;
        rests_ = packets_ * longest_rest >= (rests_ ? few : many) * passed;
        began_ = now;
        packets_ = 0;
    }
    // How long the thread may let sockets wait, and how far ahead it sends; zero: not at all.
    base::Duration rest() const { return rests_ ? longest_rest : base::Duration::zero(); }

private:
    base::TimePoint began_{};
    std::int64_t packets_ = 0;
    bool rests_ = false;
};

}  // namespace net
