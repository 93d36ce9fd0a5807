// A session's slot: created and destroyed by the control thread, used by the probe thread alone between Add and
// Removed; its counters may be read by anyone at any time.
#pragma once

#include <array>
#include <cstdint>

#include "base/counter.hpp"
#include "base/ip_address.hpp"
#include "base/strong.hpp"
#include "base/time.hpp"
#include "bfd/request.hpp"
#include "bfd/session.hpp"
#include "probe/records.hpp"

namespace probe {

// A slot number and its generation: a stale id names nobody.
struct SessionId {
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;  // 0: no session
    friend constexpr auto operator<=>(const SessionId&, const SessionId&) = default;
};

struct SlotCounters {
    base::Counter packets_sent, packets_received;
    base::Counter bytes_sent, bytes_received;
    base::Counter ups, downs;
    base::Counter send_failures;
    base::Counter last_send_errno;  // 0: none yet
    base::Counter refused;          // packets that named this session and were not its peer's, or were malformed
    base::Counter extended;         // graces given for our own lateness
    base::Counter vouched;          // detection times that the peer's data stood in for its packets
};

struct Slot {
    Slot(SessionId slot_id, const bfd::SessionKey& session_key, std::uint8_t ttl, std::uint16_t port,
         const bfd::Session& fresh)
        : id{slot_id}, key{session_key}, minimum_ttl{ttl}, source_port{port}, session{fresh} {}

    const SessionId id;
    const bfd::SessionKey key;
    std::uint8_t minimum_ttl;         // probe thread alone, after Add
    std::uint16_t padding = 0;        // likewise: RFC 9764, bytes of the IP packet; 0: none
    const std::uint16_t source_port;  // 49152–65535, unique per session: RFC 5881 §4
    bfd::Session session;             // probe thread alone, after Add
    SlotCounters counters;
    Record record;  // where a successor finds the session; probe thread alone, after Add

    // Engine's own bookkeeping (probe thread alone).
    struct {
        std::uint32_t deadline_index = UINT32_MAX;
        std::uint8_t pending = 0;                                           // events that wait for room in the ring
        std::array<std::uint8_t, 2> place_in_outbox{UINT8_MAX, UINT8_MAX};  // of its last packet without and with F
        std::uint32_t window = 0;                                           // the one `told` counts in
        std::uint32_t told = 0;                                             // Changed
        std::uint32_t send_errno = 0;
        std::uint32_t kept_revision = 0;  // of the session, in its record
        Slot* next_pending = nullptr;     // those with pending events stand in line
        base::TimePoint changed_at;       // of the last transition or change
        base::TimePoint send_failed_at;   // of the last SendFailed; TimePoint{} when none
    } engine;
};

}  // namespace probe
