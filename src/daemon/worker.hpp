// The worker: owns the probe thread and everything on the control thread, and carries each turn of the controller out:
// bfdd first, feeds next, then commands to the probe thread.
#pragma once

#include <chrono>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <nlohmann/json.hpp>

#include "base/unique_fd.hpp"
#include "bird/former_include.hpp"
#include "bird/include_feed.hpp"
#include "bird/kept_disabled.hpp"
#include "bird/neighbors.hpp"
#include "bird/protocol_feed.hpp"
#include "bird/shared_control.hpp"
#include "config/config.hpp"
#include "control/controller.hpp"
#include "daemon/control_socket.hpp"
#include "daemon/handler_times.hpp"
#include "daemon/hook_feed.hpp"
#include "daemon/journal.hpp"
#include "daemon/keeper.hpp"
#include "daemon/listeners.hpp"
#include "daemon/log.hpp"
#include "daemon/memory_file.hpp"
#include "daemon/metrics_server.hpp"
#include "daemon/probe_watch.hpp"
#include "daemon/quality_sockets.hpp"
#include "daemon/realtime.hpp"
#include "daemon/route_sources.hpp"
#include "daemon/rp_filters.hpp"
#include "daemon/run_dir.hpp"
#include "daemon/sd_watchdog.hpp"
#include "daemon/status_server.hpp"
#include "frr/bfd_dataplane.hpp"
#include "frr/neighbors.hpp"
#include "frr/vty_directories.hpp"
#include "io/fd_watch.hpp"
#include "io/jobs.hpp"
#include "io/undo_log.hpp"
#include "kernel/links.hpp"
#include "kernel/nexthop_table.hpp"
#include "kernel/operstate_feed.hpp"
#include "kernel/repair_feed.hpp"
#include "kernel/routes_feed.hpp"
#include "net/loop.hpp"
#include "view/status.hpp"
#include "wireguard/devices.hpp"
#include "wireguard/endpoint_feed.hpp"

namespace wgbfd {

struct WorkerSettings {
    std::string version;
    std::optional<std::filesystem::path> config;  // none: the built-in defaults
    RunDir run_dir;
    std::uint64_t restarts = 0;
    std::filesystem::path default_config{};  // read by a reload when `config` is none and this has come to exist
    base::UniqueFd job_runner{};             // see io::start_job_runner
    base::UniqueFd channel{};                // to the guardian; none: there is no guardian
    KeptFds inherited{};                     // from the worker before
};

class Worker {
public:
    // Throws std::system_error or std::runtime_error when the daemon cannot work here; the message says what to do.
    Worker(WorkerSettings settings, config::Config config);
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    int run();  // until a signal asks to stop; the exit status

private:
    bool recall();
    void give_memory();
    void keep_round();
    void give_way();
    void begin_restart();
    nlohmann::json restart_state() const;
    frr::DataplaneInheritance inherited_bfdd(const std::string& address);
    void recall_bfdd(base::Bytes before);
    void keep_bfdd(frr::BfdDataplaneCallbacks& callbacks);
    void keep_bfdd(std::uint32_t lid, const frr::DataplaneMemory* memory);
    void keep_rest(frr::ConnectionId id, base::Bytes rest);
    void keep_slice();
    void watch_host();
    void on_host();
    void on_probe_events();
    void on_refused(const probe::ListenFailed& refused);
    void schedule_turn();
    void turn();
    void flush_commands();
    void tell(const control::Turn& turn);
    void write_down(const std::vector<control::Record>& records);
    void answer_lookups(const std::vector<control::Lookup>& lookups);
    void follow_listeners();
    void follow_neighbors();
    void follow_bird_neighbors();
    void tell_neighbors();
    void remember_were_up();
    void remember_drained();
    void arm_deadline();
    void ready();

    frr::BfdDataplaneCallbacks bfdd_callbacks();
    void connect_bfdd();
    void change_bfdd();  // another address, or none
    void follow_nexthop_table();
    void follow_routes();
    kernel::RepairLinks repair_links(std::span<const policy::Wanted> all);
    bool carries_routes(const adjacency::Adjacency& adjacency) const;
    void look_at_rp_filter();
    std::vector<std::string> hash_policy_notes() const;
    void follow_include();
    void follow_endpoints();
    void apply_feeds();
    void withdraw_feeds();  // then say_goodbye()
    void await_signal();
    void stop();
    void say_goodbye();
    std::optional<std::string> reload();  // the error, or nothing
    config::Config read_config() const;

