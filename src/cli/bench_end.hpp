// One end of `wgbfd bench`: a probe thread with its sessions, as the daemon has it, and what it counts.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cli/bench_net.hpp"
#include "net/loop.hpp"
#include "probe/slot_pool.hpp"

namespace cli {

struct EndCounts {
    std::uint64_t downs = 0;
    std::uint64_t sends = 0, receives = 0;
    std::uint64_t lost = 0;  // for want of room in a buffer
};

class BenchEnd {
public:
    // The calling thread is in the namespace of this end.
    BenchEnd(const BenchNet& net, std::size_t end, std::size_t sessions, std::chrono::microseconds interval);

    void take_events();
    std::size_t up() const;
    EndCounts counts() const;

private:
    void post(const probe::Command& command);

    probe::SlotPool pool_;
    std::vector<const probe::Slot*> slots_;
    net::Loop loop_;
};

// CPU time of each probe thread of this process.
std::vector<std::chrono::nanoseconds> probe_threads();

}  // namespace cli
