#include "policy/group.hpp"

#include <algorithm>
#include <map>
#include <tuple>
#include <vector>

namespace policy {
namespace {

void judge(Member& member) { member.verdict = member.path->judge(member.assessed, *member.rules); }

// Its session is Up, and it would be usable but for damping, up_delay and what is said outside.
bool is_held_back(const Member& member) {
    return member.assessed.state == VerdictState::up && !member.path->drain.is_on();
}

void settle_alone(Member& member) {
    if (!is_held_back(member)) return;
    member.path->damping.spare();
    judge(member);
}

void settle_group(std::span<Member* const> members, base::TimePoint now) {
    if (std::ranges::any_of(members, is_usable, [](const Member* member) { return member->verdict; })) return;
    const auto merit = [now](const Member* member) {
        const auto& damping = member->path->damping;
        return std::tuple{member->path->outside.says_down(), damping.is_suppressed(), damping.points(now),
                          member->path->cost().total(member->rules->cost)};
    };
    Member* best = nullptr;
    for (auto* member : members)
        if (is_held_back(*member) && (best == nullptr || merit(member) < merit(best))) best = member;
    if (best == nullptr) return;
    best->path->up_delay.waive();
    best->path->damping.spare();
    best->path->outside.spare(true);
    judge(*best);
}

}  // namespace

void settle(std::span<Member> all, base::TimePoint now) {
    std::map<std::string_view, std::vector<Member*>> groups;
    for (auto& member : all) {
        member.path->outside.spare(false);
        judge(member);
        if (member.group.empty())
            settle_alone(member);
        else
            groups[member.group].push_back(&member);
    }
    for (const auto& [name, members] : groups) settle_group(members, now);
}

}  // namespace policy
