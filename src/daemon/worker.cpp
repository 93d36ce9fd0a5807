#include "daemon/worker.hpp"

#include <algorithm>
#include <csignal>
#include <fstream>
#include <random>
#include <stdexcept>

#include <boost/asio/post.hpp>

#include "config/parse.hpp"
#include "kernel/route_lookup.hpp"
#include "view/events.hpp"

namespace wgbfd {
namespace {

using namespace std::chrono_literals;

// bfdd of later versions allows over an hour; what configuration refuses is clamped here.
bfd::Microseconds clamped(bfd::Microseconds interval) {
    return std::clamp(interval, bfd::Microseconds{config::least_interval},
                      bfd::Microseconds{config::greatest_interval});
}

constexpr std::size_t events_per_slice = 256;  // keeps a handler under a millisecond

// Sessions and measurements that come or go.
bool moves_ears(const probe::Command& command) {
    return std::holds_alternative<probe::Add>(command) || std::holds_alternative<probe::Remove>(command) ||
           std::holds_alternative<probe::AddGauge>(command) || std::holds_alternative<probe::RemoveGauge>(command);
}

std::uint64_t random_seed() {
    std::random_device device;
    return (std::uint64_t{device()} << 32) | device();
}

}  // namespace

base::Now clock_now() { return {std::chrono::steady_clock::now(), std::chrono::system_clock::now()}; }

config::Config load_config(const std::filesystem::path& path) {
    std::ifstream in{path, std::ios::binary};
    if (!in) throw std::runtime_error{path.string() + ": cannot be read; give another file with --config"};
    std::string text;
    for (char block[4096]; in.read(block, sizeof block) || in.gcount() > 0;)
        text.append(block, static_cast<std::size_t>(in.gcount()));
    if (in.bad()) throw std::runtime_error{path.string() + ": is no readable file; give another one with --config"};
    auto parsed = config::parse(text);
    if (parsed) return *parsed;
    std::string all;
    for (const auto& error : parsed.error()) all += (all.empty() ? "" : "\n") + to_string(error, path.string());
    throw std::runtime_error{all};
}

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
    };
    link_watch_.emplace(io_, [this](std::vector<adjacency::Link> links) {
        links_ = std::move(links);
        look_at_rp_filter();
        group_routes_.on_links(links_);
        has_vrfs_ = std::ranges::find(links_, adjacency::vrf_kind, &adjacency::Link::kind) != links_.end();
        ears_due_ = true;
        link_feed_.on_links(links_);
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

void Worker::connect_bfdd() {
    const auto& address = controller_.config().frr.bfd_dataplane;
    bfdd_problem_.clear();
    if (!address) return;
    frr::BfdDataplaneCallbacks callbacks;
    callbacks.on_add = [this](const frr::AddSession& add) {
        controller_.on_request(clock_now(), {.lid = add.lid,
                                             .ifindex = add.ifindex,
                                             .interface = add.ifname,
                                             .local = add.source,
                                             .remote = add.destination,
                                             .multihop = add.multihop,
                                             .wish = {.desired_min_tx = clamped(add.min_tx),
                                                      .required_min_rx = clamped(add.min_rx),
                                                      .detect_mult = std::max<std::uint8_t>(add.detect_mult, 1),
                                                      .passive = add.passive,
                                                      .control_plane_independent = add.control_plane_independent,
                                                      .shutdown = add.shutdown,
                                                      .minimum_ttl = add.ttl}});
        schedule_turn();
    };
    callbacks.on_delete = [this](std::uint32_t lid) {
        controller_.on_withdraw(clock_now(), lid);
        schedule_turn();
    };
    callbacks.counters = [this](std::uint32_t lid) -> std::optional<frr::Counters> {
        const auto* counters = controller_.counters(lid);
        if (counters == nullptr) return std::nullopt;
        return frr::Counters{counters->bytes_received.value(), counters->packets_received.value(),
                             counters->bytes_sent.value(), counters->packets_sent.value()};
    };
    callbacks.on_gone = [this] {
        controller_.on_bfdd_gone(clock_now());
        schedule_turn();
    };
    callbacks.on_note = [this](const std::string& note) { log_.write(Level::notice, "frr-bfd " + note); };
    callbacks.on_problem = [this](const std::string& problem) {
        if (problem == bfdd_problem_) return;
        bfdd_problem_ = problem;
        log_.write(problem.empty() ? Level::notice : Level::warning, "frr-bfd problem=\"" + problem + "\"");
    };
    keep_bfdd(callbacks);
    auto inheritance = inherited_bfdd(*address);
    const bool anew = inheritance.connections.empty();
    dataplane_ = std::make_unique<frr::BfdDataplane>(io_, *address, std::move(callbacks), std::move(inheritance));
    if (recalled_ && anew) controller_.on_bfdd_gone(clock_now());
}

}  // namespace wgbfd
