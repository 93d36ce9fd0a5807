// The feed `routes`, for hosts without a routing daemon: the prefixes of each group as kernel routes by the adjacencies
// that carry them, one or several, replaced in place so that at no moment there is none; and policy rules for source
// addresses. Touches no route and no rule but those with our protocol number that it has made, or that bear the name of
// one it makes.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "adjacency/link.hpp"
#include "base/time.hpp"
#include "io/timer.hpp"
#include "io/undo_log.hpp"
#include "kernel/desired_routes.hpp"
#include "kernel/group_route.hpp"
#include "policy/feed.hpp"

namespace kernel {

class RoutesFeed final : public policy::Feed {
public:
    // Routes that an earlier process left stand until the first apply(), which the caller makes once the adjacencies
    // can be judged anew. `apply_again` calls apply() with all that is wanted then.
    RoutesFeed(boost::asio::io_context& context, io::UndoLog& undo, std::function<base::Now()> now,
               std::function<void()> apply_again, GroupRouteAccess access = kernel_group_routes());

    void configure(std::vector<RouteGroup> groups);
    void apply(std::span<const policy::Wanted> all) override;
    policy::FeedStatus status() const override;
    // An interface that goes down takes its routes along, without a word to us.
    void on_links(const std::vector<adjacency::Link>& links);
    void withdraw_all();  // for stop: what no group keeps is gone when it returns
    bool is_clear() const { return groups_.empty() && recorded_.empty() && recorded_rules_.empty(); }
    // Whether some group shares its traffic out, IPv4's and IPv6's.
    bool balances(base::Family family) const;

private:
    void choose(std::span<const policy::Wanted> all);
    void adopt(const RouteGroup& group, std::span<const policy::Wanted> all, RouteChoice& choice);
    void settle();
    bool read();
    bool record();
    void set_routes();
    void set_rules();
    void remove_others();
    void forget(const std::string& subject);
    void fail(const std::string& problem);
    void tell();
    void schedule();
    std::string explain(const std::error_code& error, const GroupRoute& route) const;

    io::UndoLog& undo_;
    std::function<base::Now()> now_;
    std::function<void()> apply_again_;
    GroupRouteAccess access_;
    std::vector<RouteGroup> groups_;
    LinkNames links_;
    Choices choices_;
    DesiredRoutes desired_;
    std::map<RouteName, GroupRoute> have_;  // of ours, as last read and changed since
    std::set<SourceRule> have_rules_;
    std::set<RouteName> recorded_;  // that we made
    std::set<SourceRule> recorded_rules_;
    std::set<RouteName> kept_;  // of those, what the record says to keep
    std::set<SourceRule> kept_rules_;
    std::map<adjacency::AdjacencyId, policy::Told> told_;
    std::vector<std::string> problems_;
    bool known_ = false;                     // have_ is what is there
    base::TimePoint look_at_ = base::never;  // for what is there may change: have_ was read a while before
    bool judged_ = false;                    // apply() has been called
    bool complete_ = true;                   // have_ is what is desired
    io::Timer timer_;
};

}  // namespace kernel
