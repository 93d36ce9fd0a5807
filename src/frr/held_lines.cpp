#include "frr/held_lines.hpp"

#include <system_error>
#include <utility>

namespace frr {

HeldLines::HeldLines(io::UndoLog& undo, std::string directory, NeighborSource source)
    : undo_{undo}, directory_{std::move(directory)}, source_{source} {
    for (const auto& record : undo_.records(vty_feed)) {
        auto known = parse_record(record);
        if (!known || known->directory != directory_ || source_of(known->place.setting) != source_) continue;
        if (known->held.ours.empty())
            overruled_.insert(std::move(known->place));
        else
            held_.emplace(std::move(known->place), std::move(known->held));
    }
}

bool HeldLines::record(std::span<const Change> changes) {
    std::vector<io::UndoRecord> records;
    for (const auto& change : changes)
        if (!change.takes_back) records.push_back(to_record(directory_, change.place, change.record));
    try {
        undo_.record(records);
        if (!records.empty()) problem_.clear();
    } catch (const std::system_error& error) {
        problem_ = std::string{daemon_of(source_)} +
                   " is left as it is, for its undo record cannot be written: " + error.what();
        return false;
    }
    for (const auto& change : changes)
        if (!change.takes_back) held_.insert_or_assign(change.place, change.record);
    return true;
}

void HeldLines::lose(std::span<const Lost> lost) {
    std::set<Place> forgotten;
    std::vector<Place> decided;
    for (const auto& line : lost) {
        if (line.decided)
            decided.push_back(line.place);
        else
            forgotten.insert(line.place);
    }
    give_up(forgotten);
    leave_alone(decided);
}

// Whoever comes after us is to leave it alone, too.
void HeldLines::leave_alone(const std::vector<Place>& places) {
    std::vector<io::UndoRecord> records;
    for (const auto& place : places) {
        auto line = std::move(held_.at(place));
        held_.erase(place);
        overruled_.insert(place);
        line.ours.clear();
        records.push_back(to_record(directory_, place, line));
    }
    try {
        undo_.record(records);
    } catch (const std::system_error& error) {
        problem_ = std::string{"an undo record stays: "} + error.what();
    }
}

void HeldLines::end_overruling(const std::map<Place, std::uint32_t>& desired) {
    std::set<Place> over;
    for (const auto& place : overruled_)
        if (!desired.contains(place)) over.insert(place);
    for (const auto& place : over) overruled_.erase(place);
    give_up(over);
}

void HeldLines::give_up(const std::set<Place>& places) {
    if (places.empty()) return;
    std::vector<std::string> subjects;
    for (const auto& place : places) {
        held_.erase(place);
        subjects.push_back(to_subject(directory_, place));
    }
    try {
        undo_.forget(vty_feed, subjects);
        problem_.clear();
    } catch (const std::system_error& error) {
        // A record too many is harmless: it is reverted only where our value still stands.
        problem_ = std::string{"an undo record stays: "} + error.what();
    }
}

}  // namespace frr