    nlohmann::json answer(const nlohmann::json& request);
    nlohmann::json explain(const std::string& name);
    nlohmann::json drain(const std::string& name, bool wanted);
    nlohmann::json evidence(const nlohmann::json& request);
    view::Process process() const;
    std::optional<std::vector<control::Row>> next_rows(control::RowsAt& at, std::size_t most) const;
    view::ProbeLoop probe_loop() const;
    view::QualityLoop quality_loop() const;
    std::vector<std::string> source_problems() const;
    void watch_probe_thread();
    void sample();  // once a second: rates, and the problems of sources

    WorkerSettings settings_;
    Log log_;
    boost::asio::io_context io_{1};
    base::TimePoint started_;
    Keeper keeper_;
    std::optional<MemoryFile> memory_;  // what a successor finds; none: nobody would
    std::optional<probe::Store> store_;
    probe::Places<std::uint64_t> kept_bfdd_;
    std::vector<frr::DataplaneMemory> bfdd_memory_;        // until the first connection
    std::map<frr::ConnectionId, std::string> bfdd_rests_;  // likewise
    control::Controller controller_;
    std::uint64_t seed_;
    net::Loop loop_;
    Realtime realtime_;
    io::FdWatch probe_watch_;
    Listeners listeners_;
    QualitySockets quality_sockets_;
    std::deque<probe::Command> pending_;  // the ring was full
    io::UndoLog undo_;
    kernel::RepairFeed repair_;
    RpFilters rp_filters_;
    bool repair_judged_ = false;  // repair_ has been applied
    kernel::RoutesFeed group_routes_;
    kernel::OperstateFeed link_feed_;
    std::optional<kernel::NexthopTable> nexthops_;  // none: no table is configured
    bird::SharedControl bird_control_;
    bird::KeptDisabled bird_kept_;
    bird::ProtocolFeed bird_protocols_;
    std::optional<bird::IncludeFeed> bird_include_;  // none: no file is configured
    bird::FormerIncludes former_includes_;
    frr::VtyDirectories frr_settings_;
    io::Jobs jobs_;
    wireguard::EndpointFeed endpoints_;
    HookFeed hooks_;
    std::vector<adjacency::Link> links_;
    std::vector<adjacency::Device> device_values_;
    std::optional<kernel::Links> link_watch_;
    std::optional<wireguard::Devices> devices_;
    std::unique_ptr<frr::BfdDataplane> dataplane_;
    std::unique_ptr<frr::BfdDataplane> leaving_;  // says AdminDown to a bfdd we no longer serve
    std::string bfdd_problem_;
    RouteSources routes_;
    std::unique_ptr<frr::Neighbors> neighbors_;  // none: [frr] vty is not set
    std::optional<std::string> neighbors_directory_;
    std::optional<bird::Neighbors> bird_neighbors_;  // none: there never was a [bird]
    std::vector<adjacency::Neighbor> found_by_frr_, found_by_bird_;
    Journal journal_;
    view::FailoverTimes failover_times_;
    MetricsServer metrics_;
    StatusServer status_;
    HandlerTimes handler_times_;
    ProbeWatch standstills_;
    SdWatchdog sd_watchdog_;
    std::optional<ControlSocket> control_socket_;
    boost::asio::signal_set signals_;
    boost::asio::steady_timer deadline_timer_, flush_timer_, second_timer_, stop_timer_, claim_timer_;
    control::WereUp were_up_;
    std::set<std::string> problems_told_;
    std::uint64_t wakeups_before_ = 0, wakeups_per_s_ = 0;
    std::uint64_t seconds_ = 0;  // that sample() has seen
    bool turn_scheduled_ = false;
    bool ready_told_ = false;
    bool keeping_ = false;  // a round is under way
    bool has_vrfs_ = false;
    bool ears_due_ = false;  // sessions or measurements in VRFs, links or the configuration changed
    bool stopping_ = false;
    bool bfdd_left_ = false;
    bool goodbye_said_ = false;
    bool recalled_ = false;
    bool restarting_ = false;
    std::string restart_problem_;
    int feeds_leaving_ = 0;  // feeds that have yet to say that they have withdrawn
};

base::Now clock_now();

// The adjacencies of which BIRD has constants.
std::vector<bird::IncludeEntry> include_entries(const config::Config& config);

}  // namespace wgbfd
