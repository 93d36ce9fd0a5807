// Talks to one FRR daemon through its vty socket (`DIRECTORY/DAEMON.vty`), a thousand times faster than vtysh. One
// command at a time, the rest wait in order; connects when there is something to ask, and again when it was cut off.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/io_context.hpp>

#include "base/result.hpp"
#include "frr/vty_codec.hpp"

namespace frr {

enum class VtyFailure : std::uint8_t { not_running, no_permission, timeout, closed, too_long };
struct VtyError {
    VtyFailure failure = VtyFailure::not_running;
    std::string text;  // one line, with the fix
};

class Vty {
public:
    using Answer = std::function<void(base::Result<VtyReply, VtyError>)>;

    Vty(boost::asio::io_context& context, std::string directory, std::string daemon);
    Vty(const Vty&) = delete;
    Vty& operator=(const Vty&) = delete;
    ~Vty();  // what waits is never answered

    // The answer comes in a turn of its own, within 3 s of the command's being sent. It may ask again.
    void command(std::string text, Answer answer);
    // Of the daemon that it tried to reach last (io::socket_life): another one after it was restarted, "" where none
    // was.
    const std::string& life() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// Asks and waits, 3 s at most for each command, over one connection: for `doctor` and `undo`.
class VtyTalk {
public:
    VtyTalk(std::string directory, std::string daemon) : vty_{context_, std::move(directory), std::move(daemon)} {}
    base::Result<VtyReply, VtyError> ask(std::string command);

private:
    boost::asio::io_context context_{1};
    Vty vty_;
};

// Asks once. A reply with a status other than 0 is an error, its text the reason.
base::Result<std::string, std::string> vty_read(const std::string& directory, const std::string& daemon,
                                                const std::string& command);

}  // namespace frr
