// Keeps the lines of the feed `frr-vty` in one FRR daemon as they are desired: looks at its running configuration, when
// something changes and every other second while there is something to watch, and enters what differs. What was
// recorded in the undo log before it was entered is taken back only where it still stands.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "adjacency/link.hpp"
#include "frr/change_entry.hpp"
#include "frr/held_lines.hpp"
#include "frr/settings_plan.hpp"
#include "frr/vty.hpp"
#include "frr/vty_show.hpp"
#include "io/timer.hpp"
#include "io/undo_log.hpp"

namespace frr {

class SettingsClient {
public:
    struct Shared {  // the feed's, and outlives this
        boost::asio::io_context& context;
        io::UndoLog& undo;
        std::string directory;
        const Wishes& wishes;
        std::span<const adjacency::Link> links{};
        bool leaving = false;
    };
    // `on_settled` is called after each look, also one that failed. What the undo log holds of this daemon is adopted.
    SettingsClient(Shared& shared, NeighborSource source, std::function<void()> on_settled);

    void look();  // at once, or after the look that is under way

    bool is_settled() const { return !busy_ && !again_; }
    bool has_tried() const { return looked_ || failure_; }  // one look has ended, however
    bool has_looked() const { return looked_; }             // the last look came to its end
    const Holdings& held() const { return lines_.held(); }
    const std::set<Place>& overruled() const { return lines_.overruled(); }
    const DesiredSettings& desired() const { return desired_; }
    std::vector<std::string> problems() const;

private:
    void ask(std::string command, void (SettingsClient::*then)(VtyReply));
    void on_configuration(VtyReply reply);
    void read();
    void on_version(VtyReply reply);
    void ask_costs();
    void next_cost();
    void on_cost(VtyReply reply);
    void plan();
    void lose();
    void on_entered(const Change& change, const std::optional<VtyReply>& refusal);
    void failed(const VtyError& error);
    void end_look();
    bool is_watching() const;
    std::string worded(const Change& change, const VtyReply& refusal) const;

    Shared& shared_;
    NeighborSource source_;
    std::function<void()> on_settled_;
    Vty vty_;
    HeldLines lines_;
    ChangeEntry entry_;
    io::Timer timer_, turn_;

    DesiredSettings desired_;
    Reckoned reckoned_;                // what an interface costs without us
    std::set<std::string> asked_for_;  // interfaces whose cost was asked for
    std::optional<Version> version_;

    bool busy_ = false, again_ = false, looked_ = false, thorough_ = false, answered_ = false;
    std::optional<VtyError> failure_;
    base::Duration back_off_{};
    base::TimePoint asked_{};
    base::Duration took_{};                // to show its configuration
    std::optional<std::string> life_;      // of the daemon when it was looked at last
    bool fresh_ = false;                   // this look is the first, or the first since it was restarted
    std::set<Place> unheard_;              // what the last look was to enter and did not see to its end
    base::TimePoint starting_until_{};     // it was restarted
    std::optional<RunningReader> reader_;  // of this look, as all that follows
    RunningConfig shown_;
    std::vector<std::string> interfaces_;  // whose cost is still to be asked
    std::vector<std::string> refusals_;
    std::set<Place> given_up_;  // whose records may go
};

}  // namespace frr
