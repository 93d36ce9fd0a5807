// `status --json` and `status`, as design.md "Commands" specifies them: stable, additions only.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/time.hpp"
#include "control/controller.hpp"
#include "policy/feed.hpp"
#include "view/histogram.hpp"
#include "view/status_row.hpp"

namespace view {

struct QualityLoop {  // as net::GaugingCounters and probe::GaugesCounters say
    std::uint64_t strangers = 0, malformed = 0, limited = 0, reflected = 0;
    std::uint64_t sent = 0, send_errors = 0, samples_dropped = 0, kernel_drops = 0, max_turn_us = 0;
};

struct ProbeLoop {
    std::uint64_t late_wakes = 0;
    base::Duration max_lateness{};
    std::uint64_t stalls = 0;
    std::uint64_t wakeups_per_s = 0;
    std::uint64_t wakeups = 0;  // since the worker began
    bool realtime = false;
    // As who watches it from outside saw it.
    bool stands_still = false;
    std::uint64_t standstills = 0;
    base::Duration longest_standstill{};
    std::vector<std::string> problems{};                         // what of [process] the host refuses
    std::vector<std::pair<std::string, std::uint64_t>> dropped;  // datagrams refused, by reason
    std::uint64_t kernel_drops = 0;                              // by the socket filter or a full receive buffer
    std::optional<Histogram> lateness{};                         // of what was due
    QualityLoop quality;
};

struct ControlLoop {  // in processor time
    std::uint64_t handlers = 0;
    std::uint64_t long_handlers = 0;  // that took more than a millisecond
    base::Duration longest_handler{};
};

struct FrrBfd {
    bool connected = false;
    std::size_t sessions = 0;
    std::string problem;  // empty while healthy
};

struct Fpm {
    std::string listen;
    std::string client;   // "": nobody is connected
    std::string problem;  // empty while healthy
};

struct Routes {
    control::RouteSource source = control::RouteSource::none;
    std::size_t routes = 0;                 // that are followed
    control::Convergence::Refused refused;  // too many of them
    std::size_t bytes = 0;                  // that they take
    std::uint64_t resyncs = 0;              // how often everything was read anew for want of changes that were lost
    std::optional<Fpm> fpm;                 // none: not configured
    bool complete = false;                  // the source has told all it had; before, reports are not exact
};

struct Process {
    std::string version;
    base::Duration uptime{};
    std::uint64_t worker_restarts = 0;
    ProbeLoop probe_loop;
    ControlLoop control_loop{};
    std::vector<policy::FeedStatus> feeds;
    std::optional<FrrBfd> frr_bfd;  // none: not configured
    Routes routes;
    std::vector<std::string> problems;  // sources that fail, each with what to do
};

nlohmann::json status(const Process& process, const std::vector<control::Row>& rows);

// The same as text, from rows that come a few at a time: no tree of all of them, and time for others in between.
class StatusPage {
public:
    explicit StatusPage(const Process& process);
    void add(std::span<const control::Row> rows);
    std::string take() &&;

private:
    ToldByAdjacency told_;
    std::string text_;
    bool is_first_ = true;
};

// The table a person reads, from the same JSON; `name` picks one adjacency and shows all of it.
std::string status_text(const nlohmann::json& status, const std::optional<std::string>& name);

// 0 all up, 3 not all (never-up and unresolved peers that nobody configured do not count).
int exit_status(const nlohmann::json& status, const std::optional<std::string>& name);

}  // namespace view
