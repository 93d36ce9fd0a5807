#include "daemon/log.hpp"

#include <poll.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>

#include <cstdlib>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace wgbfd {
namespace {

spdlog::level::level_enum spdlog_level(Level level) {
    switch (level) {
        using enum Level;
        case error: return spdlog::level::err;
        case warning: return spdlog::level::warn;
        case notice:
        case info: return spdlog::level::info;
    }
    return spdlog::level::info;
}

int priority(Level level) {  // syslog(3)
    switch (level) {
        using enum Level;
        case error: return 3;
        case warning: return 4;
        case notice: return 5;
        case info: return 6;
    }
    return 6;
}

spdlog::logger& logger() {
    static const auto instance = [] {
        auto made = spdlog::stderr_logger_st("wgbfd");
        made->set_pattern(std::getenv("JOURNAL_STREAM") != nullptr ? "%v" : "%Y-%m-%dT%H:%M:%S.%e%z %l %v");
        made->flush_on(spdlog::level::trace);
        return made;
    }();
    return *instance;
}

// A pipe or socket that nobody reads: writing would wait with everything else at a stand.
bool is_stuck() {
    pollfd out{STDERR_FILENO, POLLOUT, 0};
    return ::poll(&out, 1, 0) == 0;
}

}  // namespace

Log::Log() : journald_{std::getenv("JOURNAL_STREAM") != nullptr} {}

void Log::write(Level level, std::string_view line) const {
    if (is_stuck()) {
        ++lost_;
        return;
    }
    if (const auto lost = std::exchange(lost_, 0); lost > 0)
        write(Level::warning, "log lines_lost=" + std::to_string(lost));
    if (journald_)
        logger().log(spdlog_level(level), "<{}>{}", priority(level), line);
    else
        logger().log(spdlog_level(level), "{}", line);
}

}  // namespace wgbfd
