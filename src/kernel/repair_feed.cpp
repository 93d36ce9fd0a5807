#include "kernel/repair_feed.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <system_error>
#include <utility>

#include "kernel/operstate.hpp"

namespace kernel {
namespace {

using namespace std::chrono_literals;

// Routing is given that long to begin; what is redirected before costs nothing.
constexpr base::Duration until_looked = 2s;
constexpr base::Duration look_again_after = 1s;
// These keep a handler under a millisecond: interfaces prepared, and questions and changes at those that are.
constexpr std::size_t prepared_a_turn = 2;
constexpr std::size_t steps_a_turn = 6;
constexpr const char* ours = "preference 87";
constexpr const char* made_clsact = "no clsact";
constexpr const char* found_clsact = "clsact";

std::string explain(const std::error_code& error, const std::string& interface) {
    if (error == std::errc::operation_not_permitted || error == std::errc::permission_denied)
        return "cannot redirect " + interface + ": permission denied: run wgbfd as root or with CAP_NET_ADMIN";
    if (error == std::errc::no_such_file_or_directory || error == std::errc::operation_not_supported)
        return "cannot redirect " + interface + ": this kernel lacks one of the modules sch_ingress, cls_u32 and " +
               "act_mirred: modprobe them";
    return "cannot redirect " + interface + ": " + error.message();
}

}  // namespace

RepairFeed::RepairFeed(boost::asio::io_context& context, io::UndoLog& undo, Host host, EgressAccess access)
    : undo_{undo}, host_{std::move(host)}, access_{std::move(access)}, timer_{context, [this] { look_again(); }} {
    for (const auto& record : undo_.records(repair_feed))
        if (const auto subject = parse_subject(record.subject)) interfaces_[subject->index].recorded = true;
}

void RepairFeed::apply(std::span<const policy::Wanted> all) {
    steps_left_ = steps_a_turn;
    apply_now(all);
}

void RepairFeed::apply_now(std::span<const policy::Wanted> all) {
    if (!goes_on_) failed_.clear();
    if (!goes_on_) ways_.clear();
    doubt();
    desired_ = {};
    const auto ask = [this](const base::IpAddress& address) { return way(address); };
    if (!all.empty()) desired_ = desired_repair(all, host_.links(all), needed(all), ask);
    settle();
    tell(all);
    schedule();
}

void RepairFeed::look_again() {
    goes_on_ = waiting_;
    if (!goes_on_) look_at_ = {};
    host_.apply_again();
    goes_on_ = false;
}

// Somebody may have taken away what redirects. News that never end put no look off.
void RepairFeed::doubt() {
    const auto now = host_.now().steady;
    if (goes_on_ || now < look_at_) return;
    look_at_ = now + look_again_after;
    for (auto& [index, interface] : interfaces_)
        if (std::ranges::any_of(interface.filters, [](const auto& filter) { return filter.to.value != 0; }))
            interface.known = false;
}

std::set<adjacency::AdjacencyId> RepairFeed::needed(std::span<const policy::Wanted> all) {
    const auto now = host_.now().steady;
    std::set<adjacency::AdjacencyId> out;
    std::map<adjacency::AdjacencyId, base::TimePoint> down;
    for (const auto& wanted : all) {
        if (!wanted.counts_as_down) continue;
        const auto known = down_since_.find(wanted.id);
        const auto since = known == down_since_.end() ? now : known->second;
        down.emplace(wanted.id, since);
        if (now < since + until_looked || host_.carries(wanted.adjacency)) out.insert(wanted.id);
    }
    down_since_ = std::move(down);
    return out;
}

base::IfIndex RepairFeed::way(const base::IpAddress& address) {
    const auto [at, fresh] = ways_.try_emplace(address);
    if (fresh && host_.way) at->second = host_.way(address);
    return at->second;
}

// What goes goes first: an interface that is redirected is never the target of another.
void RepairFeed::settle() {
    problems_.clear();
    waiting_ = false;
    release_others();
    for (const auto& [name, wish] : desired_.interfaces) {
        problems_.insert(problems_.end(), wish.problems.begin(), wish.problems.end());
        let_go(name, wish);
    }
    if (!waiting_) hold_all();
    for (const auto& [index, problem] : failed_) problems_.push_back(problem);
}

void RepairFeed::hold_all() {
    for (const auto& [name, wish] : desired_.interfaces)
        if (wish.redirects && !failed_.contains(wish.index) && !stands(wish) && may_step()) hold(name, wish);
    std::size_t prepared = 0;
    for (const auto& [name, wish] : desired_.interfaces) {
        if (wish.redirects || wish.filters.empty() || failed_.contains(wish.index) || stands(wish)) continue;
        if (prepared++ < prepared_a_turn && !waiting_)
            hold(name, wish);
        else
            waiting_ = true;
    }
}

bool RepairFeed::stands(const RepairedInterface& wish) const {
    const auto at = interfaces_.find(wish.index);
    return at != interfaces_.end() && at->second.known && changes(at->second.filters, wish.filters).empty();
}

// The rest waits for the next turn.
bool RepairFeed::may_step() {
    if (steps_left_ == 0) return !(waiting_ = true);
    --steps_left_;
    return true;
}

// Interfaces that nobody wants repaired any more, or that are gone.
void RepairFeed::release_others() {
    std::set<base::IfIndex> wanted;
    for (const auto& [name, wish] : desired_.interfaces)
        if (!wish.filters.empty()) wanted.insert(wish.index);
    std::vector<base::IfIndex> others;
    for (const auto& [index, interface] : interfaces_)
        if (!wanted.contains(index) && !failed_.contains(index)) others.push_back(index);
    for (const auto index : others)
        if (may_step()) release(index);
}

void RepairFeed::release(base::IfIndex index) {
    for (const auto& record : undo_.records(repair_feed)) {
        const auto subject = parse_subject(record.subject);
        if (!subject || subject->index != index) continue;
        if (const auto reverted = revert_repair(record, access_); !reverted)
            return fail(index, explain(reverted.error(), subject->interface));
        try {
            undo_.forget(repair_feed, record.subject);
        } catch (const std::system_error& error) {
            // A record too many is harmless: nothing of ours is left there.
            problems_.push_back(std::string{"an undo record stays: "} + error.what());
        }
    }
    interfaces_.erase(index);
}

void RepairFeed::let_go(const std::string& name, const RepairedInterface& wish) {
    const auto at = interfaces_.find(wish.index);
    if (at == interfaces_.end() || !at->second.recorded || failed_.contains(wish.index)) return;
    auto& interface = at->second;
    if (!interface.known) {
        if (!may_step()) return;
        const auto now = access_.read(wish.index);
        if (!now) return fail(wish.index, explain(now.error(), name));
        interface.filters = now->ours;
        interface.known = now->qdisc == EgressQdisc::clsact;
    }
    // Redirects alone: what passes stays until its like is there.
    auto numbers = changes(interface.filters, wish.filters).remove;
    std::erase_if(numbers, [&](std::uint16_t number) {
        const auto filter = std::ranges::find(interface.filters, number, &EgressFilter::number);
        return filter == interface.filters.end() || filter->to.value == 0;
    });
    if (numbers.empty() || !may_step()) return;
    const auto error = access_.change(wish.index, numbers, {});
    if (error) interface.known = false;
    if (error && error != std::errc::no_such_file_or_directory && error != std::errc::invalid_argument)
        return fail(wish.index, explain(error, name));  // those two: somebody took them away already
    std::erase_if(interface.filters,
                  [&](const EgressFilter& f) { return std::ranges::find(numbers, f.number) != numbers.end(); });
}

// What is there is looked at before anything is redirected: without those that pass, our own probes would be, too.
void RepairFeed::hold(const std::string& name, const RepairedInterface& wish) {
    if (!prepare(name, wish)) return;
    auto& interface = interfaces_.at(wish.index);
    const auto wanted = changes(interface.filters, wish.filters);
    interface.known = false;
    if (const auto error = access_.change(wish.index, wanted.remove, wanted.add))
        return fail(wish.index, explain(error, name));
    interface.filters = wish.filters;
    interface.known = true;
}

// The qdisc is there, recorded, and what stands of ours is known.
bool RepairFeed::prepare(const std::string& name, const RepairedInterface& wish) {
    const auto refuse = [&](const std::string& problem) {
        fail(wish.index, problem);
        return false;
    };
    const auto now = access_.read(wish.index);
    if (!now) return refuse(explain(now.error(), name));
    if (now->qdisc == EgressQdisc::other)
        return refuse(name +
                      " is not repaired: it has a qdisc `ingress`, beside which there is no clsact: replace it "
                      "(tc qdisc replace dev " +
                      name + " clsact)");
    if (now->foreign || (!interfaces_[wish.index].recorded && !now->ours.empty()))
        return refuse(name +
                      " is not repaired: somebody else has filters with preference 87 at its egress: give them "
                      "another one");
    if (!record(name, wish.index, now->qdisc)) return false;
    if (now->qdisc == EgressQdisc::none) {
        if (const auto error = access_.add_clsact(wish.index)) return refuse(explain(error, name));
        if (const auto error = load_modules(wish.index)) return refuse(explain(error, name));
    }
    auto& interface = interfaces_[wish.index];
    interface.filters = now->ours;
    return interface.known = true;
}

// The kernel loads act_mirred when it is first asked for, which starts a process: not in the moment of a cut. So
// something redirects what no packet is (IP version 0), and goes again.
std::error_code RepairFeed::load_modules(base::IfIndex index) {
    constexpr std::uint16_t number = 0xfff;
    const EgressFilter nothing{.number = number, .matches = {{0, 0, 0xf000'0000}}, .to = index};
    if (const auto error = access_.change(index, {}, std::span{&nothing, 1})) return error;
    return access_.change(index, std::span{&number, 1}, {});
}

bool RepairFeed::record(const std::string& name, base::IfIndex index, EgressQdisc before) {
    try {
        undo_.record(
            {repair_feed, to_subject(name, index), before == EgressQdisc::none ? made_clsact : found_clsact, ours});
    } catch (const std::system_error& error) {
        fail(index, "left " + name + " as it is, for its undo record cannot be written: " + error.what());
        return false;
    }
    interfaces_[index].recorded = true;
    return true;
}

void RepairFeed::fail(base::IfIndex index, const std::string& problem) { failed_.emplace(index, problem); }

void RepairFeed::tell(std::span<const policy::Wanted> all) {
    std::erase_if(told_, [&](const auto& entry) { return !desired_.told.contains(entry.first); });
    for (const auto& wanted : all) {
        const auto found = desired_.told.find(wanted.id);
        if (found == desired_.told.end()) continue;
        const auto index = desired_.interfaces.at(wanted.adjacency.interface).index;
        const auto what = failed_.contains(index) ? std::string{"failed"} : found->second;
        auto& told = told_[wanted.id];
        if (told.told != what) told = {wanted.id, what, host_.now().wall};
    }
}

void RepairFeed::schedule() {
    if (waiting_) return timer_.expire_after(base::Duration::zero());
    const bool looking = !down_since_.empty() && !desired_.interfaces.empty();
    if (!looking && failed_.empty()) return timer_.cancel();
    timer_.expire_after(std::max(base::Duration::zero(), look_at_ - host_.now().steady));
}

void RepairFeed::withdraw_all() {
    steps_left_ = std::numeric_limits<std::size_t>::max();
    apply_now({});
    timer_.cancel();
}

policy::FeedStatus RepairFeed::status() const {
    policy::FeedStatus out{.name = repair_feed, .healthy = problems_.empty(), .problem = {}, .told = {}};
    for (const auto& problem : problems_) out.problem += (out.problem.empty() ? "" : "; ") + problem;
    for (const auto& [id, told] : told_) out.told.push_back(told);
    return out;
}

base::Result<bool, std::error_code> revert_repair(const io::UndoRecord& record, const EgressAccess& access) {
    const auto subject = parse_subject(record.subject);
    if (!subject || record.feed != repair_feed)
        return tl::unexpected{std::make_error_code(std::errc::invalid_argument)};
    const auto now = access.read(subject->index);
    if (!now && now.error() == std::errc::no_such_device) return false;
    if (!now) return tl::unexpected{now.error()};
    if (now->qdisc != EgressQdisc::clsact) return false;
    if (!now->ours.empty() && !now->foreign)
        if (const auto error = access.remove_all(subject->index)) return tl::unexpected{error};
    if (record.before == made_clsact)
        if (const auto error = access.remove_clsact(subject->index)) return tl::unexpected{error};
    return true;
}

}  // namespace kernel
