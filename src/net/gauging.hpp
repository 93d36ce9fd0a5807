// The probe thread's measurements: probe::Gauges with their sockets. A turn does a bounded share of the work, so that
// BFD, which goes first in every turn, never waits long for it.
#pragma once

#include <array>
#include <cstddef>

#include "base/counter.hpp"
#include "net/clock.hpp"
#include "net/listeners.hpp"
#include "net/receiver.hpp"
#include "probe/gauges.hpp"

namespace net {

struct GaugingCounters {
    explicit GaugingCounters(const probe::GaugesCounters& all) : gauges{all} {}
    const probe::GaugesCounters& gauges;
    base::Counter sent, send_errors, received, receive_errors;
    base::Counter kernel_drops;
    base::Counter max_turn_us;  // the longest share of a turn
};

class Gauging {
public:
    Gauging(std::size_t capacity, std::uint16_t identifier) : gauges_{capacity, identifier} {}

    void on_listen(const probe::Listen& listen);
    // Reads each socket until it is empty, those that somebody's life hangs on ready or not; then sends what is due,
    // until `bfd_due` or its share is done; one batch of each whatever the time.
    void turn(Listeners& listeners, const ArrivalClock& clock, base::TimePoint woken, base::TimePoint bfd_due);
    base::TimePoint deadline() const { return gauges_.deadline(); }
    bool is_behind() const { return behind_; }  // a socket had more than this turn's share

    probe::Gauges& gauges() { return gauges_; }
    const GaugingCounters& counters() const { return counters_; }

private:
    static constexpr std::size_t batch = 16;

    probe::Seen read_all(Listeners& listeners, const ArrivalClock& clock, base::TimePoint woken, base::TimePoint end);
    void read(Listener& listener, const ArrivalClock& clock, base::TimePoint woken, base::TimePoint end);
    std::size_t read_batch(Listener& listener, const ArrivalClock& clock);
    void send_and_tell(base::TimePoint now, const probe::GaugePacket& packet, int fd);
    int& socket_of(probe::Use use, base::Family family) {
        return sockets_[static_cast<std::size_t>(use)][family == base::Family::v4 ? 0 : 1];
    }

    bool behind_ = false;
    probe::Gauges gauges_;
    GaugingCounters counters_{gauges_.counters()};
    Receiver receiver_{batch, quality::stamp::greatest_length + 1};
    // Those that probe; the listeners own them. A request is answered from the socket that it came to.
    std::array<std::array<int, 2>, 4> sockets_{{{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}}};
};

}  // namespace net
