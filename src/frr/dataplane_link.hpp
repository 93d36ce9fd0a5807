// One stream to bfdd: connects without blocking, hands up whole messages, and takes whole messages: bfdd reads with
// blocking calls, so half a message from us would freeze it. What has no room is not queued (unlike io::StreamClient):
// the caller offers the newest state when there is room. No reconnect, no meaning of messages.
// A message stays in the socket until it has been handled, and one that went out in part is told: whoever goes on with
// the socket when this process ends begins where a message begins.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "base/unique_fd.hpp"
#include "frr/dataplane_address.hpp"
#include "frr/dataplane_codec.hpp"

namespace frr {

class DataplaneLink {
public:
    struct Events {
        std::function<void()> on_open;
        std::function<void(const Header&, base::Bytes)> on_message;
        std::function<void()> on_room;  // after send() said no
        // What has yet to go out of a message that was taken in part; empty: nothing any more.
        std::function<void(base::Bytes rest)> on_rest;
        // Once, last; `error` is an errno, 0 when bfdd closed or spoke garbage (`why` tells which).
        std::function<void(int error, std::string why)> on_closed;
    };
    // Events come from the io_context, never from within a call.
    DataplaneLink(boost::asio::io_context& context, const SocketAddress& address, Events events);
    // Goes on with a connection, where whoever had it before left off.
    DataplaneLink(boost::asio::io_context& context, base::UniqueFd fd, std::vector<std::byte> rest, Events events);
    DataplaneLink(const DataplaneLink&) = delete;
    DataplaneLink& operator=(const DataplaneLink&) = delete;
    ~DataplaneLink();

    // One write of a whole message (or several). False: the socket has no room and nothing was taken.
    bool send(base::Bytes message);
    void close();    // no event follows
    int fd() const;  // -1: closed

private:
    void prepare(boost::asio::io_context& context, Events events);

    struct State;
    // Shared with Asio's handlers, which may be queued already when the link dies.
    std::shared_ptr<State> state_;
};

}  // namespace frr
