// The operational state (RFC 2863) of one interface, read and set. DORMANT makes routing daemons treat an interface as
// down while packets still pass; the kernel acknowledges some changes that it does not make, so what it says is read
// back. And the way back from a change of ours, for whoever finds our record after a crash.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <system_error>

#include "adjacency/link.hpp"
#include "base/result.hpp"
#include "io/undo_log.hpp"

namespace kernel {

struct LinkState {
    std::string name;
    bool up = false;  // IFF_UP; without it operstate reads down, whatever it will be again afterwards
    adjacency::Operstate operstate = adjacency::Operstate::unknown;
};

// How to read and set; tests put their own here.
struct OperstateAccess {
    std::function<base::Result<LinkState, std::error_code>(base::IfIndex)> read;
    std::function<std::error_code(base::IfIndex, adjacency::Operstate)> set;
};
OperstateAccess kernel_operstate();

// Sets and reads back. protocol_error: acknowledged, but not so.
std::error_code change_operstate(const OperstateAccess& access, base::IfIndex index, adjacency::Operstate to);

// The records of the feed `link`: subject "wg0/7" (name and index), before "unknown" or "up", ours "dormant".
inline constexpr const char* operstate_feed = "link";
struct OperstateSubject {
    std::string interface;
    base::IfIndex index;
};
std::string to_subject(const std::string& interface, base::IfIndex index);
std::optional<OperstateSubject> parse_subject(const std::string& subject);

// Sets UP the interface of `record` where it is still the same one and still DORMANT. True: it was changed; false:
// there was nothing of ours left.
base::Result<bool, std::error_code> revert_operstate(const io::UndoRecord& record,
                                                     const OperstateAccess& access = kernel_operstate());

}  // namespace kernel
