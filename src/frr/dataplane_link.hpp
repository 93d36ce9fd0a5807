// One stream to bfdd: connects without blocking, hands up whole messages, and takes whole messages: bfdd reads with
// blocking calls, so half a message from us would freeze it. What has no room is not queued (unlike io::StreamClient):
// the caller offers the newest state when there is room. No reconnect, no meaning of messages.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>

#include "frr/dataplane_address.hpp"
#include "frr/dataplane_codec.hpp"

namespace frr {

class DataplaneLink {
public:
    struct Events {
        std::function<void()> on_open;
        std::function<void(const Header&, base::Bytes)> on_message;
        std::function<void()> on_room;  // after send() said no
        // Once, last; `error` is an errno, 0 when bfdd closed or spoke garbage (`why` tells which).
        std::function<void(int error, std::string why)> on_closed;
    };
    // Events come from the io_context, never from within a call.
    DataplaneLink(boost::asio::io_context& context, const SocketAddress& address, Events events);
    DataplaneLink(const DataplaneLink&) = delete;
    DataplaneLink& operator=(const DataplaneLink&) = delete;
    ~DataplaneLink();

    // One write of a whole message (or several). False: the socket has no room and nothing was taken.
    bool send(base::Bytes message);
    void close();  // no event follows

private:
    struct State;
    // Shared with Asio's handlers, which may be queued already when the link dies.
    std::shared_ptr<State> state_;
};

}  // namespace frr
