// What the worker tells its feeds, in the order in which routing should hear it.
#include <boost/asio/post.hpp>

#include "daemon/worker.hpp"

namespace wgbfd {

std::vector<bird::IncludeEntry> include_entries(const config::Config& config) {
    std::vector<bird::IncludeEntry> out;
    for (const auto& adjacency : config.adjacencies)
        if (adjacency.name && has_feed(config, adjacency, bird::include_feed))
            out.push_back({*adjacency.name, adjacency.local_pref, adjacency.dn42_latency, adjacency.dn42_loss,
                           adjacency.cost, config.bird.measured_communities});
    return out;
}

void Worker::apply_feeds() {
    repair_judged_ = true;
    repair_.apply(controller_.wanted(kernel::repair_feed));
    group_routes_.apply(controller_.wanted(kernel::routes_feed));
    link_feed_.apply(controller_.wanted(kernel::operstate_feed));
    if (nexthops_) nexthops_->apply(controller_.wanted(kernel::nexthop_feed));
    bird_protocols_.apply(controller_.wanted(bird::protocol_feed));
    frr_settings_.apply(controller_.wanted(frr::vty_feed));
    if (bird_include_) bird_include_->apply(controller_.wanted(bird::include_feed));
    endpoints_.apply(controller_.wanted(wireguard::endpoint_feed));
    hooks_.apply(controller_.wanted(hook_feed));
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

// The file is written before anything else, so that BIRD can start with it; its path cannot change later.
void Worker::follow_include() {
    const auto& config = controller_.config();
    if (!config.bird.include) return;
    bird::IncludeSettings settings{.entries = include_entries(config),
                                   .interval = config.bird.include_interval,
                                   .communities_interval = config.bird.communities_interval};
    if (bird_include_) return bird_include_->configure(std::move(settings));
    former_includes_.yield(*config.bird.include);
    bird_include_.emplace(io_, undo_, clock_now, bird_control_, bird_kept_, *config.bird.include, std::move(settings));
}

void Worker::follow_endpoints() {
    const auto& config = controller_.config();
    wireguard::EndpointSettings out{
        .times = {config.endpoint.fail_back, config.endpoint.kick}, .resolve = config.endpoint.resolve, .places = {}};
    for (const auto& adjacency : config.adjacencies) {
        if (adjacency.endpoints.empty()) continue;
        auto& places = out.places[{adjacency.interface, adjacency.peer}];
        for (const auto& endpoint : adjacency.endpoints)
            places.push_back({endpoint.host, endpoint.port, endpoint.address, endpoint.zone});
    }
    endpoints_.configure(std::move(out));
}

void Worker::withdraw_feeds() {
    repair_.withdraw_all();
    group_routes_.withdraw_all();
    link_feed_.withdraw_all();
    if (nexthops_) nexthops_->withdraw_all();
    const auto left = [this] {
        if (--feeds_leaving_ == 0) say_goodbye();
    };
    feeds_leaving_ = 4 + (bird_include_ ? 1 : 0);
    bird_protocols_.withdraw_all(left);
    frr_settings_.withdraw_all(left);
    if (bird_include_) bird_include_->withdraw_all(left);
    endpoints_.withdraw_all(left);
    hooks_.withdraw_all(left);
}

}  // namespace wgbfd
