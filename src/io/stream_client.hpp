// A client of a unix stream socket on the control thread: connects, reconnects with back-off, writes whole messages in
// order, hands over what arrives, and notices a close. It does not know what a message is: its user does.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <system_error>

#include <boost/asio/io_context.hpp>

#include "base/bytes.hpp"
#include "base/time.hpp"

namespace io {

class StreamClient {
public:
    struct Options {
        std::string path;
        base::Duration first_retry = std::chrono::milliseconds{100};  // doubled at each failure; zero: never retries
        base::Duration longest_retry = std::chrono::seconds{3};
        std::size_t receive_buffer = 64 * 1024;  // the longest message; one handler reads no more than this
        std::size_t most_queued = 1024 * 1024;   // unsent bytes that mean the other side has stopped reading
    };
    struct Handlers {
        std::function<void()> connected;
        // Says how many bytes it has used; the rest comes again, in front of more. Used bytes are wiped.
        std::function<std::size_t(std::span<std::byte>)> received;
        // An attempt failed (`why` says how) or the connection ended (no error: the other side closed). A retry
        // follows.
        std::function<void(std::error_code why)> closed;
    };

    // The first attempt is made in a turn of its own. Handlers may destroy the client.
    StreamClient(boost::asio::io_context& context, Options options, Handlers handlers);
    StreamClient(const StreamClient&) = delete;
    StreamClient& operator=(const StreamClient&) = delete;
    ~StreamClient();  // closes without calling `closed`

    // Queues one whole message, and writes what the socket takes at once. False when not connected: it is dropped, as
    // is everything unsent when the connection ends.
    bool send(base::Bytes message);
    bool is_connected() const;
    std::size_t queued() const;  // bytes not yet taken by the socket
    void reconnect();            // ends this connection (`closed` is called) and tries again after first_retry

private:
    struct State;
    std::shared_ptr<State> state_;  // shared with completions Asio still holds when the client dies, as in FdWatch
};

}  // namespace io
