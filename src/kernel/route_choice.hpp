// Which adjacencies of a group carry its prefixes? The rule alone, with its patience. Pure.
//
// The best standing wins at once; among equals whoever carries already goes on, until the better one has been the
// better one for a while. When all are down, the last one keeps the routes: what is sent there is lost, as it would be
// without us, and goes nowhere else instead.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>

#include "base/time.hpp"
#include "kernel/group_rank.hpp"

namespace kernel {

enum class GroupMode : std::uint8_t { active_passive, active_active };

struct ChoiceRules {
    GroupMode mode = GroupMode::active_passive;
    base::Duration fail_back_after = std::chrono::seconds{10};
    bool withdraw = false;  // when all are down
    friend bool operator==(const ChoiceRules&, const ChoiceRules&) = default;
};

class RouteChoice {
public:
    using Ids = std::set<adjacency::AdjacencyId>;

    // `candidates`: those whose interface is up.
    void choose(base::TimePoint now, std::span<const Rank> candidates, const ChoiceRules& rules);
    void adopt(Ids carrying) { carrying_ = std::move(carrying); }  // what an earlier process chose
    const Ids& carrying() const { return carrying_; }
    base::TimePoint deadline() const { return deadline_; }

private:
    void rest(std::span<const Rank> candidates, bool withdraw);

    Ids carrying_;
    Ids awaited_;  // the better choice
    base::TimePoint since_{};
    base::TimePoint deadline_ = base::never;
};

}  // namespace kernel
