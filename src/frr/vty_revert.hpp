// For `undo`: puts back, where it still stands, what an ended daemon left in FRR's running configuration. Waits for
// answers, and for a daemon that gives none 3 s once.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "frr/running_config.hpp"
#include "frr/vty.hpp"
#include "io/undo_log.hpp"

namespace frr {

class VtyReverter {
public:
    // False: it stands no more, or the daemon does not run and so starts with what its file says.
    base::Result<bool, std::string> revert(const io::UndoRecord& record);

private:
    struct Daemon {
        Daemon(const std::string& directory, NeighborSource source) : talk{directory, std::string{daemon_of(source)}} {}
        std::optional<VtyReply> ask(const std::string& command);                              // none: see `failure`
        std::string enter(const Place& place, const Value& value, const std::string& block);  // empty, or why not

        VtyTalk talk;
        RunningConfig running;
        std::optional<VtyError> failure;
    };
    Daemon& daemon_for(const HeldRecord& record);

    std::map<std::string, std::unique_ptr<Daemon>> daemons_;
};

}  // namespace frr
