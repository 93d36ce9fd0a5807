#include "kernel/routes_feed.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "kernel/routes_undo.hpp"

namespace kernel {
namespace {

using namespace std::chrono_literals;

constexpr base::Duration retry_after = 1s;

}  // namespace

RoutesFeed::RoutesFeed(boost::asio::io_context& context, io::UndoLog& undo, std::function<base::Now()> now,
                       std::function<void()> apply_again, GroupRouteAccess access)
    : undo_{undo},
      now_{std::move(now)},
      apply_again_{std::move(apply_again)},
      access_{std::move(access)},
      timer_{context, [this] {
                 known_ = false;
                 apply_again_();
             }} {
    for (const auto& record : undo_.records(routes_feed)) {
        const bool keeps = record.before == kept_route;
        if (const auto name = parse_route(record.subject)) {
            recorded_.insert(*name);
            if (keeps) kept_.insert(*name);
        }
        if (const auto rule = parse_rule(record.subject)) {
            recorded_rules_.insert(*rule);
            if (keeps) kept_rules_.insert(*rule);
        }
    }
}

void RoutesFeed::configure(std::vector<RouteGroup> groups) { groups_ = std::move(groups); }

void RoutesFeed::on_links(const std::vector<adjacency::Link>& links) {
    links_.clear();
    for (auto link : links) {
        link.addresses = {};  // a host may have thousands, and none of them is asked for here
        auto name = link.name;
        links_.emplace(std::move(name), std::move(link));
    }
    known_ = false;
    if (judged_ && !is_clear()) apply_again_();
}

void RoutesFeed::apply(std::span<const policy::Wanted> all) {
    judged_ = true;
    complete_ = true;
    problems_.clear();
    if (now_().steady >= look_at_) known_ = false;  // news that never end put no look off
    choose(all);
    desired_ = desired_routes(groups_, all, choices_, links_);
    for (const auto& problem : desired_.problems) fail(problem);
    settle();
    tell();
    schedule();
}

void RoutesFeed::choose(std::span<const policy::Wanted> all) {
    const auto now = now_().steady;
    std::erase_if(choices_, [&](const auto& choice) {
        return std::ranges::find(groups_, choice.first, &RouteGroup::name) == groups_.end();
    });
    for (const auto& group : groups_) {
        std::vector<Rank> candidates;
        for (const auto& wanted : all) {
            const auto link = links_.find(wanted.adjacency.interface);
            if (wanted.adjacency.group == group.name && link != links_.end() && link->second.up)
                candidates.push_back(rank_of(wanted));
        }
        const auto [choice, fresh] = choices_.try_emplace(group.name);
        if (fresh) adopt(group, all, choice->second);
        choice->second.choose(now, candidates, group.rules);
    }
}

// What the kernel's routes say is what the process before us chose.
void RoutesFeed::adopt(const RouteGroup& group, std::span<const policy::Wanted> all, RouteChoice& choice) {
    const auto table = table_of(group, all, links_);
    if (!table || group.prefixes.empty()) return;
    const auto routes = access_.read(*table);
    if (!routes) return;
    RouteChoice::Ids carrying;
    for (const auto& route : *routes)
        for (const auto& way : route.ways)
            for (const auto& wanted : all)
                if (route.name == RouteName{*table, group.prefixes.front(), group.metric} &&
                    wanted.adjacency.group == group.name && wanted.adjacency.ifindex == way.out)
                    carrying.insert(wanted.id);
    choice.adopt(std::move(carrying));
}

void RoutesFeed::withdraw_all() {
    for (const auto& name : std::exchange(kept_, {}))
        if (recorded_.erase(name) > 0) forget(subject_of(name));
    for (const auto& rule : std::exchange(kept_rules_, {}))
        if (recorded_rules_.erase(rule) > 0) forget(subject_of(rule));
    groups_.clear();
    known_ = false;
    apply({});
    timer_.cancel();
}

void RoutesFeed::fail(const std::string& problem) {
    complete_ = false;
    problems_.push_back(problem);
}

void RoutesFeed::tell() {
    std::erase_if(told_, [&](const auto& entry) { return !desired_.told.contains(entry.first); });
    for (const auto& [id, wish] : desired_.told) {
        const auto& what = problems_.empty() ? wish : std::string{"failed"};
        auto& told = told_[id];
        if (told.told != what) told = {id, what, now_().wall};
    }
}

void RoutesFeed::schedule() {
    const auto now = now_().steady;
    auto at = base::never;
    for (const auto& [name, choice] : choices_) at = std::min(at, choice.deadline());
    if (!complete_) known_ = false;
    if (!complete_)
        at = std::min(at, now + retry_after);
    else if (!desired_.routes.empty())
        at = std::min(at, look_at_);
    if (at == base::never) return timer_.cancel();
    timer_.expire_after(std::max(base::Duration::zero(), at - now));
}

bool RoutesFeed::balances(base::Family family) const {
    return std::ranges::any_of(groups_, [&](const RouteGroup& group) {
        return group.rules.mode == GroupMode::active_active &&
               std::ranges::any_of(group.prefixes,
                                   [&](const base::Prefix& prefix) { return prefix.address.family == family; });
    });
}

policy::FeedStatus RoutesFeed::status() const {
    policy::FeedStatus out{.name = routes_feed, .healthy = problems_.empty(), .problem = {}, .told = {}};
    for (const auto& problem : problems_) out.problem += (out.problem.empty() ? "" : "; ") + problem;
    for (const auto& [id, told] : told_) out.told.push_back(told);
    return out;
}

}  // namespace kernel
