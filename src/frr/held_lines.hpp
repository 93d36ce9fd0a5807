// The lines of one FRR daemon that are ours, each with its undo record, and those that somebody has changed against us.
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "frr/settings_plan.hpp"
#include "io/undo_log.hpp"

namespace frr {

class HeldLines {
public:
    // What `undo` holds of this daemon is adopted.
    HeldLines(io::UndoLog& undo, std::string directory, NeighborSource source);

    const Holdings& held() const { return held_; }
    const std::set<Place>& overruled() const { return overruled_; }
    const std::string& problem() const { return problem_; }

    // False: nothing may be entered, for the record cannot be written.
    bool record(std::span<const Change> changes);
    void entered(const Change& change) { held_.at(change.place).ours = {*change.to}; }
    void lose(std::span<const Lost> lost);
    void give_up(const std::set<Place>& places);
    // What was changed against us is nobody's concern any more where nothing is desired.
    void end_overruling(const std::map<Place, std::uint32_t>& desired);

private:
    void leave_alone(const std::vector<Place>& places);

    io::UndoLog& undo_;
    std::string directory_;
    NeighborSource source_;
    Holdings held_;
    std::set<Place> overruled_;
    std::string problem_;
};

}  // namespace frr
