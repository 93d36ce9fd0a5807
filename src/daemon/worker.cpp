#include "daemon/worker.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <random>
#include <utility>

#include <boost/asio/post.hpp>

#include "kernel/route_lookup.hpp"

namespace wgbfd {
namespace {

std::uint64_t random_seed() {
    std::random_device device;
    return (std::uint64_t{device()} << 32) | device();
}

}  // namespace

base::Now clock_now() { return {std::chrono::steady_clock::now(), std::chrono::system_clock::now()}; }

Worker::Worker(WorkerSettings settings, config::Config config)
    : settings_{std::move(settings)},
      started_{clock_now().steady},
      keeper_{io_,
              std::move(settings_.channel),
              std::move(settings_.inherited),
              {[this] { give_way(); },
               [this](const std::string& why) {
                   restarting_ = false;
                   restart_problem_ = why;
               }}},
      controller_{std::move(config), random_seed(), clock_now()},
      seed_{random_seed()},
      loop_{net::LoopSettings{.echo_identifier = static_cast<std::uint16_t>(seed_)}},
      probe_watch_{io_, loop_.event_fd(), [this] { on_probe_events(); }},
      listeners_{keeper_, [this](const probe::Command& command) { pending_.push_back(command); }},
      quality_sockets_{keeper_, [this](const probe::Command& command) { pending_.push_back(command); },
                       static_cast<std::uint16_t>(seed_), static_cast<std::uint32_t>(seed_ >> 32),
                       controller_.config().bind},
      undo_{settings_.run_dir.undo_log()},
      repair_{io_,
              undo_,
              {clock_now, [this](std::span<const policy::Wanted> all) { return repair_links(all); },
               [](const base::IpAddress& address) {
                   const auto route = kernel::route_to(address, {}, {});
                   return route ? route->ifindex : base::IfIndex{};
               },
               [this](const adjacency::Adjacency& adjacency) { return carries_routes(adjacency); },
               [this] { repair_.apply(controller_.wanted(kernel::repair_feed)); }}},
      group_routes_{io_, undo_, clock_now, [this] { group_routes_.apply(controller_.wanted(kernel::routes_feed)); }},
      link_feed_{io_, undo_, clock_now},
      bird_control_{io_, controller_.config().bird.control},
      bird_kept_{undo_, bird_control_},
      bird_protocols_{io_, undo_, clock_now, bird_control_},
      former_includes_{io_, undo_, bird_control_, bird_kept_},
      frr_settings_{io_, undo_, clock_now, [this] { frr_settings_.apply(controller_.wanted(frr::vty_feed)); }},
      jobs_{io_, std::move(settings_.job_runner)},
      endpoints_{io_,
                 jobs_,
                 undo_,
                 clock_now,
                 {[this] { return controller_.wanted(wireguard::endpoint_feed); },
                  [this](const std::string& interface) { devices_->refresh(interface); },
                  [this](const std::string& note) { log_.write(Level::notice, note); }}},
      hooks_{io_, jobs_, settings_.run_dir.path(), clock_now,
             [this](const std::string& note) { log_.write(Level::notice, note); }},
      routes_{io_,
              controller_.convergence(),
              {[this] { schedule_turn(); }, [this](const std::string& note) { log_.write(Level::notice, note); }}},
      metrics_{io_,
               {[this] {
                    auto next = [this, at = control::RowsAt{}]() mutable {
                        return next_rows(at, MetricsServer::rows_in_a_slice);
                    };
                    return std::make_unique<view::Metrics>(process(), failover_times_, std::move(next));
                },
                [this](const std::string& note) { log_.write(Level::notice, note); }}},
      status_{io_,
              {[this] { return process(); },
               [this](control::RowsAt& at) { return next_rows(at, StatusServer::rows_in_a_slice); }}},
      signals_{io_, SIGTERM, SIGINT, SIGHUP},
      deadline_timer_{io_},
      flush_timer_{io_},
      second_timer_{io_},
      stop_timer_{io_},
      claim_timer_{io_} {
    // Before anything that may be slow: the peers wait.
    recalled_ = recall();
    const bool any = controller_.config().bind == config::Bind::any;
    listeners_.drop_left(any);
    if (any) listeners_.open_wildcards();
    listeners_.take_left();
    flush_commands();
    realtime_.follow(loop_, controller_.config().process);
    if (keeper_.has_guardian()) static_cast<void>(rest_from_realtime());  // until the guardian hears that we are ready
    if (undo_.problem()) log_.write(Level::warning, "undo_log problem=\"" + *undo_.problem() + "\"");
    were_up_ = settings_.run_dir.read_were_up();
    controller_.on_drained(settings_.run_dir.read_drained());
    if (!recalled_ && (!were_up_.empty() || !undo_.records().empty())) controller_.on_adopt(clock_now(), were_up_);
    follow_routes();
    follow_nexthop_table();
    former_includes_.adopt(controller_.config().bird.include);
    follow_include();
    follow_endpoints();
    hooks_.configure(controller_.config());
    frr_settings_.follow(controller_.config().frr.vty);
    quality_sockets_.open();
    journal_.on_event = [this](const std::string& event) {
        if (control_socket_) control_socket_->publish(event);
    };
    control_socket_.emplace(
        io_, settings_.run_dir.control_socket(), [this](const nlohmann::json& request) { return answer(request); },
        [this](const nlohmann::json& request, ControlSocket::Reply reply) {
            if (request["command"] == "status") {
                status_.ask(std::move(reply));
                return true;
            }
            if (request["command"] != "events") return false;
            boost::asio::post(io_, [this, reply = std::move(reply)] { reply(journal_.array()); });
            return true;
        },
        keeper_.take("control"));
    keeper_.keep("control", control_socket_->fd());
    metrics_.follow(controller_.config().metrics.listen);
    watch_host();
    connect_bfdd();
    give_memory();
    await_signal();
    sample();
}

Worker::~Worker() = default;

int Worker::run() {
    log_.write(Level::notice, "started version=" + settings_.version +
                                  " restarts=" + std::to_string(settings_.restarts) +
                                  (recalled_ ? " resumed=yes" : "") + " realtime=" + (loop_.realtime() ? "yes" : "no"));
    schedule_turn();
    handler_times_.run(io_);
    log_.write(Level::notice, "stopped");
    return undo_.records().empty() ? 0 : 1;  // 1: something could not be withdrawn; the guardian tries again
}

void Worker::watch_host() {
    devices_.emplace(io_, [this](std::vector<adjacency::Device> devices) {
        const bool more = devices.size() > device_values_.size();
        device_values_ = std::move(devices);
        if (more) look_at_rp_filter();
        on_host();
    });
    devices_->on_look = [this](base::TimePoint begun, const adjacency::Device& device) {
        if (controller_.on_look(begun, clock_now().steady, device)) schedule_turn();
        endpoints_.on_look(begun, device);
    };
    link_watch_.emplace(io_, [this](std::vector<adjacency::Link> links) {
        links_ = std::move(links);
        look_at_rp_filter();
        group_routes_.on_links(links_);
        has_vrfs_ = std::ranges::find(links_, adjacency::vrf_kind, &adjacency::Link::kind) != links_.end();
        ears_due_ = true;
        link_feed_.on_links(links_);
        if (nexthops_ && link_watch_->lost_events()) nexthops_->doubt();
        if (nexthops_) nexthops_->on_links(links_);
        frr_settings_.on_links(links_);
        devices_->on_links(links_);
        on_host();
        routes_.on_links(links_);
        ready();
    });
}

void Worker::on_host() {
    controller_.on_host(clock_now(), {links_, device_values_});
    ears_due_ |= has_vrfs_;
    schedule_turn();
    endpoints_.refresh();
}

void Worker::ready() {
    if (!std::exchange(ready_told_, true)) keeper_.tell(Word::ready);
}

}  // namespace wgbfd
