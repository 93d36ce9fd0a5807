#include "io/fd_watch.hpp"

namespace io {

FdWatch::FdWatch(boost::asio::io_context& context, int fd, std::function<void()> on_readable)
    : state_{
          std::make_shared<State>(State{boost::asio::posix::stream_descriptor{context, fd}, std::move(on_readable)})} {
    wait(state_);
}

FdWatch::~FdWatch() {
    state_->alive = false;
    state_->descriptor.release();
}

void FdWatch::wait(const std::shared_ptr<State>& state) {
    state->descriptor.async_wait(boost::asio::posix::descriptor_base::wait_read,
                                 [state](const boost::system::error_code& error) {
                                     if (error || !state->alive) return;
                                     state->on_readable();
                                     if (state->alive) wait(state);
                                 });
}

}  // namespace io
