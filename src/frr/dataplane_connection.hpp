// One connection to bfdd and its conversation: sessions in, states out (the latest of each, composed when there is
// room for it), counters answered at once, and an echo now and then that shows whether bfdd is alive and where its
// burst of ADDs ended. Which connection a session belongs to is BfdDataplane's question.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "frr/dataplane_link.hpp"

namespace frr {

class DataplaneConnection {
public:
    struct Events {
        std::function<void(const AddSession&)> on_add;
        std::function<void(std::uint32_t lid)> on_delete;
        std::function<std::optional<Counters>(std::uint32_t lid)> counters;
        std::function<std::optional<StateMessage>(std::uint32_t lid)> compose;  // none: nothing to say any more
        std::function<void(const StateMessage&)> on_sent;
        std::function<void(std::size_t adds)> on_echo;  // bfdd answered; ADDs since the last answer
        std::function<void(int fd)> on_open;
        std::function<void(base::Bytes rest)> on_rest;
        std::function<void(int error, std::string why)> on_closed;
    };
    DataplaneConnection(boost::asio::io_context& context, const SocketAddress& address, Events events);
    // Goes on with one; `stamp`: where the echoes begin, so that none that is under way is taken for an answer.
    DataplaneConnection(boost::asio::io_context& context, base::UniqueFd fd, std::vector<std::byte> rest,
                        std::uint64_t stamp, Events events);

    void announce(std::uint32_t lid);  // compose is called for it as soon as there is room
    void ask_echo();                   // after everything announced; one at a time
    void tick();                       // once a second
    void close() { link_.close(); }

    bool is_open() const { return open_; }
    bool is_silent() const;  // bfdd has not answered for seconds
    bool is_answered() const { return open_ && !echo_wanted_ && !echo_pending_; }

private:
    DataplaneLink::Events link_events();
    void on_message(const Header& header, base::Bytes message);
    void answer(const CountersRequest& request);
    void on_echo_reply(base::Bytes message);
    void send_waiting();

    Events events_;
    bool open_ = false;
    std::deque<std::uint32_t> announced_;
    std::unordered_set<std::uint32_t> waiting_;  // the same lids
    std::deque<std::vector<std::byte>> answers_;
    unsigned answers_unread_ = 0;
    bool echo_wanted_ = true;  // the first one marks the end of the first burst
    bool echo_pending_ = false;
    bool heard_since_echo_ = false;
    unsigned echo_age_ = 0;  // ticks
    std::uint64_t echo_stamp_ = 0;
    std::size_t adds_ = 0;
    DataplaneLink link_;
};

}  // namespace frr
