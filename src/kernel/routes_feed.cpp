#include "kernel/routes_feed.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <sstream>
#include <system_error>
#include <utility>

#include "kernel/host_route.hpp"

namespace kernel {
namespace {

using namespace std::chrono_literals;

constexpr base::Duration look_again_after = 10s;  // somebody may flush a table
constexpr base::Duration retry_after = 1s;
constexpr const char* nothing_before = "none";
constexpr const char* kept = "none, kept";  // by the operator's word: undo leaves it

std::string subject(const RouteName& name) { return "route " + to_string(name); }
std::string subject(const SourceRule& rule) { return "rule " + to_string(rule); }

std::optional<RouteName> parse_route(const std::string& text) {
    std::istringstream in{text};
    std::string route, prefix, table, metric;
    RouteName out;
    in >> route >> prefix >> table >> out.table >> metric >> out.metric;
    const auto parsed = base::Prefix::parse(prefix);
    if (!in || route != "route" || table != "table" || metric != "metric" || !parsed) return std::nullopt;
    out.prefix = *parsed;
    return out;
}

std::optional<SourceRule> parse_rule(const std::string& text) {
    std::istringstream in{text};
    std::string rule, from, source, lookup, priority;
    SourceRule out;
    in >> rule >> from >> source >> lookup >> out.table >> priority >> out.priority;
    const auto parsed = base::IpAddress::parse(source);
    if (!in || rule != "rule" || from != "from" || lookup != "lookup" || priority != "priority" || !parsed)
        return std::nullopt;
    out.source = *parsed;
    return out;
}

bool waits_for_link(const std::error_code& error) {
    return error == std::errc::network_down || error == std::errc::no_such_device;
}

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
        const bool keeps = record.before == kept;
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

void RoutesFeed::settle() {
    if (!read() || !record()) return;
    set_routes();
    set_rules();
    remove_others();
}

bool RoutesFeed::read() {
    auto tables = desired_.tables;
    for (const auto& name : recorded_) tables.insert(name.table);
    const bool all_known =
        known_ && std::ranges::all_of(desired_.routes, [&](const auto& route) { return have_.contains(route.first); });
    if (all_known || (tables.empty() && recorded_rules_.empty())) return true;
    have_.clear();
    for (const auto table : tables) {
        auto routes = access_.read(table);
        if (!routes) {
            fail("cannot read table " + std::to_string(table) + ": " + routes.error().message());
            return false;
        }
        for (auto& route : *routes) have_.insert_or_assign(route.name, std::move(route));
    }
    const auto rules = access_.rules();
    if (!rules) {
        fail("cannot read the policy rules: " + rules.error().message());
        return false;
    }
    have_rules_ = {rules->begin(), rules->end()};
    return known_ = true;
}

bool RoutesFeed::record() {
    const std::string ours = "protocol " + std::to_string(our_protocol);
    std::vector<io::UndoRecord> records;
    const auto add = [&](const auto& one, const auto& recorded, const auto& kept_before, const auto& kept_now) {
        const bool keeps = kept_now.contains(one);
        if (!recorded.contains(one) || kept_before.contains(one) != keeps)
            records.push_back({routes_feed, subject(one), keeps ? kept : nothing_before, ours});
    };
    for (const auto& [name, route] : desired_.routes) add(name, recorded_, kept_, desired_.kept);
    for (const auto& rule : desired_.rules) add(rule, recorded_rules_, kept_rules_, desired_.kept_rules);
    if (records.empty()) return true;
    try {
        undo_.rewrite(records);
    } catch (const std::system_error& error) {
        fail(std::string{"left the routes as they are, for their undo records cannot be written: "} + error.what());
        return false;
    }
    for (const auto& [name, route] : desired_.routes) recorded_.insert(name);
    recorded_rules_.insert(desired_.rules.begin(), desired_.rules.end());
    for (const auto& [name, route] : desired_.routes) kept_.erase(name);
    for (const auto& rule : desired_.rules) kept_rules_.erase(rule);
    kept_.insert(desired_.kept.begin(), desired_.kept.end());
    kept_rules_.insert(desired_.kept_rules.begin(), desired_.kept_rules.end());
    return true;
}

void RoutesFeed::set_routes() {
    for (const auto& [name, route] : desired_.routes) {
        const auto have = have_.find(name);
        if (have != have_.end() && have->second == route) continue;
        const auto error = have == have_.end() ? access_.add(route) : access_.replace(route);
        if (!error) {
            have_.insert_or_assign(name, route);
            continue;
        }
        known_ = false;
        if (waits_for_link(error))
            complete_ = false;  // on_links() comes
        else
            fail(explain(error, route));
    }
}

void RoutesFeed::set_rules() {
    for (const auto& rule : desired_.rules) {
        if (have_rules_.contains(rule)) continue;
        const auto error = access_.add_rule(rule);
        if (!error || error == std::errc::file_exists)
            have_rules_.insert(rule);
        else
            fail("cannot add the rule " + to_string(rule) + ": " + error.message());
    }
}

// Rules before the routes that they lead to.
void RoutesFeed::remove_others() {
    const auto rules = std::exchange(recorded_rules_, {});
    for (const auto& rule : rules) {
        if (desired_.rules.contains(rule)) {
            recorded_rules_.insert(rule);
            continue;
        }
        const auto error = have_rules_.contains(rule) ? access_.remove_rule(rule) : std::error_code{};
        if (error && error != std::errc::no_such_file_or_directory) {
            recorded_rules_.insert(rule);
            fail("cannot remove the rule " + to_string(rule) + ": " + error.message());
            continue;
        }
        have_rules_.erase(rule);
        kept_rules_.erase(rule);
        forget(subject(rule));
    }
    const auto names = std::exchange(recorded_, {});
    for (const auto& name : names) {
        if (desired_.routes.contains(name)) {
            recorded_.insert(name);
            continue;
        }
        const auto error = have_.contains(name) ? access_.remove(name) : std::error_code{};
        if (error && error != std::errc::no_such_process) {
            recorded_.insert(name);
            fail("cannot remove the route to " + to_string(name) + ": " + error.message());
            continue;
        }
        have_.erase(name);
        kept_.erase(name);
        forget(subject(name));
    }
}

void RoutesFeed::forget(const std::string& what) {
    try {
        undo_.forget(routes_feed, what);
    } catch (const std::system_error& error) {
        // A record too many is harmless: there is nothing of ours by that name.
        problems_.push_back(std::string{"an undo record stays: "} + error.what());
    }
}

void RoutesFeed::withdraw_all() {
    for (const auto& name : std::exchange(kept_, {}))
        if (recorded_.erase(name) > 0) forget(subject(name));
    for (const auto& rule : std::exchange(kept_rules_, {}))
        if (recorded_rules_.erase(rule) > 0) forget(subject(rule));
    groups_.clear();
    known_ = false;
    apply({});
    timer_.cancel();
}

void RoutesFeed::fail(const std::string& problem) {
    complete_ = false;
    problems_.push_back(problem);
}

std::string RoutesFeed::explain(const std::error_code& error, const GroupRoute& route) const {
    const auto name = to_string(route.name);
    if (error == std::errc::operation_not_permitted || error == std::errc::permission_denied)
        return "cannot change the route to " + name + ": permission denied: run wgbfd as root or with CAP_NET_ADMIN";
    if (error == std::errc::file_exists)
        return "somebody else has a route to " + name + ": remove it, or give the group another metric";
    if (error == std::errc::invalid_argument && route.source.is_set())
        return "cannot set the route to " + name + ": is its source " + to_string(route.source) +
               " an address of this host?";
    return "cannot set the route to " + name + ": " + error.message();
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
        at = std::min(at, now + look_again_after);
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

base::Result<bool, std::error_code> revert_route(const io::UndoRecord& record, const GroupRouteAccess& access) {
    if (record.feed != routes_feed) return tl::unexpected{std::make_error_code(std::errc::invalid_argument)};
    if (record.before == kept) return false;
    if (const auto name = parse_route(record.subject)) {
        const auto routes = access.read(name->table);
        if (!routes) return tl::unexpected{routes.error()};
        if (std::ranges::find(*routes, *name, &GroupRoute::name) == routes->end()) return false;
        const auto error = access.remove(*name);
        if (error && error != std::errc::no_such_process) return tl::unexpected{error};
        return true;
    }
    if (const auto rule = parse_rule(record.subject)) {
        const auto error = access.remove_rule(*rule);
        if (error == std::errc::no_such_file_or_directory) return false;
        if (error) return tl::unexpected{error};
        return true;
    }
    return tl::unexpected{std::make_error_code(std::errc::invalid_argument)};
}

}  // namespace kernel
