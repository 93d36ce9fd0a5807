// A session as its record holds it: everything a successor needs to go on with the same peer. Written by the probe
// thread at each change of state or of what is negotiated, without a system call.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "bfd/session.hpp"
#include "probe/slot.hpp"

namespace probe {

void keep(Slot& slot);  // writes its record

struct Kept {
    std::uint32_t generation = 0;  // of the slot: what else is kept of it names the same
    bfd::Snapshot snapshot;
};
// None: it is no session that could have been written.
std::optional<Kept> decode_kept(base::Bytes payload);

}  // namespace probe
