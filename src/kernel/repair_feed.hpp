// The feed `repair`: while an adjacency is down, what leaves by its interface is redirected to the best live interface
// of its group, at once and for any number of routes, until routing has moved or the adjacency is back. What passes
// unredirected is put in place ahead of need, so that the cut costs one message. Touches no route, no next hop, and no
// filter that is not its own.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "base/time.hpp"
#include "io/timer.hpp"
#include "io/undo_log.hpp"
#include "kernel/desired_repair.hpp"
#include "kernel/egress_filter.hpp"
#include "policy/feed.hpp"

namespace kernel {

class RepairFeed final : public policy::Feed {
public:
    struct Host {
        std::function<base::Now()> now;
        // Of their interfaces, and of the other WireGuard ones, which may carry them.
        std::function<RepairLinks(std::span<const policy::Wanted>)> links;
        Way way;
        std::function<bool(const adjacency::Adjacency&)> carries;  // does a route go there still? true: or unknown
        std::function<void()> apply_again;                         // calls apply() with all that is wanted then
    };
    // Filters of ours that an earlier process left stand until the first apply(), which the caller makes once the
    // adjacencies can be judged anew.
    RepairFeed(boost::asio::io_context& context, io::UndoLog& undo, Host host, EgressAccess access = kernel_egress());

    void apply(std::span<const policy::Wanted> all) override;
    policy::FeedStatus status() const override;
    void withdraw_all();  // for stop: nothing of ours is left when it returns
    bool is_clear() const { return interfaces_.empty() && problems_.empty(); }

private:
    struct Interface {
        std::vector<EgressFilter> filters;  // of ours, as last read and changed since
        bool known = false;                 // ... which is what is there
        bool recorded = false;
    };

    std::set<adjacency::AdjacencyId> needed(std::span<const policy::Wanted> all);
    base::IfIndex way(const base::IpAddress& address);
    void apply_now(std::span<const policy::Wanted> all);
    void look_again();
    void doubt();
    void settle();
    void hold_all();
    bool stands(const RepairedInterface& wish) const;
    bool may_step();
    void release_others();
    void release(base::IfIndex index);
    void let_go(const std::string& name, const RepairedInterface& wish);
    void hold(const std::string& name, const RepairedInterface& wish);
    bool prepare(const std::string& name, const RepairedInterface& wish);
    std::error_code load_modules(base::IfIndex index);
    bool record(const std::string& name, base::IfIndex index, EgressQdisc before);
    void fail(base::IfIndex index, const std::string& problem);
    void tell(std::span<const policy::Wanted> all);
    void schedule();

    io::UndoLog& undo_;
    Host host_;
    EgressAccess access_;
    DesiredRepair desired_;
    std::map<base::IfIndex, Interface> interfaces_;
    std::map<adjacency::AdjacencyId, base::TimePoint> down_since_;
    std::map<adjacency::AdjacencyId, policy::Told> told_;
    std::map<base::IpAddress, base::IfIndex> ways_;  // as last asked, in this turn or those that it goes on from
    std::map<base::IfIndex, std::string> failed_;    // and why; not tried again before the work that waits is done
    std::vector<std::string> problems_;
    base::TimePoint look_at_{};  // at what redirects
    bool waiting_ = false;       // there is more to do, in the next turn
    bool goes_on_ = false;       // this turn is that next one
    std::size_t steps_left_ = 0;
    io::Timer timer_;
};

// For `undo`: takes our filters from the interface of `record`, and the clsact that we made where nobody else uses it.
// False: nothing was there.
base::Result<bool, std::error_code> revert_repair(const io::UndoRecord& record,
                                                  const EgressAccess& access = kernel_egress());

}  // namespace kernel
