// From what stands, what is ours and what is desired to what is to be entered: the rules alone. Pure. A line is ours
// while it stands as we left it; what somebody changed since is his until nothing is desired there any more.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "frr/desired_settings.hpp"

namespace frr {

struct Lost {
    Place place;
    Value present;
    bool decided = false;  // somebody changed it; else the daemon was restarted and read its file
    friend bool operator==(const Lost&, const Lost&) = default;
};
// Why a line of ours may be gone without anybody's decision.
struct Doubt {
    bool fresh = false;  // nobody has looked before: it may have been restarted, and have forgotten what was not saved
    bool starting = false;      // it was restarted, and may still be reading its configuration
    std::set<Place> unheard{};  // it may not have heard what was to be entered there
};
// What of `held` is ours no more.
std::vector<Lost> lost_lines(const Holdings& held, const RunningConfig& running, const Doubt& doubt);

struct Change {
    Place place;
    Value to;
    std::string block;
    Held record;  // what is to be recorded first
    bool takes_back = false;
    friend bool operator==(const Change&, const Change&) = default;
};
std::vector<Change> changes_to(const std::map<Place, std::uint32_t>& desired, const Holdings& held,
                               const std::set<Place>& overruled, const RunningConfig& running,
                               const Reckoned& reckoned);

}  // namespace frr
