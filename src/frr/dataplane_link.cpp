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
#include "io/timer.hpp"

namespace frr {

using Descriptor = boost::asio::posix::stream_descriptor;

struct DataplaneLink::State : std::enable_shared_from_this<State> {
    Events events;
    std::optional<Descriptor> socket;  // none: closed
    bool open = false;
    bool wants_room = false;  // on_room is owed
    bool waiting_for_room = false;
    std::optional<io::Timer> again;  // looks for the end of a message of which half has come
    std::vector<std::byte> rest;     // the end of a message that TCP took in part: nothing else may go before it

    void wait_connected();
    void wait_readable();
    void wait_writable();
    void opened();
    void read_some();
    std::size_t deliver(base::Bytes received);
    void hold(base::Bytes left);
    void flush();
    void drop();
    void fail(int error, std::string why);
};

namespace {

using namespace std::chrono_literals;

// The other half of a message comes at once, or bfdd is being stopped.
constexpr auto look_again_after = 1ms;

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
    });
}

// One read a turn: the control thread has other work between two of them. What was handled is taken off the socket
// afterwards, so that a process that dies in between has lost nothing: its successor hears it again.
void DataplaneLink::State::read_some() {
    std::array<std::byte, longest_message> chunk;
    const auto n = ::recv(socket->native_handle(), chunk.data(), chunk.size(), MSG_DONTWAIT | MSG_PEEK);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return wait_readable();
    if (n < 0) return fail(errno, "read");
    if (n == 0) return fail(0, "bfdd closed the connection");
    const auto used = deliver(std::span{chunk}.first(static_cast<std::size_t>(n)));
    if (!socket) return;
    if (used == 0) return again->expire_after(look_again_after);
    for (auto left = used; left > 0;) {
        const auto taken = ::recv(socket->native_handle(), chunk.data(), left, MSG_DONTWAIT);
        if (taken < 0 && errno == EINTR) continue;
        if (taken <= 0) return fail(taken < 0 ? errno : 0, "read");
        left -= static_cast<std::size_t>(taken);
    }
    wait_readable();
}

// How much of it whole messages were.
std::size_t DataplaneLink::State::deliver(base::Bytes received) {
    std::size_t used = 0;
    while (socket) {
        const auto left = received.subspan(used);
        const auto next = next_message(left);
        if (!next) {
            fail(0, "bfdd sent " + std::string{to_string(next.error())});
            break;
        }
        if (!*next) break;
        used += (*next)->length;
        events.on_message(**next, left.first((*next)->length));
    }
    return used;
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
        hold(base::Bytes{rest}.subspan(static_cast<std::size_t>(n)));
    }
    if (std::exchange(wants_room, false)) events.on_room();
}

// What is closed unread is a reset at the other end, and no end of file.
void DataplaneLink::State::drop() {
    if (!socket) return;
    std::array<std::byte, 4096> rubbish;
    while (::recv(socket->native_handle(), rubbish.data(), rubbish.size(), MSG_DONTWAIT) > 0) continue;
    socket.reset();
}

void DataplaneLink::State::hold(base::Bytes left) {
    rest = std::vector<std::byte>{left.begin(), left.end()};
    if (events.on_rest) events.on_rest(rest);
}

void DataplaneLink::State::fail(int error, std::string why) {
    if (!socket) return;
    drop();
    events.on_closed(error, std::move(why));
}

DataplaneLink::DataplaneLink(boost::asio::io_context& context, const SocketAddress& address, Events events)
    : state_{std::make_shared<State>()} {
    prepare(context, std::move(events));
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

DataplaneLink::DataplaneLink(boost::asio::io_context& context, base::UniqueFd fd, std::vector<std::byte> rest,
                             Events events)
    : state_{std::make_shared<State>()} {
    prepare(context, std::move(events));
    state_->rest = std::move(rest);
    state_->socket.emplace(context, fd.release());
    boost::asio::post(context, [state = state_] {
        if (!state->socket) return;
        state->opened();
        if (state->socket && !state->rest.empty()) state->flush();
    });
}

void DataplaneLink::prepare(boost::asio::io_context& context, Events events) {
    state_->events = std::move(events);
    state_->again.emplace(context, [state = std::weak_ptr{state_}] {
        if (const auto self = state.lock(); self && self->socket) self->read_some();
    });
}

DataplaneLink::~DataplaneLink() { close(); }

void DataplaneLink::close() {
    state_->socket.reset();
    state_->again->cancel();
}

int DataplaneLink::fd() const { return state_->socket ? state_->socket->native_handle() : -1; }

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
    state.hold(left);
    state.wait_writable();
    return true;
}

}  // namespace frr
