#include "kernel/operstate_feed.hpp"

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>

namespace kernel {
namespace {

using adjacency::Link;
using adjacency::Operstate;
using namespace std::chrono_literals;

constexpr base::Duration addresses_within = 2s;
constexpr base::Duration set_again_after = 1s;  // an operator who insists wins most of the time, and is told
constexpr base::Duration retry_after = 1s;
constexpr base::Duration fight_is_told_for = 60s;

std::string explain(const std::error_code& error, const std::string& interface) {
    if (error == std::errc::operation_not_permitted || error == std::errc::permission_denied)
        return "cannot set the state of " + interface + ": permission denied: run wgbfd as root or with CAP_NET_ADMIN";
    if (error == std::errc::no_such_device)
        return interface + " is gone: create it again, or take it out of the feed link";
    if (error == std::errc::protocol_error)
        return "the kernel acknowledged the state of " + interface + " and did not change it: check its carrier";
    return "cannot set the state of " + interface + ": " + error.message();
}

const Link* find(const std::optional<std::map<std::string, Link>>& links, const std::string& name) {
    if (!links) return nullptr;
    const auto at = links->find(name);
    return at == links->end() ? nullptr : &at->second;
}

}  // namespace

OperstateFeed::OperstateFeed(boost::asio::io_context& context, io::UndoLog& undo, std::function<base::Now()> now,
                             OperstateAccess access)
    : undo_{undo}, now_{std::move(now)}, access_{std::move(access)}, timer_{context, [this] { settle(); }} {}

void OperstateFeed::apply(std::span<const policy::Wanted> all) {
    auto desired = desired_operstates(all);
    for (auto& [name, interface] : interfaces_) interface.desired = {};
    for (auto& [name, wish] : desired) interfaces_[name].desired = std::move(wish);
    judged_ = true;
    settle();
}

void OperstateFeed::withdraw_all() {
    apply({});
    if (links_) return;
    // Stopped before the links were known: what an earlier process left is put back all the same.
    for (const auto& record : undo_.records(operstate_feed))
        if (revert_operstate(record, access_)) forget_record(record.subject);
}

void OperstateFeed::on_links(const std::vector<Link>& links) {
    auto before = std::exchange(links_, std::map<std::string, Link>{});
    for (const auto& link : links) links_->emplace(link.name, link);
    if (!before) {
        adopt();
        before = links_;  // what is there already has not just come up
    }
    for (auto& entry : interfaces_) {
        const auto after = links_->find(entry.first);
        on_link(entry, find(before, entry.first), after == links_->end() ? nullptr : &after->second);
    }
    settle();
}

void OperstateFeed::adopt() {
    for (const auto& record : undo_.records(operstate_feed)) {
        const auto subject = parse_subject(record.subject);
        const auto* const link = subject ? find(links_, subject->interface) : nullptr;
        if (link == nullptr || link->index != subject->index) {
            forget_record(record.subject);  // that interface is no more
            continue;
        }
        auto& interface = interfaces_[subject->interface];
        interface.held = subject->index;
        tell(interface, "down", now_());
    }
}

void OperstateFeed::on_link(Entry& entry, const Link* before, Link* after) {
    auto& interface = entry.second;
    if (interface.held && (after == nullptr || after->index != *interface.held)) leave(entry);
    if (after == nullptr || !after->up) {
        interface.wait_until.reset();
        return;
    }
    const bool came_up = before == nullptr || !before->up || before->index != after->index;
    if (came_up && (interface.held || interface.desired.dormant)) {
        // The kernel gives a DORMANT interface its link-local address back only when it is UP.
        const auto state = access_.read(after->index);
        if (interface.held && state && state->operstate == Operstate::dormant &&
            !change_operstate(access_, after->index, Operstate::up)) {
            after->operstate = Operstate::up;
            tell(interface, "up", now_());
        }
        interface.set_at.reset();  // setting it again is not a fight
        interface.wait_until = now_().steady + addresses_within;
    }
    if (!interface.wait_until) interface.had = after->addresses;
}

// The interface of that name is another one, or none. DORMANT goes with an interface that was renamed.
void OperstateFeed::leave(Entry& entry) {
    const auto index = *entry.second.held;
    for (auto& [name, link] : *links_) {
        if (link.index != index) continue;
        const auto reverted = revert_operstate({operstate_feed, to_subject(name, index), {}, {}}, access_);
        if (reverted && *reverted) link.operstate = Operstate::up;
    }
    forget(entry);
}

void OperstateFeed::settle() {
    const auto now = now_();
    wake_ = base::never;
    for (auto& entry : interfaces_) judge(entry, now);
    std::erase_if(interfaces_, [](const Entry& entry) {
        return !entry.second.held && entry.second.desired.peers.empty() && entry.second.problem.empty();
    });
    if (wake_ == base::never) return timer_.cancel();
    timer_.expire_after(std::max(base::Duration::zero(), wake_ - now.steady));
}

void OperstateFeed::judge(Entry& entry, base::Now now) {
    if (!judged_ || !links_) return;
    auto& interface = entry.second;
    interface.problem.clear();
    if (!interface.desired.dormant) return release(entry, now);
    const auto link = links_->find(entry.first);
    if (link == links_->end() || !link->second.up) return;  // down already; judged again when it comes
    if (still_waiting(interface, link->second, now)) return;
    hold(entry, link->second, now);
}

bool OperstateFeed::still_waiting(Interface& interface, const Link& link, base::Now now) {
    if (!interface.wait_until) return false;
    const bool back = std::ranges::all_of(interface.had, [&](const adjacency::LinkAddress& had) {
        return std::ranges::any_of(link.addresses, [&](const adjacency::LinkAddress& has) {
            return has.local == had.local && has.peer == had.peer && has.prefix_length == had.prefix_length;
        });
    });
    if (!back && now.steady < *interface.wait_until) {
        wake_at(*interface.wait_until);
        return true;
    }
    interface.wait_until.reset();
    return false;
}

void OperstateFeed::hold(Entry& entry, Link& link, base::Now now) {
    auto& interface = entry.second;
    interface.had = link.addresses;
    if (link.operstate == Operstate::dormant) return tell(interface, "down", now);
    // What we were told may be older than what we did since.
    const auto state = access_.read(link.index);
    if (!state) return fail(entry, state.error(), now);
    const bool can_change = state->operstate == Operstate::up || state->operstate == Operstate::unknown;
    if (!can_change || !state->up) return tell(interface, "down", now);
    if (interface.held && interface.set_at) {
        interface.fought_at = now.steady;
        if (now.steady < *interface.set_at + set_again_after) {
            tell(interface, "up", now);
            return wake_at(*interface.set_at + set_again_after);
        }
    }
    make_dormant(entry, link, *state, now);
}

void OperstateFeed::make_dormant(Entry& entry, Link& link, const LinkState& state, base::Now now) {
    auto& interface = entry.second;
    try {
        undo_.record({operstate_feed, to_subject(entry.first, link.index), std::string{to_string(state.operstate)},
                      std::string{to_string(Operstate::dormant)}});
    } catch (const std::system_error& error) {
        interface.problem = "left " + entry.first + " as it is, for its undo record cannot be written: " + error.what();
        return wake_at(now.steady + retry_after);
    }
    interface.held = link.index;
    interface.set_at = now.steady;
    if (const auto error = change_operstate(access_, link.index, Operstate::dormant)) {
        interface.set_at.reset();
        const auto after = access_.read(link.index);
        if (after && after->operstate != Operstate::dormant) forget(entry);
        return fail(entry, error, now);
    }
    link.operstate = Operstate::dormant;
    tell(interface, "down", now);
}

void OperstateFeed::release(Entry& entry, base::Now now) {
    auto& interface = entry.second;
    interface.wait_until.reset();
    if (interface.held) {
        const auto record = io::UndoRecord{operstate_feed, to_subject(entry.first, *interface.held), {}, {}};
        const auto reverted = revert_operstate(record, access_);
        if (!reverted) return fail(entry, reverted.error(), now);
        if (const auto link = links_->find(entry.first); *reverted && link != links_->end())
            link->second.operstate = Operstate::up;
        forget(entry);
    }
    tell(interface, "up", now);
}

void OperstateFeed::forget(Entry& entry) {
    auto& interface = entry.second;
    const auto index = std::exchange(interface.held, std::nullopt);
    interface.set_at.reset();
    if (index) forget_record(to_subject(entry.first, *index));
}

void OperstateFeed::forget_record(const std::string& subject) {
    try {
        undo_.forget(operstate_feed, subject);
        undo_problem_.clear();
    } catch (const std::system_error& error) {
        // A record too many is harmless: it is reverted only where the state is still ours.
        undo_problem_ = std::string{"an undo record stays: "} + error.what();
    }
}

void OperstateFeed::fail(Entry& entry, const std::error_code& error, base::Now now) {
    entry.second.problem = explain(error, entry.first);
    if (error != std::errc::no_such_device) wake_at(now.steady + retry_after);  // else Links will tell
}

void OperstateFeed::tell(Interface& interface, const char* what, base::Now now) {
    if (interface.told_at && interface.told == what) return;
    interface.told = what;
    interface.told_at = now.wall;
}

void OperstateFeed::wake_at(base::TimePoint at) { wake_ = std::min(wake_, at); }

policy::FeedStatus OperstateFeed::status() const {
    policy::FeedStatus out{.name = operstate_feed, .healthy = true, .problem = undo_problem_, .told = {}};
    const auto now = now_().steady;
    for (const auto& [name, interface] : interfaces_) {
        auto problem = interface.problem;
        if (problem.empty() && interface.fought_at && now < *interface.fought_at + fight_is_told_for)
            problem = "something sets " + name + " UP while its peers are down: stop it, or take link from its feeds";
        if (!problem.empty()) out.problem += (out.problem.empty() ? "" : "; ") + problem;
        if (!interface.told_at) continue;
        for (const auto id : interface.desired.peers) out.told.push_back({id, interface.told, *interface.told_at});
    }
    out.healthy = out.problem.empty();
    return out;
}

}  // namespace kernel
