// The feed `bird-include`: constants of each adjacency in a file that BIRD's configuration includes, and `configure`
// when one changed. What BIRD runs is asked for, never assumed: the file names its content, which BIRD can be asked.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "base/time.hpp"
#include "bird/desired_include.hpp"
#include "bird/include_store.hpp"
#include "bird/kept_disabled.hpp"
#include "bird/reconfiguration.hpp"
#include "bird/shared_control.hpp"
#include "io/timer.hpp"
#include "io/undo_log.hpp"
#include "policy/feed.hpp"

namespace bird {

inline constexpr const char* include_feed = "bird-include";

struct IncludeSettings {
    std::vector<IncludeEntry> entries;
    base::Duration interval = std::chrono::seconds{1};            // at least this between two `configure`
    base::Duration communities_interval = std::chrono::hours{1};  // and this between two changes of communities
    base::Duration look_again = std::chrono::seconds{2};  // whether BIRD runs it still; an operator decides meanwhile
};

class IncludeFeed final : public policy::Feed {
public:
    // Writes a file that BIRD can start with before it returns. The values an earlier process left stand until the
    // first apply(), which the caller makes once the adjacencies can be judged anew.
    IncludeFeed(boost::asio::io_context& context, io::UndoLog& undo, std::function<base::Now()> now,
                SharedControl& control, KeptDisabled& kept, std::string path, IncludeSettings settings);

    void configure(IncludeSettings settings);  // by a reload; apply() follows
    void apply(std::span<const policy::Wanted> all) override;
    policy::FeedStatus status() const override;
    // For stop: every value at rest, and then calls `done`, within 2 s however BIRD behaves.
    void withdraw_all(std::function<void()> done);
    const std::filesystem::path& path() const { return store_.path(); }

private:
    void prepare_file();
    void remember_measured();
    Defines wanted();
    bool record(const Defines& defines);  // what is at rest needs none
    bool record_it();
    void forget();
    void settle();
    void write_unasked(const Defines& defines, bool elsewhere);
    void look();
    void on_content(const base::Result<Reply, ControlError>& answer);
    void judge(std::uint32_t active);
    bool is_moved_back(std::uint32_t active) const;
    void reconfigure();
    void on_outcome(Outcome outcome, const std::string& text, const Defines& taken);
    void on_taken(const Defines& taken);
    void try_later();
    void confirmed(std::uint32_t content);
    void on_ready();
    void on_lost(const ControlError& error);
    void check_left();

    io::UndoLog& undo_;
    std::function<base::Now()> now_;
    SharedControl& control_;
    KeptDisabled& kept_;
    IncludeStore store_;
    Reconfiguration reconfiguration_;
    IncludeSettings settings_;
    DesiredInclude desired_;
    Defines known_;                           // slow values as last measured, also by an earlier process
    Defines good_;                            // what BIRD was last seen to take: the file to go back to
    std::optional<std::uint32_t> confirmed_;  // the content BIRD was last seen to run, on this connection
    std::optional<std::uint32_t> sent_;       // it was told to, and has not been seen to run it yet
    base::TimePoint sent_at_{}, not_before_{}, slow_not_before_{};
    base::Duration retry_{};        // grows while BIRD refuses
    bool keeps_leftovers_ = false;  // BIRD's configuration uses constants that ours no longer names
    bool joined_ = false, judged_ = false, looking_ = false, not_running_ = false, leaving_ = false;
    bool held_ = false;  // somebody had BIRD run an earlier configuration again
    std::map<adjacency::AdjacencyId, policy::Told> told_;
    std::string problem_, control_problem_, undo_problem_;
    std::function<void()> left_;
    io::Timer again_, limit_;
};

std::string include_subject(const std::string& control, const std::string& file);
struct IncludeSubject {
    std::string control, file;
};
std::optional<IncludeSubject> parse_include_subject(const std::string& subject);

// For `undo`: puts every value at rest, in the file and in a BIRD that runs. False: they are already, or the file is
// gone. Waits 3 s for an answer.
// What an operator has disabled in BIRD is recorded in `undo` while BIRD may have it enabled.
base::Result<bool, std::string> revert_include(const io::UndoRecord& record, io::UndoLog& undo);

}  // namespace bird
