// What a worker leaves its successor of the control thread's knowledge, as values; and as the records of a
// probe::Store. Bytes in, values out, and the other way round.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "adjacency/adjacency.hpp"
#include "adjacency/neighbor.hpp"
#include "base/bytes.hpp"
#include "bfd/request.hpp"
#include "control/lids.hpp"
#include "policy/path.hpp"
#include "policy/verdict.hpp"
#include "probe/slot.hpp"

namespace control {

using CounterValues = std::array<std::uint64_t, 11>;
CounterValues values_of(const probe::SlotCounters& counters);
void set(probe::SlotCounters& counters, const CounterValues& values);

struct SessionMemory {
    std::uint32_t generation = 0;  // of its slot
    bfd::SessionKey key;
    std::uint8_t minimum_ttl = 255;
    std::uint16_t source_port = 0;
    base::TimePoint judged_from;
    base::WallTime since;
    std::optional<policy::Cause> down_cause;
    CounterValues counters{};
    bfd::Snapshot snapshot{};  // as the probe thread left it, in a record of its own
};

struct AdjacencyMemory {
    std::string interface;
    adjacency::PublicKey peer;
    std::string name;
    base::IfIndex ifindex;
    std::optional<adjacency::Addresses> addresses;
    std::optional<base::WallTime> latest_handshake;
    base::TimePoint handshake_seen;
    bool present = false;
    bool was_up = false;
    std::optional<bfd::SessionKey> up_on;
    std::optional<policy::Cause> down_cause;
    policy::Path path;
    policy::Verdict verdict;
    bool live = false, counts_as_down = false;
    base::WallTime since;
};

struct UnsolicitedSession {
    bfd::SessionKey key;
    base::TimePoint ends;
};
using UnsolicitedMemory = std::vector<UnsolicitedSession>;

struct Memory {
    std::vector<SessionMemory> sessions;
    std::vector<AdjacencyMemory> adjacencies;
    std::vector<Lid> lids;
    UnsolicitedMemory unsolicited;
    std::vector<adjacency::Neighbor> neighbors;

    bool empty() const { return sessions.empty() && adjacencies.empty() && lids.empty(); }
};

// Places on Shelf::host.
inline constexpr std::size_t neighbors_place = 0, unsolicited_place = 1;

// What cannot be made sense of is left out.
Memory read_memory(base::Bytes store);

// The bytes of a record, good until the next call of any of these; empty: too much for one.
class MemoryWriter {
public:
    base::Bytes operator()(const SessionMemory& session);
    base::Bytes operator()(const AdjacencyMemory& adjacency);
    base::Bytes operator()(const Lid& lid);
    base::Bytes operator()(const UnsolicitedMemory& unsolicited);
    base::Bytes operator()(const std::vector<adjacency::Neighbor>& neighbors);

private:
    template <class T>
    base::Bytes write(const T& value, std::size_t room);
    std::vector<std::byte> bytes_;
};

}  // namespace control
