// All sessions of the probe thread, without socket, ring or clock: datagrams, commands and `now` in; packets to send
// and events out. One turn of whoever drives it (net::Loop, or a test in virtual time):
//
//   on_wake(now);                                   // `now` is read before the drain: only then is silence evidence
//   for each command:   on_command(now, command);     flush when outbox_full()
//   for each datagram:  on_datagram(then, datagram);  flush when outbox_full()
//     after some of many: on_send_times(then); flush
//   while (!on_deadlines(now)) flush;               // judges, then sends what is due
//   flush; take next_event() while there is room for it; sleep until deadline()
//
// To flush: send outbox(), tell on_sent() of each, clear_outbox(). All memory is taken at construction.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.hpp"
#include "base/counter.hpp"
#include "base/ip_address.hpp"
#include "base/time.hpp"
#include "bfd/packet.hpp"
#include "probe/command.hpp"
#include "probe/deadlines.hpp"
#include "probe/event.hpp"
#include "probe/event_queue.hpp"
#include "probe/slot_pool.hpp"
#include "probe/table.hpp"

namespace probe {

inline constexpr std::size_t batch = 64;  // packets sent or received by one call

struct Datagram {
    base::TimePoint arrival{};  // never later than the drain that brought it
    base::IfIndex ifindex{};    // it came in by
    base::IpAddress local{};    // its destination
    base::IpAddress remote{};   // its source
    std::uint16_t source_port = 0;
    std::uint8_t ttl = 0;
    bool multihop = false;  // it came to port 4784: RFC 5883 §5
    base::Bytes payload{};
    base::IfIndex vrf{};  // of the socket that heard it; 0: the default one
};

struct Outgoing {
    SessionId id{};
    bfd::SessionKey key{};
    std::uint16_t source_port = 0;
    bool final = false;
    std::uint16_t padding = 0;  // the IP packet is at least so long: zeros follow the payload (RFC 9764)
    std::array<std::byte, bfd::mandatory_length> payload{};
};

// How late a turn came for what was due, in buckets that end here; one more holds what is beyond.
inline constexpr std::array<base::Duration, 11> lateness_bounds{
    std::chrono::microseconds{50},  std::chrono::microseconds{100}, std::chrono::microseconds{250},
    std::chrono::microseconds{500}, std::chrono::milliseconds{1},   std::chrono::microseconds{2'500},
    std::chrono::milliseconds{5},   std::chrono::milliseconds{10},  std::chrono::milliseconds{25},
    std::chrono::milliseconds{100}, std::chrono::seconds{1}};

struct EngineCounters {
    std::array<base::Counter, bfd::drop_reasons> dropped;  // datagrams refused, by bfd::DropReason
    base::Counter late_wakes;  // later than half the detection time of a session that was due
    base::Counter max_lateness_us;
    std::array<base::Counter, lateness_bounds.size() + 1> lateness;  // turns
    base::Counter lateness_ns;                                       // of them all
    base::Counter stalls;
    base::Counter unmatched_dropped, stall_events_dropped, late_events_dropped;  // no room
    base::Counter send_failures;
};

class Engine {
public:
    explicit Engine(std::size_t capacity = default_capacity);

    // Returns how late this turn is against deadline(). Our own lateness is no evidence: see grace() in the source.
    base::Duration on_wake(base::TimePoint now);
    void on_command(base::TimePoint now, const Command& command);  // those of sessions; the rest are not for the engine
    // `now`: when the answer goes out, not before its arrival.
    void on_datagram(base::TimePoint now, const Datagram& datagram);
    // What is due goes out, nobody is judged: a long drain must not keep the peers of other sessions waiting.
    void on_send_times(base::TimePoint now);
    // Would a session be judged at `now`? Then every socket is to be drained first.
    bool judges(base::TimePoint now) const;
    // False: the outbox is full and more is due; flush and call again. What is due within `ahead` goes out with it
    // where jitter allows: sends are grouped only earlier, as 100 % of the interval is the ceiling (RFC 5880 §6.8.7).
    bool on_deadlines(base::TimePoint now, base::Duration ahead = {});
    base::TimePoint deadline() const { return std::min(deadlines_.earliest(), events_.deadline()); }

    bool outbox_full() const { return outbox_.size() == batch; }
    std::span<const Outgoing> outbox() const { return outbox_; }
    void on_sent(base::TimePoint now, const Outgoing& packet, int error);  // error: 0 or errno
    void clear_outbox() { outbox_.clear(); }

    // A slot is the control thread's again as soon as its Removed is taken.
    std::optional<Event> next_event() { return events_.next(); }
    bool has_events() const { return !events_.is_empty(); }

    std::size_t size() const { return table_.size(); }
    const EngineCounters& counters() const { return counters_; }

private:
    struct Wake {  // what this turn has seen
        base::Duration lateness{};
        base::IfIndex ifindex;  // of the first session that had expired
        std::uint32_t expired = 0;
        bool several_interfaces = false;
        bool counted = false;
    };

    void add(Slot& slot);
    void remove(Slot& slot, base::TimePoint now);
    template <class May, class Send>
    void send_some(base::TimePoint until, base::TimePoint now, May&& may, Send&& send);
    void take(Slot& slot, const bfd::Output& output, base::TimePoint at);
    void put(Slot& slot, const bfd::Packet& packet);
    static void keep(Slot& slot);
    void refuse(bfd::DropReason reason, Slot* named);
    std::optional<bfd::DropReason> objection(const Datagram& datagram, const Slot* slot) const;
    void grace(Slot& slot, base::TimePoint now);
    void count_lateness();
    void count_late_wake();
    void tell_stall(base::TimePoint now);

    Table table_;
    Deadlines deadlines_;
    std::vector<Outgoing> outbox_;
    EventQueue events_;
    Wake wake_;
    base::TimePoint woke_at_{};
    // What on_send_times() saw since then: the first deadline that had passed, and how far it got.
    base::TimePoint overdue_ = base::never;
    base::TimePoint last_send_time_ = base::never;
    EngineCounters counters_;
};

}  // namespace probe
