// A worker's side of its guardian: gives it the descriptors that must outlive the worker, takes those of the worker
// before, and hears when to give way. Without a guardian everything is taken, and nothing kept.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "base/unique_fd.hpp"
#include "daemon/handover.hpp"
#include "io/fd_watch.hpp"
#include "io/timer.hpp"

namespace wgbfd {

class Keeper {
public:
    struct Events {
        std::function<void()> on_yield;
        std::function<void(const std::string& why)> on_refused;  // no restart
    };
    Keeper(boost::asio::io_context& context, base::UniqueFd channel, KeptFds inherited, Events events);
    Keeper(const Keeper&) = delete;
    Keeper& operator=(const Keeper&) = delete;

    bool has_guardian() const { return static_cast<bool>(channel_); }

    // What the worker before has left under this name, once; else none.
    base::UniqueFd take(const std::string& name);
    std::vector<std::string> left(std::string_view prefix) const;  // names nobody has taken
    void drop_left(std::string_view prefix = {});                  // closes them, here and at the guardian

    void keep(const std::string& name, int fd);  // the guardian has a duplicate from now on
    void drop(const std::string& name);
    void tell(Word word) { send(word, {}, -1); }
    void tell_now(Word word);  // after what waits; waits for the guardian, a second at most

private:
    void send(Word word, std::string_view text, int fd);
    void flush();
    void on_readable();

    Events events_;
    base::UniqueFd channel_;
    KeptFds inherited_;
    std::deque<Message> waiting_;  // the guardian is behind
    std::optional<io::FdWatch> watch_;
    io::Timer again_;
};

}  // namespace wgbfd
