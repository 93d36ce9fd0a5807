// The feed `hook`: runs a command with each verdict that is another one than it last ran for, which the run directory
// remembers over restarts. One at a time an adjacency, a few in all; what changes meanwhile is coalesced to the latest.
// Never waits: the job runner bounds their time and output.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "base/time.hpp"
#include "config/config.hpp"
#include "io/jobs.hpp"
#include "io/timer.hpp"
#include "policy/feed.hpp"

namespace wgbfd {

inline constexpr const char* hook_feed = "hook";

class HookFeed final : public policy::Feed {
public:
    // Each note is a line for the log. What could not be started is tried again after that time.
    HookFeed(boost::asio::io_context& context, io::Jobs& jobs, std::filesystem::path run_dir,
             std::function<base::Now()> now, std::function<void(const std::string& note)> on_note,
             base::Duration again_after = std::chrono::seconds{5});

    void configure(const config::Config& config);
    void apply(std::span<const policy::Wanted> all) override;
    policy::FeedStatus status() const override;
    bool is_clear() const { return hooks_.empty(); }
    // For stop: whoever was last told anything but "up" is told "unknown", within 2 s; then `done` is called.
    void withdraw_all(std::function<void()> done);

private:
    struct Said {
        policy::VerdictState state = policy::VerdictState::unknown;
        std::uint32_t cost = 0;
        friend bool operator==(const Said&, const Said&) = default;
    };
    struct Hook {
        adjacency::Adjacency adjacency;
        Said latest, ran;
        std::optional<policy::Cause> cause;
        std::optional<io::JobId> running;
        base::TimePoint waits_since = base::never;
        base::TimePoint not_before = base::TimePoint::min();  // it could not be started
        std::optional<base::WallTime> ran_at;
        std::string problem;
        bool wanted = false;
    };
    using Entry = std::map<std::string, Hook>::value_type;

    void settle();
    void start(Entry& entry);
    void on_end(const std::string& name, const Said& said, const io::JobResult& result);
    void tell(const std::string& name, const Hook& hook, const Said& said, const io::JobResult& result) const;
    void on_not_started(Hook& hook, const std::string& name, const Said& said, const io::JobResult& result);
    static bool is_news(const Said& latest, const Said& ran);
    void load();
    std::span<const std::string> command_of(const std::string& name) const;
    io::Job job_for(const Entry& entry) const;
    void remember();
    void finish();

    io::Jobs& jobs_;
    std::filesystem::path run_dir_;
    std::function<base::Now()> now_;
    std::function<void(const std::string&)> on_note_;
    config::Hook defaults_;
    std::map<std::string, std::vector<std::string>> commands_;
    std::map<std::string, Hook> hooks_;  // by name
    std::map<std::string, Said> remembered_;
    std::string problem_;
    std::function<void()> on_withdrawn_;
    base::Duration again_after_;
    io::Timer withdrawal_, again_;
};

}  // namespace wgbfd
