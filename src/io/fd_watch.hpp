// Watches somebody else's file descriptor on the control thread's io_context; releases it, never closes it.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

namespace io {

class FdWatch {
public:
    // `on_readable` runs each time the descriptor turns readable, until the watch dies. It must drain the descriptor
    // or accept being called again at once.
    FdWatch(boost::asio::io_context& context, int fd, std::function<void()> on_readable);
    FdWatch(const FdWatch&) = delete;
    FdWatch& operator=(const FdWatch&) = delete;
    ~FdWatch();

private:
    struct State {
        boost::asio::posix::stream_descriptor descriptor;
        std::function<void()> on_readable;
        bool alive = true;
    };
    static void wait(const std::shared_ptr<State>& state);
    // Shared because Asio may still hold a completed handler when the watch dies: the one shared_ptr here.
    std::shared_ptr<State> state_;
};

}  // namespace io
