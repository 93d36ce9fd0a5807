// The feed `bird-protocol`: disables a named protocol of BIRD's while its peer is down, with a message that says why,
// and enables it again. Touches no protocol that it has not disabled itself, and none that somebody decided on since.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include <boost/asio/io_context.hpp>

#include "base/time.hpp"
#include "bird/desired_protocols.hpp"
#include "bird/shared_control.hpp"
#include "io/timer.hpp"
#include "io/undo_log.hpp"
#include "policy/feed.hpp"

namespace bird {

inline constexpr const char* protocol_feed = "bird-protocol";

class ProtocolFeed final : public policy::Feed {
public:
    // Joins the connection once a protocol is named. What `undo` holds from an earlier process is adopted: it stands
    // until the first apply(), which the caller makes once the adjacencies can be judged anew.
    ProtocolFeed(boost::asio::io_context& context, io::UndoLog& undo, std::function<base::Now()> now,
                 SharedControl& control);

    void apply(std::span<const policy::Wanted> all) override;
    policy::FeedStatus status() const override;
    // For stop: enables what we disabled, and then calls `done`, within 2 s however BIRD behaves.
    void withdraw_all(std::function<void()> done);

private:
    struct Named {
        DesiredProtocol desired;
        std::optional<std::string> ours;  // our message: recorded before it was sent
        bool overruled = false;           // somebody enabled it against us: his until its peer is back
        bool fresh = true;                // not looked at since BIRD greeted us
        bool busy = false;
        bool again = false;  // what is desired changed while it was busy
        std::string problem;
        std::string told;
        std::optional<base::WallTime> told_at;
    };
    using Entry = std::map<std::string, Named>::value_type;

    void adopt();
    void connect();
    void look_at_all();
    void look(Entry& entry);
    void on_shown(const std::string& name, const base::Result<Reply, ControlError>& answer);
    void take_step(Entry& entry, const Protocol& shown);
    void disable_it(Entry& entry);
    void enable_it(Entry& entry);
    void on_disabled(const std::string& name, const base::Result<Reply, ControlError>& answer);
    void on_enabled(const std::string& name, const base::Result<Reply, ControlError>& answer);
    void on_lost(const ControlError& error);
    void end_step(Entry& entry);
    void let_go(Entry& entry);
    void let_all_go();
    void refused(Entry& entry, const Reply& reply);
    void tell(Named& named, const char* what);
    void check_left();

    io::UndoLog& undo_;
    std::function<base::Now()> now_;
    SharedControl& control_;
    bool joined_ = false;  // false: nothing is named yet
    std::map<std::string, Named> named_;
    std::vector<std::string> unnamed_;
    std::string control_problem_, undo_problem_;
    bool not_running_ = false;
    bool judged_ = false;  // apply() has been called: before it, what was adopted stands
    std::function<void()> left_;
    io::Timer again_, limit_;
};

struct ProtocolSubject {
    std::string path, name;  // the control socket, the protocol
};
std::string to_subject(const std::string& path, const std::string& name);
std::optional<ProtocolSubject> parse_protocol_subject(const std::string& subject);

// For `undo`: enables the protocol again if it is still as we left it. False: it is not, or BIRD runs no more. Waits 6
// s at most.
base::Result<bool, std::string> revert_protocol(const io::UndoRecord& record);

}  // namespace bird
