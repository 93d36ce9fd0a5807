// `wgbfd run` and `wgbfd undo`: the daemon's beginning, and the way back.
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <cap-ng.h>
#include <systemd/sd-daemon.h>

#include "bird/include_feed.hpp"
#include "bird/kept_disabled.hpp"
#include "bird/protocol_feed.hpp"
#include "cli/commands.hpp"
#include "cli/options.hpp"
#include "daemon/guardian.hpp"
#include "daemon/handover.hpp"
#include "daemon/load_config.hpp"
#include "daemon/log.hpp"
#include "daemon/memory.hpp"
#include "daemon/memory_file.hpp"
#include "daemon/preflight.hpp"
#include "daemon/worker.hpp"
#include "daemon/worker_process.hpp"
#include "frr/vty_revert.hpp"
#include "io/job_runner.hpp"
#include "io/undo_log.hpp"
#include "kernel/nexthop_table.hpp"
#include "kernel/operstate.hpp"
#include "kernel/repair_feed.hpp"
#include "kernel/routes_feed.hpp"
#include "kernel/routes_undo.hpp"
#include "net/loop.hpp"
#include "probe/slot_pool.hpp"
#include "probe/store.hpp"
#include "wireguard/endpoint_feed.hpp"
#include "wireguard/endpoint_jobs.hpp"

