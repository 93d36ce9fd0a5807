// What the worker tells its feeds, in the order in which routing should hear it.
#include "daemon/worker.hpp"

namespace wgbfd {

void Worker::apply_feeds() {
    link_feed_.apply(controller_.wanted(kernel::operstate_feed));
    if (nexthops_) nexthops_->apply(controller_.wanted(kernel::nexthop_feed));
    bird_protocols_.apply(controller_.wanted(bird::protocol_feed));
}

// What stands in a table that is configured no more goes at once; what an earlier process left in ours is adopted.
void Worker::follow_nexthop_table() {
    const auto table = controller_.config().bird.nexthop_table;
    if (nexthops_ && nexthops_->table() != table) {
        nexthops_->withdraw_all();
        nexthops_.reset();
    }
    for (const auto& record : undo_.records(kernel::nexthop_feed)) {
        if (table && record.subject == kernel::nexthop_subject(*table)) continue;
        try {
            if (kernel::revert_nexthops(record)) undo_.forget(record.feed, record.subject);
        } catch (const std::system_error& error) {
            log_.write(Level::error, std::string{"undo problem=\""} + error.what() + "\"");
        }
    }
    if (table && !nexthops_) {
        nexthops_.emplace(io_, undo_, clock_now, *table);
        if (!links_.empty()) nexthops_->on_links(links_);
    }
}

void Worker::withdraw_feeds() {
    link_feed_.withdraw_all();
    if (nexthops_) nexthops_->withdraw_all();
    bird_protocols_.withdraw_all([this] { say_goodbye(); });
}

}  // namespace wgbfd
