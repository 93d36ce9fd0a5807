// What the probe thread tells and the controller makes of it, carried out: bfdd first, feeds next, then
// commands to the probe thread.
#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>

#include <boost/asio/post.hpp>

#include "daemon/worker.hpp"
#include "kernel/route_lookup.hpp"
#include "view/events.hpp"

namespace wgbfd {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t events_per_slice = 256;  // keeps a handler under a millisecond

// Sessions and measurements that come or go.
bool moves_ears(const probe::Command& command) {
    return std::holds_alternative<probe::Add>(command) || std::holds_alternative<probe::Remove>(command) ||
           std::holds_alternative<probe::AddGauge>(command) || std::holds_alternative<probe::RemoveGauge>(command);
}

}  // namespace

void Worker::on_probe_events() {
    const auto now = clock_now();
    loop_.acknowledge();
    for (std::size_t i = 0; i < events_per_slice; ++i) {
        const auto event = loop_.next_event();
        if (!event) {
            schedule_turn();
            return;
        }
        if (const auto* refused = std::get_if<probe::ListenFailed>(&*event))
            on_refused(*refused);
        else
            controller_.on_event(now, *event);
    }
    schedule_turn();
    boost::asio::post(io_, [this] { on_probe_events(); });  // the rest after whoever waits
}

void Worker::on_refused(const probe::ListenFailed& refused) {
    if (refused.listen.use == probe::Use::bfd)
        listeners_.on_refused(refused.listen, refused.error);
    else
        quality_sockets_.on_refused(refused.listen, refused.error);
}

void Worker::schedule_turn() {
    if (std::exchange(turn_scheduled_, true)) return;
    boost::asio::post(io_, [this] {
        turn_scheduled_ = false;
        turn();
    });
}

void Worker::turn() {
    auto turn = controller_.take(clock_now());
    ears_due_ |= has_vrfs_ && std::ranges::any_of(turn.commands, moves_ears);
    pending_.insert(pending_.end(), turn.commands.begin(), turn.commands.end());
    tell(turn);
    follow_listeners();
    flush_commands();
    write_down(turn.records);
    std::ranges::sort(turn.refresh_devices);
    const auto [first, last] = std::ranges::unique(turn.refresh_devices);
    turn.refresh_devices.erase(first, last);
    for (const auto& interface : turn.refresh_devices) devices_->refresh(interface);
    for (const auto& interface : turn.looks) devices_->look(interface);
    answer_lookups(turn.lookups);
    follow_neighbors();
    write_down(controller_.report(clock_now()));
    routes_.follow(controller_.wants_routes() && !stopping_, controller_.config().frr.fpm);
    arm_deadline();
    if (turn.unfinished) schedule_turn();
}

// The data plane first, the feeds second, in one turn.
void Worker::tell(const control::Turn& turn) {
    if (dataplane_ && !turn.bfdd.empty()) {
        std::vector<frr::StateChange> changes;
        changes.reserve(turn.bfdd.size());
        for (const auto& update : turn.bfdd) changes.push_back({update.lid, update.status});
        dataplane_->tell(changes);
    }
    if (turn.verdicts_changed && !stopping_) apply_feeds();
}

void Worker::flush_commands() {
    while (!pending_.empty() && loop_.post(pending_.front())) pending_.pop_front();
    if (pending_.empty()) return;
    flush_timer_.expires_after(1ms);
    flush_timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) flush_commands();
    });
}

void Worker::write_down(const std::vector<control::Record>& records) {
    bool verdicts = false;
    for (const auto& record : records) {
        journal_.add(view::event(record));
        if (record.failover) failover_times_.observe(*record.failover);
        verdicts |= record.event == "verdict";
        if (!record.logged) continue;
        log_.write(record.to == "down" || record.event == "stall" ? Level::warning : Level::notice,
                   view::log_line(record));
    }
    if (verdicts) remember_were_up();
}

void Worker::remember_were_up() {
    auto all = controller_.were_up();
    if (all == were_up_) return;
    were_up_ = std::move(all);
    try {
        settings_.run_dir.write_were_up(were_up_);
    } catch (const std::system_error& error) {
        log_.write(Level::error, std::string{"run_dir problem=\""} + error.what() + "\"");
    }
}

void Worker::remember_drained() {
    try {
        settings_.run_dir.write_drained(controller_.drained());
    } catch (const std::system_error& error) {
        log_.write(Level::error, std::string{"run_dir problem=\""} + error.what() + "\"");
    }
}

void Worker::answer_lookups(const std::vector<control::Lookup>& lookups) {
    for (const auto& lookup : lookups) {
        const auto local = lookup.local.is_set() ? std::optional{lookup.local} : std::nullopt;
        const auto route = kernel::route_to(lookup.remote, local, lookup.ifindex);
        if (!route) continue;  // asked again when links or addresses change
        controller_.on_route(clock_now(), lookup, route->local, route->ifindex);
        schedule_turn();
    }
}

// VRFs have ears of their own while they hold sessions, which come and go with commands, and by links' changes.
void Worker::follow_listeners() {
    if (links_.empty()) return;  // they tell what is in a VRF
    const auto& config = controller_.config();
    const bool by_address = config.bind == config::Bind::addresses;
    if (!by_address && !std::exchange(ears_due_, false) && listeners_.is_complete()) return;
    listeners_.follow(ears(config.bind, controller_.session_keys(), config.interfaces, links_));
    quality_sockets_.follow(ears(config.bind, controller_.measured_keys(), {}, links_));
}

void Worker::arm_deadline() {
    const auto at = controller_.deadline();
    if (at == base::never) return;
    deadline_timer_.expires_at(std::chrono::time_point_cast<std::chrono::steady_clock::duration>(at));
    deadline_timer_.async_wait([this](const boost::system::error_code& error) {
        if (error) return;
        controller_.on_deadline(clock_now());
        schedule_turn();
    });
}

}  // namespace wgbfd
