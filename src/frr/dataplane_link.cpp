#include "frr/dataplane_link.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>

#include "base/unique_fd.hpp"

namespace frr {

using Descriptor = boost::asio::posix::stream_descriptor;

struct DataplaneLink::State : std::enable_shared_from_this<State> {
    Events events;
    std::optional<Descriptor> socket;  // none: closed
    bool open = false;
    bool wants_room = false;  // on_room is owed
    bool waiting_for_room = false;
    std::vector<std::byte> received;
    std::vector<std::byte> rest;  // the end of a message that TCP took in part: nothing else may go before it

    void wait_connected();
    void wait_readable();
    void wait_writable();
    void opened();
    void read_some();
    void deliver();
    void flush();
    void fail(int error, std::string why);
};

namespace {

int pending_error(int fd) {
    int error = 0;
    socklen_t length = sizeof error;
    if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0) return errno;
    return error;
}

}  // namespace

void DataplaneLink::State::wait_connected() {
    socket->async_wait(Descriptor::wait_write, [self = shared_from_this()](const boost::system::error_code& error) {
        if (error || !self->socket) return;
        if (const int failed = pending_error(self->socket->native_handle())) return self->fail(failed, "connect");
        self->opened();
    });
}

void DataplaneLink::State::opened() {
    open = true;
    wait_readable();
    events.on_open();
}

void DataplaneLink::State::wait_readable() {
    socket->async_wait(Descriptor::wait_read, [self = shared_from_this()](const boost::system::error_code& error) {
        if (error || !self->socket) return;
        self->read_some();
        if (self->socket) self->wait_readable();
    });
}

// One read a turn: the control thread has other work between two of them.
void DataplaneLink::State::read_some() {
    std::array<std::byte, 16384> chunk;
    const auto n = ::recv(socket->native_handle(), chunk.data(), chunk.size(), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n < 0) return fail(errno, "read");
    if (n == 0) return fail(0, "bfdd closed the connection");
    received.insert(received.end(), chunk.begin(), chunk.begin() + n);
    deliver();
}

void DataplaneLink::State::deliver() {
    std::size_t used = 0;
    while (socket) {
        const auto left = base::Bytes{received}.subspan(used);
        const auto next = next_message(left);
        if (!next) return fail(0, "bfdd sent " + std::string{to_string(next.error())});
        if (!*next) break;
        used += (*next)->length;
        events.on_message(**next, left.first((*next)->length));
    }
    received.erase(received.begin(), received.begin() + static_cast<std::ptrdiff_t>(used));
}

void DataplaneLink::State::wait_writable() {
    if (std::exchange(waiting_for_room, true)) return;
    socket->async_wait(Descriptor::wait_write, [self = shared_from_this()](const boost::system::error_code& error) {
        if (error || !self->socket) return;
        self->waiting_for_room = false;
        self->flush();
    });
}

void DataplaneLink::State::flush() {
    while (!rest.empty()) {
        const auto n = ::send(socket->native_handle(), rest.data(), rest.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return wait_writable();
        if (n < 0) return fail(errno, "write");
        rest.erase(rest.begin(), rest.begin() + n);
    }
    if (std::exchange(wants_room, false)) events.on_room();
}

void DataplaneLink::State::fail(int error, std::string why) {
    if (!socket) return;
    socket.reset();
    events.on_closed(error, std::move(why));
}

DataplaneLink::DataplaneLink(boost::asio::io_context& context, const SocketAddress& address, Events events)
    : state_{std::make_shared<State>()} {
    state_->events = std::move(events);
    base::UniqueFd fd{::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (!fd) throw std::system_error{errno, std::generic_category(), "socket"};
    if (address.storage.ss_family != AF_UNIX) {
        const int on = 1;
        ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    const int failed = ::connect(fd.get(), address.get(), address.length) < 0 ? errno : 0;
    state_->socket.emplace(context, fd.get());
    fd.release();
    if (failed == EINPROGRESS) {
        state_->wait_connected();
        return;
    }
    boost::asio::post(context, [state = state_, failed] {
        if (!state->socket) return;
        if (failed) return state->fail(failed, "connect");
        state->opened();
    });
}

DataplaneLink::~DataplaneLink() { close(); }

void DataplaneLink::close() { state_->socket.reset(); }

bool DataplaneLink::send(base::Bytes message) {
    auto& state = *state_;
    if (!state.open || !state.socket) return false;
    ssize_t n = -1;
    errno = EAGAIN;
    if (state.rest.empty()) do {
            n = ::send(state.socket->native_handle(), message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        } while (n < 0 && errno == EINTR);
    if (n < 0) {
        // A broken connection is told by the read side, after what bfdd still had to say.
        if (errno == EAGAIN) {
            state.wants_room = true;
            state.wait_writable();
        }
        return false;
    }
    const auto left = message.subspan(static_cast<std::size_t>(n));
    if (left.empty()) return true;
    state.rest.assign(left.begin(), left.end());
    state.wait_writable();
    return true;
}

}  // namespace frr
