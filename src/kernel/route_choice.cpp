#include "kernel/route_choice.hpp"

#include <algorithm>

namespace kernel {
namespace {

using Ids = RouteChoice::Ids;

// Those of `ids` whose standing is `standing`, or any.
Ids of(std::span<const Rank> candidates, std::optional<Standing> standing) {
    Ids out;
    for (const auto& rank : candidates)
        if (!standing || rank.standing == *standing) out.insert(rank.id);
    return out;
}

Ids both(const Ids& a, const Ids& b) {
    Ids out;
    std::ranges::set_intersection(a, b, std::inserter(out, out.end()));
    return out;
}

}  // namespace

void RouteChoice::choose(base::TimePoint now, std::span<const Rank> candidates, const ChoiceRules& rules) {
    deadline_ = base::never;
    const auto best = std::ranges::min_element(candidates);
    if (best == candidates.end() || best->standing >= Standing::resting) return rest(candidates, rules.withdraw);
    const auto equals = of(candidates, best->standing);
    const auto wish = rules.mode == GroupMode::active_active ? equals : Ids{best->id};
    auto staying = both(carrying_, equals);
    if (rules.mode == GroupMode::active_passive && staying.size() > 1) staying = wish;  // it was the other mode
    if (staying.empty() || staying == wish) {
        carrying_ = wish;
        awaited_.clear();
        return;
    }
    carrying_ = staying;
    if (awaited_ != wish) {
        awaited_ = wish;
        since_ = now;
    }
    if (now >= since_ + rules.fail_back_after) {
        carrying_ = wish;
        awaited_.clear();
    } else {
        deadline_ = since_ + rules.fail_back_after;
    }
}

void RouteChoice::rest(std::span<const Rank> candidates, bool withdraw) {
    awaited_.clear();
    carrying_ = withdraw ? Ids{} : both(carrying_, of(candidates, std::nullopt));
}

}  // namespace kernel
