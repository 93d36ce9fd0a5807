// The one connection to BIRD that all who talk to it share: made when the first of them wants it, and told to each of
// them when it begins and when it ends.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "bird/control.hpp"
#include "io/timer.hpp"

namespace bird {

class SharedControl {
public:
    SharedControl(boost::asio::io_context& context, std::string path);

    // Is told before all who join, and does not make it connect. Before anybody joins.
    void attend(Control::Handlers handlers) { users_.push_back(std::move(handlers)); }
    // Connects with the first. Who joins later is told in a turn of its own how things stand. For as long as this
    // lives.
    void join(Control::Handlers handlers);
    // As in Control: only while is_ready().
    void command(std::string text, Control::Answer answer);
    // From `granted` to release() the commands of others wait, so that what its user has seen still holds when it acts.
    // One at a time, in order; a hold ends with the connection, and who still waits for one is told why there is none.
    void hold(std::function<void(const ControlError* lost)> granted);
    void command_in_hold(std::string text, Control::Answer answer);
    void release();
    bool is_ready() const;
    const std::string& life() const { return control_->life(); }  // as in Control; only while is_ready()
    const std::string& path() const { return path_; }

private:
    void on_ready(const Version& version);
    void on_lost(const ControlError& error);
    void greet_newcomers();

    boost::asio::io_context& context_;
    std::string path_;
    struct Waiting {
        std::string text;
        Control::Answer answer;
    };

    std::vector<Control::Handlers> users_;
    bool held_ = false;
    std::deque<std::function<void(const ControlError*)>> holders_;  // the next ones
    std::vector<Waiting> waiting_;
    std::size_t told_ = 0;  // so many of them, from the front, know how things stand
    std::optional<Version> version_;
    std::optional<ControlError> error_;  // why there is no connection
    io::Timer turn_;
    std::unique_ptr<Control> control_;  // none: nobody wants it yet
};

}  // namespace bird
