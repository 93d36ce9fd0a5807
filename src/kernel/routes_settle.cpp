// How the feed `routes` brings the kernel's routes and rules to what is desired, each recorded before it is made.
#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>

#include "kernel/host_route.hpp"
#include "kernel/routes_feed.hpp"
#include "kernel/routes_undo.hpp"

namespace kernel {
namespace {

constexpr base::Duration look_again_after = std::chrono::seconds{10};  // somebody may flush a table

bool waits_for_link(const std::error_code& error) {
    return error == std::errc::network_down || error == std::errc::no_such_device;
}

}  // namespace

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
    look_at_ = now_().steady + look_again_after;
    return known_ = true;
}

bool RoutesFeed::record() {
    const std::string ours = "protocol " + std::to_string(our_protocol);
    std::vector<io::UndoRecord> records;
    const auto add = [&](const auto& one, const auto& recorded, const auto& kept_before, const auto& kept_now) {
        const bool keeps = kept_now.contains(one);
        if (!recorded.contains(one) || kept_before.contains(one) != keeps)
            records.push_back({routes_feed, subject_of(one), keeps ? kept_route : no_route, ours});
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
        forget(subject_of(rule));
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
        forget(subject_of(name));
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

}  // namespace kernel
