#include "kernel/nexthop_table.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>
#include <system_error>
#include <utility>

namespace kernel {
namespace {

using namespace std::chrono_literals;

// Somebody may flush the table; a table is read in microseconds.
constexpr base::Duration look_again_after = 10s;
constexpr base::Duration retry_after = 1s;

std::optional<std::uint32_t> table_of(const io::UndoRecord& record) {
    std::uint32_t table = 0;
    const char* const end = record.subject.data() + record.subject.size();
    const auto [stop, error] = std::from_chars(record.subject.data(), end, table);
    if (record.feed != nexthop_feed || error != std::errc{} || stop != end || table == 0) return std::nullopt;
    return table;
}

bool waits_for_link(const std::error_code& error) {
    return error == std::errc::network_down || error == std::errc::no_such_device;
}

}  // namespace

NexthopTable::NexthopTable(boost::asio::io_context& context, io::UndoLog& undo, std::function<base::Now()> now,
                           std::uint32_t table, RouteAccess access)
    : undo_{undo}, now_{std::move(now)}, table_{table}, access_{std::move(access)}, timer_{context, [this] {
                                                                                               known_ = false;
                                                                                               settle();
                                                                                           }} {}

void NexthopTable::apply(std::span<const policy::Wanted> all) {
    desired_ = desired_nexthops(all);
    judged_ = true;
    settle();
}

void NexthopTable::on_links(const std::vector<adjacency::Link>& links) {
    std::map<std::string, std::pair<base::IfIndex, bool>> now;
    for (const auto& link : links) now[link.name] = {link.index, link.up};
    if (known_ && now == links_) return;
    links_ = std::move(now);
    known_ = false;
    settle();
}

void NexthopTable::withdraw_all() {
    known_ = false;
    apply({});
}

void NexthopTable::settle() {
    if (!judged_) return;
    problem_.clear();
    complete_ = false;
    if (now_().steady >= look_at_) known_ = false;  // news that never end put no look off
    if (read()) {
        const auto wanted = changes(have_, desired_.routes);
        const bool adds = std::ranges::any_of(wanted, &RouteChange::add);
        complete_ = !adds || record();
        if (complete_) change(wanted);
    }
    if (complete_ && have_.empty()) forget_record();
    tell();
    if (!complete_)
        timer_.expire_after(retry_after);
    else if (!desired_.routes.empty())
        timer_.expire_after(std::max(base::Duration::zero(), look_at_ - now_().steady));
    else
        timer_.cancel();
}

bool NexthopTable::read() {
    if (known_) return true;
    auto routes = access_.read(table_);
    if (!routes) {
        problem_ = "cannot read table " + std::to_string(table_) + ": " + routes.error().message();
        return false;
    }
    have_ = {routes->begin(), routes->end()};
    look_at_ = now_().steady + look_again_after;
    return known_ = true;
}

// One record for the table: our protocol number says which routes in it are ours.
bool NexthopTable::record() {
    try {
        undo_.record({nexthop_feed, nexthop_subject(table_), "none", "protocol " + std::to_string(our_protocol)});
        return true;
    } catch (const std::system_error& error) {
        problem_ = "left table " + std::to_string(table_) +
                   " as it is, for its undo record cannot be written: " + std::string{error.what()};
        return false;
    }
}

void NexthopTable::forget_record() {
    try {
        undo_.forget(nexthop_feed, nexthop_subject(table_));
    } catch (const std::system_error& error) {
        // A record too many is harmless: there is nothing of ours in the table.
        problem_ = std::string{"an undo record stays: "} + error.what();
    }
}

void NexthopTable::change(const std::vector<RouteChange>& all) {
    std::set<base::IpAddress> failed;
    for (const auto& one : all) {
        if (one.add) {
            if (!add(one.route)) failed.insert(one.route.destination);
        } else if (!failed.contains(one.route.destination)) {  // the old stands until the new one does
            remove(one.route);
        }
    }
}

bool NexthopTable::add(const HostRoute& route) {
    const auto error = access_.add(table_, route);
    if (!error) {
        have_.insert(route);
        return true;
    }
    complete_ = known_ = false;
    if (!waits_for_link(error)) problem_ = explain(error, route);  // else on_links() comes, and BIRD sees it down too
    return false;
}

void NexthopTable::remove(const HostRoute& route) {
    const auto error = access_.remove(table_, route);
    if (!error || error == std::errc::no_such_process) {
        have_.erase(route);
        return;
    }
    complete_ = known_ = false;
    problem_ = explain(error, route);
}

std::string NexthopTable::explain(const std::error_code& error, const HostRoute& route) const {
    const auto table = "table " + std::to_string(table_);
    if (error == std::errc::operation_not_permitted || error == std::errc::permission_denied)
        return "cannot change " + table + ": permission denied: run wgbfd as root or with CAP_NET_ADMIN";
    if (error == std::errc::file_exists)
        return "somebody else has a route to " + to_string(route.destination) + " with metric " +
               std::to_string(route.metric) + " in " + table + ": give nexthop_table a table that nobody uses";
    return "cannot change the route to " + to_string(route.destination) + " in " + table + ": " + error.message();
}

void NexthopTable::tell() {
    std::erase_if(told_, [&](const auto& entry) { return !desired_.told.contains(entry.first); });
    if (!complete_) return;
    for (const auto& [id, what] : desired_.told) {
        auto& told = told_[id];
        if (told.told != what) told = {id, what, now_().wall};
    }
}

policy::FeedStatus NexthopTable::status() const {
    policy::FeedStatus out{.name = nexthop_feed, .healthy = true, .problem = problem_, .told = {}};
    for (const auto& name : desired_.link_local)
        out.problem += (out.problem.empty() ? "" : "; ") + name +
                       " has a link-local address alone, which BIRD does not look up in a table: use the feed "
                       "bird-protocol for it";
    for (const auto& name : desired_.elsewhere)
        out.problem += (out.problem.empty() ? "" : "; ") + name +
                       " is in a VRF, and its address is a peer's outside it too, which one table cannot tell apart: "
                       "use the feed bird-protocol for it";
    for (const auto& [id, told] : told_) out.told.push_back(told);
    out.healthy = out.problem.empty();
    return out;
}

std::string nexthop_subject(std::uint32_t table) { return std::to_string(table); }

base::Result<bool, std::error_code> revert_nexthops(const io::UndoRecord& record, const RouteAccess& access) {
    const auto table = table_of(record);
    if (!table) return tl::unexpected{std::make_error_code(std::errc::invalid_argument)};
    const auto routes = access.read(*table);
    if (!routes) return tl::unexpected{routes.error()};
    for (const auto& route : *routes)
        if (const auto error = access.remove(*table, route); error && error != std::errc::no_such_process)
            return tl::unexpected{error};
    return !routes->empty();
}

}  // namespace kernel
