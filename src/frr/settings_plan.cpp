#include "frr/settings_plan.hpp"

namespace frr {
namespace {

Change set(const Place& place, std::uint32_t to, Held held, const Value& present) {
    held.ours = {to};
    if (present && *present != to && present != held.before) held.ours.push_back(*present);
    return {.place = place, .to = to, .block = {}, .record = std::move(held), .takes_back = false};
}

Change take_back(const Place& place, const Held& held) {
    return {.place = place, .to = held.before, .block = {}, .record = held, .takes_back = true};
}

}  // namespace

std::vector<Lost> lost_lines(const Holdings& held, const RunningConfig& running, const Doubt& doubt) {
    std::vector<Lost> out;
    for (const auto& [place, line] : held) {
        const auto present = value_at(running, place);
        if (is_ours(line, present)) continue;
        const bool doubted = doubt.fresh || doubt.unheard.contains(place);
        const bool forgotten = doubt.starting || (doubted && present == line.before);
        out.push_back({place, present, !forgotten});
    }
    return out;
}

std::vector<Change> changes_to(const std::map<Place, std::uint32_t>& desired, const Holdings& held,
                               const std::set<Place>& overruled, const RunningConfig& running,
                               const Reckoned& reckoned) {
    std::vector<Change> out;
    const auto add = [&](Change change) {
        auto block = block_of(running, change.place);
        if (!block) return;
        change.block = std::move(*block);
        out.push_back(std::move(change));
    };
    for (const auto& [place, line] : held)
        if (!desired.contains(place)) add(take_back(place, line));
    for (const auto& [place, to] : desired) {
        const auto present = value_at(running, place);
        if (const auto found = held.find(place); found != held.end()) {
            if (present != to) add(set(place, to, found->second, present));
            continue;
        }
        if (overruled.contains(place) || present == to) continue;
        Held fresh{.before = present, .reckoned = 0, .ours = {}};
        if (const auto cost = reckoned.find(place.where); !present && cost != reckoned.end())
            fresh.reckoned = cost->second;
        add(set(place, to, std::move(fresh), present));
    }
    return out;
}

}  // namespace frr
