// What an operator has disabled over BIRD's control socket, and BIRD's `configure` enables: recorded before a
// `configure` of ours, disabled again behind it. Where that was missed (we were killed, BIRD did not answer in time)
// the record is made good as soon as BIRD greets us again, or by `undo`; never in a BIRD that was restarted meanwhile,
// which has enabled it by itself.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bird/protocols.hpp"
#include "bird/shared_control.hpp"
#include "io/undo_log.hpp"

namespace bird {

inline constexpr const char* disabled_feed = "bird-disabled";

class KeptDisabled {
public:
    // Before anybody joins `control`. Joins it where an earlier process has left a record.
    KeptDisabled(io::UndoLog& undo, SharedControl& control);
    KeptDisabled(const KeptDisabled&) = delete;
    KeptDisabled& operator=(const KeptDisabled&) = delete;

    // Before `configure`. False: problem() says why it must not be.
    bool record(std::span<const Protocol> disabled);
    void forget();     // they are disabled again, or never were enabled
    void make_good();  // disables again those that are enabled, and forgets all
    bool is_clear() const;
    const std::string& problem() const { return problem_; }

private:
    void on_ready();
    void on_lost(const ControlError& error);
    void next();
    void on_shown(const base::Result<Reply, ControlError>& answer);
    void disable_next();

    io::UndoLog& undo_;
    SharedControl& control_;
    std::vector<Protocol> enabled_;  // perhaps; the last one is asked for
    bool busy_ = false;
    std::string problem_;
};

// Those of `protocols` that are not disabled by the feed `bird-protocol`, as records.
std::vector<io::UndoRecord> disabled_records(const io::UndoLog& undo, const std::string& control,
                                             const std::string& life, std::span<const Protocol> protocols);
std::string disabled_subject(const std::string& control, const std::string& name);
struct DisabledRecord {
    std::string control, life;
    Protocol protocol;  // its name and its message
};
std::optional<DisabledRecord> parse_disabled(const io::UndoRecord& record);

// For `undo`. False: it is disabled, or BIRD was restarted. Waits 6 s at most.
base::Result<bool, std::string> revert_disabled(const io::UndoRecord& record);

}  // namespace bird
