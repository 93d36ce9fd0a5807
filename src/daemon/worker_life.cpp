// The worker's signals and its end, its configuration while it runs, and what it looks at once a second.
#include <chrono>
#include <csignal>
#include <stdexcept>
#include <utility>

#include "daemon/load_config.hpp"
#include "daemon/worker.hpp"

namespace wgbfd {
namespace {

using namespace std::chrono_literals;

}  // namespace

void Worker::await_signal() {
    signals_.async_wait([this](const boost::system::error_code& error, int number) {
        if (error) return;
        if (number == SIGHUP) {
            if (const auto problem = reload()) log_.write(Level::error, "reload problem=\"" + *problem + "\"");
        } else {
            stop();
        }
        await_signal();
    });
}

// bfdd first (AdminDown for every lid keeps its BGP up), then the feeds, then the peers.
void Worker::stop() {
    if (std::exchange(stopping_, true)) return;
    log_.write(Level::notice, "stopping");
    if (!dataplane_) return withdraw_feeds();
    const auto go_on = [this] {  // once: the timer serves the goodbye then
        if (std::exchange(bfdd_left_, true)) return;
        stop_timer_.cancel();
        withdraw_feeds();
    };
    stop_timer_.expires_after(500ms);  // a bfdd that hangs must not hold us
    stop_timer_.async_wait([go_on](const boost::system::error_code& error) {
        if (!error) go_on();
    });
    dataplane_->stop(go_on);
}

void Worker::say_goodbye() {
    if (std::exchange(goodbye_said_, true)) return;
    const auto heard = controller_.on_stop(clock_now());
    turn();
    stop_timer_.expires_at(std::chrono::time_point_cast<std::chrono::steady_clock::duration>(heard));
    stop_timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) io_.stop();
    });
}

config::Config Worker::read_config() const {
    if (settings_.config) return load_config(*settings_.config);
    std::error_code error;
    if (std::filesystem::exists(settings_.default_config, error)) return load_config(settings_.default_config);
    return {};
}

// Asked while some peer's address is theirs to tell.
void Worker::follow_neighbors() {
    const auto& directory = controller_.config().frr.vty;
    if (directory != neighbors_directory_) {
        neighbors_.reset();
        neighbors_directory_ = directory;
        if (directory)
            neighbors_ =
                std::make_unique<frr::Neighbors>(io_, *directory, [this](std::vector<adjacency::Neighbor> all) {
                    found_by_frr_ = std::move(all);
                    tell_neighbors();
                });
    }
    if (neighbors_) neighbors_->follow(controller_.wants_neighbors() && !stopping_);
    follow_bird_neighbors();
}

void Worker::follow_bird_neighbors() {
    const bool wanted = controller_.config().bird.present && controller_.wants_neighbors() && !stopping_;
    if (wanted && !bird_neighbors_)
        bird_neighbors_.emplace(io_, bird_control_, [this](std::vector<adjacency::Neighbor> all) {
            found_by_bird_ = std::move(all);
            tell_neighbors();
        });
    if (bird_neighbors_) bird_neighbors_->follow(wanted);
}

void Worker::tell_neighbors() {
    auto all = found_by_frr_;
    all.insert(all.end(), found_by_bird_.begin(), found_by_bird_.end());
    controller_.on_neighbors(clock_now(), std::move(all));
    schedule_turn();
}

std::optional<std::string> Worker::reload() {
    if (stopping_) return "wgbfd is stopping: what it would change goes with it";
    try {
        auto config = read_config();
        if (config.bind != controller_.config().bind)
            return "[probe] bind cannot change while the daemon runs: stop it and start it again";
        if (config.bird.control != controller_.config().bird.control)
            return "[bird] control cannot change while the daemon runs: stop it and start it again";
        if (bird_include_ && config.bird.include != controller_.config().bird.include)
            return "[bird] include cannot change while the daemon runs: stop it and start it again";
        const bool other_bfdd = config.frr.bfd_dataplane != controller_.config().frr.bfd_dataplane;
        controller_.on_config(clock_now(), std::move(config));
        realtime_.follow(loop_, controller_.config().process);
        remember_drained();  // by their names of today
        follow_routes();
        follow_nexthop_table();
        frr_settings_.follow(controller_.config().frr.vty);
        follow_include();
        follow_endpoints();
        hooks_.configure(controller_.config());
        metrics_.follow(controller_.config().metrics.listen);
        if (other_bfdd) change_bfdd();
        ears_due_ = true;
    } catch (const std::runtime_error& error) {
        return error.what();  // what runs stays as it is
    }
    log_.write(Level::notice, "reloaded");
    schedule_turn();
    return std::nullopt;
}

// Systemd's watchdog is fed by this thread while the other one lives.
void Worker::watch_probe_thread() {
    const auto& loop = loop_.counters();
    const ProbePulse pulse{.wakeups = loop.wakeups.value(),
                           .due = base::TimePoint{base::Duration{loop.due_ns.value()}},
                           .last_standstill = base::Duration{loop.standstill_ns.value()}};
    const bool stood_still = standstills_.stands_still();
    if (const auto length = standstills_.look(clock_now().steady, pulse))
        log_.write(Level::warning, "probe_thread stood_still_ms=" + std::to_string(*length / 1ms));
    if (standstills_.stands_still() && !stood_still) log_.write(Level::warning, "probe_thread stands_still");
    if (!standstills_.stands_still()) sd_watchdog_.feed();
}

void Worker::sample() {
    watch_probe_thread();
    const auto wakeups = loop_.counters().wakeups.value();
    wakeups_per_s_ = wakeups - std::exchange(wakeups_before_, wakeups);
    if (++seconds_ % 10 == 0) {
        if (!quality_sockets_.problems().empty()) quality_sockets_.open();
        listeners_.retry();
        schedule_turn();
    }
    look_at_rp_filter();
    keep_round();
    if (devices_) {
        std::set<std::string> now;
        for (const auto& problem : quality_sockets_.problems()) now.insert("source problem=\"" + problem + "\"");
        for (const auto& problem : source_problems()) now.insert("source problem=\"" + problem + "\"");
        for (const auto& problem : realtime_.problems()) now.insert("process problem=\"" + problem + "\"");
        for (const auto& problem : frr_settings_.problems()) now.insert("frr-vty problem=\"" + problem + "\"");
        for (const auto& problem : former_includes_.problems()) now.insert("bird-include problem=\"" + problem + "\"");
        for (const auto& problem : now)
            if (!problems_told_.contains(problem)) log_.write(Level::warning, problem);
        problems_told_ = std::move(now);
    }
    second_timer_.expires_after(1s);
    second_timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) sample();
    });
}

}  // namespace wgbfd
