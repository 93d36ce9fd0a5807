// The feed `bird-nexthop`: a private kernel table that no rule looks up and BIRD learns as the place where BGP next
// hops are resolved. An empty table has no effect. Touches no route but those with our protocol number.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "adjacency/link.hpp"
#include "base/time.hpp"
#include "io/timer.hpp"
#include "io/undo_log.hpp"
#include "kernel/desired_nexthops.hpp"
#include "kernel/host_route.hpp"
#include "policy/feed.hpp"

namespace kernel {

inline constexpr const char* nexthop_feed = "bird-nexthop";

class NexthopTable final : public policy::Feed {
public:
    // Routes of ours that an earlier process left stand until the first apply(), which the caller makes once the
    // adjacencies can be judged anew.
    NexthopTable(boost::asio::io_context& context, io::UndoLog& undo, std::function<base::Now()> now,
                 std::uint32_t table, RouteAccess access = kernel_routes());

    void apply(std::span<const policy::Wanted> all) override;
    policy::FeedStatus status() const override;
    // An interface that goes down takes its routes along, without a word to us.
    void on_links(const std::vector<adjacency::Link>& links);
    void doubt() { known_ = false; }  // what is in the table may not be what it was
    void withdraw_all();  // for stop: nothing of ours is in the table when it returns, and no record is left
    std::uint32_t table() const { return table_; }

private:
    void settle();
    bool read();
    bool record();
    void forget_record();
    void change(const std::vector<RouteChange>& all);
    bool add(const HostRoute& route);
    void remove(const HostRoute& route);
    void tell();
    std::string explain(const std::error_code& error, const HostRoute& route) const;

    io::UndoLog& undo_;
    std::function<base::Now()> now_;
    std::uint32_t table_;
    RouteAccess access_;
    DesiredNexthops desired_;
    std::set<HostRoute> have_;                                     // of ours, as last read and changed since
    std::map<std::string, std::pair<base::IfIndex, bool>> links_;  // index, up
    std::map<adjacency::AdjacencyId, policy::Told> told_;
    std::string problem_;
    bool known_ = false;                     // have_ is what is there
    base::TimePoint look_at_ = base::never;  // for what is there may change: have_ was read a while before
    bool judged_ = false;                    // apply() has been called
    bool complete_ = true;                   // have_ is what is desired
    io::Timer timer_;
};

std::string nexthop_subject(std::uint32_t table);

// For `undo`: removes every route of ours from the table that the record names. False: there was none.
base::Result<bool, std::error_code> revert_nexthops(const io::UndoRecord& record,
                                                    const RouteAccess& access = kernel_routes());

}  // namespace kernel
