// Talks to BIRD through its control socket, over one connection that stays: one command at a time, the rest wait in
// order. Connects again, with back-off, whenever BIRD went away; what was asked then is answered with the reason.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>

#include "base/result.hpp"
#include "bird/reply.hpp"

namespace bird {

enum class ControlFailure : std::uint8_t { not_running, no_permission, timeout, closed, no_bird, too_long };
struct ControlError {
    ControlFailure failure = ControlFailure::not_running;
    std::string text;  // one line, with the fix
};

class Control {
public:
    using Answer = std::function<void(base::Result<Reply, ControlError>)>;
    struct Handlers {
        std::function<void(const Version&)> ready;      // connected and greeted: what BIRD was told before may be gone
        std::function<void(const ControlError&)> lost;  // the connection ended, or an attempt failed; a retry follows
    };

    Control(boost::asio::io_context& context, std::string path, Handlers handlers);
    Control(const Control&) = delete;
    Control& operator=(const Control&) = delete;
    ~Control();  // what waits is never answered

    // Only while is_ready(). Answered in a turn of its own, within 3 s of its being sent; the answer may ask again, and
    // must not destroy this.
    void command(std::string text, Answer answer);
    bool is_ready() const;
    // Of the BIRD that was connected to last (io::socket_life): another one after it was restarted.
    const std::string& life() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// Asks once and waits, 3 s at most: for `doctor` and `undo`.
base::Result<Reply, ControlError> ask(const std::string& path, const std::string& command);
base::Result<Version, ControlError> ask_version(const std::string& path);

}  // namespace bird
