// The feed `link`: makes an interface DORMANT when its peers are down, and UP again, so that every routing protocol of
// the host leaves it and stays away. Touches no interface that it has not made DORMANT itself.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "adjacency/link.hpp"
#include "base/time.hpp"
#include "io/timer.hpp"
#include "io/undo_log.hpp"
#include "kernel/desired_operstate.hpp"
#include "kernel/operstate.hpp"
#include "policy/feed.hpp"

namespace kernel {

class OperstateFeed final : public policy::Feed {
public:
    // What `undo` holds from an earlier process is adopted: it stands until the first apply(), which the caller makes
    // once the adjacencies can be judged anew.
    OperstateFeed(boost::asio::io_context& context, io::UndoLog& undo, std::function<base::Now()> now,
                  OperstateAccess access = kernel_operstate());

    void apply(std::span<const policy::Wanted> all) override;
    policy::FeedStatus status() const override;
    // Every call that kernel::Links makes, in its order: an interface that goes down and up must not be missed.
    void on_links(const std::vector<adjacency::Link>& links);
    void withdraw_all();  // for stop: every interface we hold UP, its record forgotten, before it returns

private:
    struct Interface {
        DesiredOperstate desired;
        std::optional<base::IfIndex> held;  // this one we made DORMANT, and recorded
        std::optional<base::TimePoint> set_at;
        std::optional<base::TimePoint> fought_at;   // somebody set it UP again
        std::optional<base::TimePoint> wait_until;  // for the addresses it had
        std::vector<adjacency::LinkAddress> had;    // addresses, when it was last seen up
        std::string problem;
        std::string told = "up";
        std::optional<base::WallTime> told_at;
    };
    using Entry = std::map<std::string, Interface>::value_type;

    void adopt();
    void on_link(Entry& entry, const adjacency::Link* before, adjacency::Link* after);
    void leave(Entry& entry);
    void settle();
    void judge(Entry& entry, base::Now now);
    void hold(Entry& entry, adjacency::Link& link, base::Now now);
    void make_dormant(Entry& entry, adjacency::Link& link, const LinkState& state, base::Now now);
    void release(Entry& entry, base::Now now);
    void forget(Entry& entry);
    void forget_record(const std::string& subject);
    bool still_waiting(Interface& interface, const adjacency::Link& link, base::Now now);
    void fail(Entry& entry, const std::error_code& error, base::Now now);
    void tell(Interface& interface, const char* what, base::Now now);
    void wake_at(base::TimePoint at);

    io::UndoLog& undo_;
    std::function<base::Now()> now_;
    OperstateAccess access_;
    std::map<std::string, Interface> interfaces_;
    std::string undo_problem_;
    std::optional<std::map<std::string, adjacency::Link>> links_;  // none: not told yet
    bool judged_ = false;  // apply() has been called: before it, adopted interfaces stand
    base::TimePoint wake_ = base::never;
    io::Timer timer_;
};

}  // namespace kernel