namespace cli {
namespace {

// What an ended daemon changed, put back where it still stands; else the reason why it could not be.
base::Result<bool, std::string> revert(const io::UndoRecord& record, io::UndoLog& undo, frr::VtyReverter& frr) {
    if (record.feed == bird::protocol_feed) return bird::revert_protocol(record);
    if (record.feed == bird::include_feed) return bird::revert_include(record, undo);
    if (record.feed == bird::disabled_feed) return bird::revert_disabled(record);
    if (record.feed == frr::vty_feed) return frr.revert(record);
    if (record.feed == wireguard::endpoint_feed) return wireguard::revert_endpoint(record);
    const auto reverted = record.feed == kernel::nexthop_feed  ? kernel::revert_nexthops(record)
                          : record.feed == kernel::repair_feed ? kernel::revert_repair(record)
                          : record.feed == kernel::routes_feed ? kernel::revert_route(record)
                                                               : kernel::revert_operstate(record);
    if (!reverted) return tl::unexpected{reverted.error().message()};
    return *reverted;
}

// Reverts what an ended daemon left; the number of records that could not be.
std::size_t put_back(const wgbfd::RunDir& run_dir, const wgbfd::Log& log) {
    io::UndoLog undo{run_dir.undo_log()};
    std::size_t left = 0;
    if (undo.problem()) {
        ++left;
        log.write(wgbfd::Level::error, "undo problem=\"" + *undo.problem() + "\"");
    }
    const auto records = undo.records();
    frr::VtyReverter frr;
    for (const auto& record : records) {
        const auto reverted = revert(record, undo, frr);
        if (!reverted) {
            ++left;
            log.write(wgbfd::Level::error, "undo subject=" + record.subject + " problem=\"" + reverted.error() + "\"");
            continue;
        }
        try {
            undo.forget(record.feed, record.subject);
        } catch (const std::system_error& error) {
            ++left;  // it is put back; its record stays, and the other records have their turn
            log.write(wgbfd::Level::error, std::string{"undo problem=\""} + error.what() + "\"");
        }
        log.write(wgbfd::Level::notice, "undo feed=" + record.feed + " subject=" + record.subject);
    }
    return left;
}

void keep_needed_capabilities() {
    ::capng_clear(CAPNG_SELECT_BOTH);
    ::capng_updatev(CAPNG_ADD, static_cast<capng_type_t>(CAPNG_EFFECTIVE | CAPNG_PERMITTED), CAP_NET_ADMIN, CAP_NET_RAW,
                    CAP_NET_BIND_SERVICE, CAP_DAC_OVERRIDE, CAP_SYS_NICE, CAP_IPC_LOCK, -1);
    ::capng_apply(CAPNG_SELECT_BOTH);  // best effort: fewer are no worse, and a user namespace may refuse
}

// One that waits for another to give way builds the largest of what it will need, and drops it: the memory stays, and
// its pages and the code are there when each millisecond counts.
void rehearse(const base::UniqueFd& channel) {
    pollfd go{channel.get(), POLLIN, 0};
    if (::poll(&go, 1, 0) != 0) return;      // nobody runs: begin at once
    constexpr int more_than_all = 16 << 20;  // bytes
    ::mallopt(M_MMAP_THRESHOLD, more_than_all);
    ::mallopt(M_TRIM_THRESHOLD, more_than_all);
    const net::Loop loop;
    const probe::SlotPool pool;
    const wgbfd::MemoryFile memory{probe::Store::size()};
}

int run_worker(const Options& options, const wgbfd::RunDir& run_dir, base::UniqueFd channel = {}) {
    ::prctl(PR_SET_NAME, "wgbfd");  // the guardian starts it by way of /proc/self/exe, and `ps` would say "exe"
    // Before all else: what it runs may need more than we do, and it needs nothing of ours.
    auto job_runner = io::start_job_runner({{wireguard::change_job, wireguard::run_change},
                                            {wireguard::trial_job, wireguard::run_trial},
                                            {wireguard::revert_job, wireguard::run_revert},
                                            {wireguard::resolve_job, wireguard::run_resolve}});
    const auto path = options.config();
    auto config = path ? wgbfd::load_config(*path) : config::Config{};
    const auto restarts =
        options.has(wgbfd::restarts_option) ? std::stoull(options.value<std::string>(wgbfd::restarts_option)) : 0ULL;
    keep_needed_capabilities();
    wgbfd::return_unused();                   // what reading the configuration took: locked, it would stay for good
    static_cast<void>(wgbfd::lock_memory());  // what is refused is told by Realtime
    wgbfd::KeptFds inherited;
    if (channel) {
        rehearse(channel);
        // Everything slow is done: nothing runs between the worker before and this one
        wgbfd::say(channel.get(), wgbfd::Word::prepared);
        inherited = wgbfd::inherit(channel.get());
    }
    const bool alone = !channel;
    wgbfd::Worker worker{{.version = version_text(),
                          .config = path,
                          .run_dir = run_dir,
                          .restarts = restarts,
                          .default_config = default_config,
                          .job_runner = std::move(job_runner),
                          .channel = std::move(channel),
                          .inherited = std::move(inherited)},
                         std::move(config)};
    wgbfd::return_large_blocks();
    if (alone) ::sd_notify(0, "READY=1");
    return worker.run();
}

// One that a guardian has started, and tells why it cannot work.
int run_guarded(const Options& options, const wgbfd::RunDir& run_dir) {
    const int number = std::stoi(options.value<std::string>(wgbfd::channel_option));
    ::fcntl(number, F_SETFD, FD_CLOEXEC);
    base::UniqueFd channel{number};
    const base::UniqueFd telling{::fcntl(number, F_DUPFD_CLOEXEC, 0)};
    try {
        return run_worker(options, run_dir, std::move(channel));
    } catch (const std::exception& error) {
        wgbfd::say(telling.get(), wgbfd::Word::failed, error.what());
        throw;
    }
}

std::vector<std::string> worker_arguments(const Options& options, const wgbfd::RunDir& run_dir) {
    std::vector<std::string> out{"run", "--no-guardian", "--run-dir=" + run_dir.path().string()};
    if (const auto config = options.text("config")) out.push_back("--config=" + *config);
    return out;
}

// The errors of a configuration are told before all else. Each worker reads it anew: nobody holds it until then.
std::pair<config::Bind, bool> what_a_start_asks(const std::optional<std::filesystem::path>& path) {
    const auto config = path ? wgbfd::load_config(*path) : config::Config{};
    return {config.bind, config.frr.bfd_dataplane.has_value()};
}

int start(const Options& options, const wgbfd::RunDir& run_dir) {
    const auto [bind, has_dataplane] = what_a_start_asks(options.config());
    run_dir.create();
    const auto lock = run_dir.try_lock();
    if (!lock)
        throw std::runtime_error{"another wgbfd holds " + run_dir.path().string() +
                                 ": stop it, or give this one its own --run-dir"};
    if (const auto reason = wgbfd::stock_bfdd_in_the_way()) throw std::runtime_error{*reason};
    if (bind == config::Bind::any)
        if (const auto reason = wgbfd::taken_ports()) throw std::runtime_error{*reason};
    if (options.has("no-guardian")) return run_worker(options, run_dir);
    const wgbfd::Log log;
    if (!has_dataplane)
        if (const auto problem = wgbfd::bfdd_left_alone())
            log.write(wgbfd::Level::warning, "bfdd problem=\"" + *problem + "\"");
    ::malloc_trim(0);  // what the guardian does not need
    wgbfd::Guardian guardian{{.worker_arguments = worker_arguments(options, run_dir),
                              .put_back = [&] { static_cast<void>(put_back(run_dir, log)); }},
                             *lock,
                             log};
    return guardian.run();
}

// A start that fails neither adopts what an earlier daemon left nor will anybody else put it back.
void put_back_unless_held(const wgbfd::RunDir& run_dir) {
    try {
        if (!std::filesystem::exists(run_dir.undo_log())) return;
        if (const auto lock = run_dir.try_lock()) static_cast<void>(put_back(run_dir, wgbfd::Log{}));
    } catch (const std::system_error&) {  // what kept the daemon from starting is told, not this
    }
}

}  // namespace

int run(const Arguments& arguments) {
    Options options{"run", "wgbfd run: the daemon. Probes every WireGuard peer and feeds the verdicts."};
    options.add()("no-guardian", "run the worker alone, without the guardian that restarts it");
    options.hidden(wgbfd::channel_option);
    options.hidden(wgbfd::restarts_option);
    if (!options.parse(arguments)) return ok;
    ::signal(SIGPIPE, SIG_IGN);  // the reader of our log may die before us
    const auto run_dir = options.run_dir();
    if (options.has(wgbfd::channel_option)) return run_guarded(options, run_dir);

    try {
        return start(options, run_dir);
    } catch (...) {
        put_back_unless_held(run_dir);
        throw;
    }
}

int undo(const Arguments& arguments) {
    Options options{"undo", "wgbfd undo: puts back what a daemon that ended without withdrawing has left changed."};
    if (!options.parse(arguments)) return ok;
    const auto run_dir = options.run_dir();
    std::error_code error;
    if (!std::filesystem::exists(run_dir.path(), error)) return ok;  // it never ran here
    const auto lock = run_dir.try_lock();
    if (!lock)
        throw std::runtime_error{"a daemon runs in " + run_dir.path().string() +
                                 ": stop it, and it puts everything back itself"};
    return put_back(run_dir, wgbfd::Log{}) == 0 ? ok : failed;
}

}  // namespace cli
