// All measurements of the probe thread, without socket, ring or clock, beside probe::Engine and always after it:
//
//   on_wake(now);                                               // `now` is read before the drain
//   for each command:   on_command(now, command);
//   for each datagram:  on_datagram(then, use, datagram);       // its answer goes out at once
//   a few times:        next(then, seen_until), send it, on_sent()
//   take next_event() while there is room for it
//
// Each packet carries the time at which it was composed, so it is sent before the next one is. A request is answered
// for a configured path alone, never with more bytes than it had, and never to the port that answers: two reflectors
// would talk for ever. All memory is taken at construction.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "base/counter.hpp"
#include "base/time.hpp"
#include "probe/command.hpp"
#include "probe/deadlines.hpp"
#include "probe/engine.hpp"
#include "probe/event.hpp"
#include "probe/gauge.hpp"
#include "probe/index.hpp"
#include "quality/icmp_echo.hpp"

namespace probe {

enum class Purpose : std::uint8_t { answer, measure, size, liveness };

struct GaugePacket {
    GaugeId id{};
    bfd::SessionKey key{};
    Purpose purpose = Purpose::measure;
    Use use = Use::stamp_answers;  // of the socket that sends it
    std::uint16_t port = 0;        // of the peer; 0: ICMP
    std::uint32_t cookie = 0;
    base::Bytes payload{};  // lives until the next packet
};

struct GaugesCounters {
    base::Counter strangers;  // datagrams from no configured path
    base::Counter malformed;
    base::Counter limited;
    base::Counter reflected;
    base::Counter samples_dropped;
};

// A moment for each socket that answers come in by: until when what came has been read and told.
class Seen {
public:
    Seen(base::TimePoint all) { until_.fill(all); }
    base::TimePoint& of(quality::Method method, base::Family family) {
        return until_[(method == quality::Method::stamp ? 0U : 2U) + (family == base::Family::v4 ? 0U : 1U)];
    }

private:
    std::array<base::TimePoint, 4> until_;
};

class Gauges {
public:
    // `identifier`: of this daemon's ICMP echo requests.
    explicit Gauges(std::size_t capacity = default_capacity, std::uint16_t identifier = 0);

    // A wake so late that answers may have been lost on this host: what was under way is not the path's.
    void on_wake(base::TimePoint now);
    // The kernel had no room for answers on that socket.
    void on_missed(base::TimePoint now, quality::Method method, base::Family family) {
        gap_end_.of(method, family) = now;
    }
    void on_command(base::TimePoint now, const Command& command);  // those of gauges; the rest are not for them
    std::optional<GaugePacket> on_datagram(base::Now now, Use use, const Datagram& datagram);

    // Would a path be judged dead at `now`? Then the sockets that bring its answers are to be drained first.
    bool judges(base::TimePoint now) const;
    // A probe that is due.
    std::optional<GaugePacket> next(base::Now now, Seen seen);
    void on_sent(base::TimePoint now, const GaugePacket& packet, int error);  // error: 0 or errno
    base::TimePoint deadline() const { return deadlines_.earliest(); }

    std::optional<Event> next_event();
    bool has_events() const { return removed_ != nullptr || told_.first != nullptr || sample_count_ > 0; }

    std::size_t size() const { return size_; }
    const GaugesCounters& counters() const { return counters_; }

private:
    void add(Gauge& gauge);
    void remove(Gauge& gauge);
    Gauge* find(GaugeId id) const;
    Gauge* find(const Datagram& datagram) const;
    std::optional<GaugePacket> reflect(base::Now now, Gauge& gauge, const Datagram& datagram);
    void on_stamp_answer(Gauge& gauge, const Datagram& datagram);
    void on_echo_answer(Gauge& gauge, const Datagram& datagram);
    void take(Gauge& gauge, quality::Method method, const quality::Answer& answer);
    void take_sized(Gauge& gauge, std::uint32_t sequence, std::uint32_t cookie, base::TimePoint arrival,
                    quality::ReversePath far_end = {});
    void take_echo(Gauge& gauge, const quality::icmp::Echo& echo, base::TimePoint arrival);
    void change(base::TimePoint now, Gauge& gauge, const Asked& asked);
    std::optional<GaugePacket> due(base::Now now, Gauge& gauge, Seen& seen);
    std::optional<GaugePacket> judge_liveness(base::Now now, Gauge& gauge, Seen& seen);
    std::optional<GaugePacket> sized(base::Now now, Gauge& gauge, Seen& seen);
    GaugePacket probe(base::Now now, Gauge& gauge);
    GaugePacket stamp(const Gauge& gauge, const quality::stamp::Request& request, std::size_t size);
    GaugePacket echo(const Gauge& gauge, std::uint32_t sequence, std::uint32_t cookie, std::size_t size);
    void tell(Gauge& gauge);
    void tell_sent(Gauge& gauge, int error);
    void untell(Gauge& gauge);
    void offer(const Sample& sample);

    std::vector<Gauge*> by_place_;
    Index<Gauge> by_key_;
    DeadlineHeap<Gauge> deadlines_;
    std::size_t size_ = 0;
    std::uint16_t identifier_;
    std::vector<std::byte> payload_;  // of the packet that is sent, as long as any
    std::array<Sample, batch> samples_{};
    std::size_t sample_first_ = 0, sample_count_ = 0;
    Gauge* removed_ = nullptr;
    struct {  // by next_told
        Gauge* first = nullptr;
        Gauge* last = nullptr;
    } told_;
    Seen gap_end_{base::TimePoint{}};
    GaugesCounters counters_;
};

}  // namespace probe
