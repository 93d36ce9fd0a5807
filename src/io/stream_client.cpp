#include "io/stream_client.hpp"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include <boost/asio/posix/stream_descriptor.hpp>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "io/timer.hpp"

namespace io {
namespace {

std::error_code system_code(int error) { return {error, std::generic_category()}; }

base::Result<base::UniqueFd, std::error_code> connect_unix(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return tl::unexpected{system_code(ENAMETOOLONG)};
    std::memcpy(address.sun_path, path.data(), path.size());
    base::UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (!fd) return tl::unexpected{system_code(errno)};
    // A unix socket connects at once or not at all: EAGAIN says that the listener's backlog is full.
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
        return tl::unexpected{system_code(errno)};
    return fd;
}

}  // namespace

struct StreamClient::State : std::enable_shared_from_this<StreamClient::State> {
    State(boost::asio::io_context& context, Options opts, Handlers hands)
        : options{std::move(opts)},
          handlers{std::move(hands)},
          socket{context},
          retry{context, [this] { connect(); }},
          retry_delay{options.first_retry},
          in(options.receive_buffer) {}
    ~State() { wipe(0, in.size()); }

    void connect();
    void wait_readable();
    void wait_writable();
    void read();
    void flush();
    void end(std::error_code why);
    void wipe(std::size_t from, std::size_t to) { ::explicit_bzero(in.data() + from, to - from); }

    Options options;
    Handlers handlers;
    boost::asio::posix::stream_descriptor socket;
    Timer retry;
    base::Duration retry_delay;
    std::vector<std::byte> in;
    std::size_t in_used = 0;
    std::vector<std::byte> out;
    std::size_t out_sent = 0;
    std::uint64_t connection = 0;  // completions of an earlier one are stale
    bool alive = true;
    bool writing = false;
    bool overflowed = false;  // the other side has stopped reading: only the end is still to come
};

StreamClient::StreamClient(boost::asio::io_context& context, Options options, Handlers handlers)
    : state_{std::make_shared<State>(context, std::move(options), std::move(handlers))} {
    state_->retry.expire_after({});
}

StreamClient::~StreamClient() {
    state_->alive = false;
    ++state_->connection;
    state_->retry.cancel();
    boost::system::error_code ignored;
    state_->socket.close(ignored);
}

bool StreamClient::is_connected() const { return state_->socket.is_open(); }
std::size_t StreamClient::queued() const { return state_->out.size() - state_->out_sent; }

bool StreamClient::send(base::Bytes message) {
    auto& s = *state_;
    if (!s.socket.is_open() || s.overflowed) return false;
    if (queued() + message.size() > s.options.most_queued) {
        s.overflowed = true;
        ::shutdown(s.socket.native_handle(), SHUT_RDWR);  // so that the end comes in a turn of its own
        return false;
    }
    s.out.insert(s.out.end(), message.begin(), message.end());
    if (!s.writing) s.flush();
    return true;
}

void StreamClient::reconnect() {
    state_->retry_delay = state_->options.first_retry;
    if (is_connected()) return state_->end({});
    if (state_->retry.is_armed()) state_->retry.expire_after(state_->retry_delay);
}

void StreamClient::State::connect() {
    const auto self = shared_from_this();
    auto fd = connect_unix(options.path);
    if (!fd) return end(fd.error());
    socket.assign(fd->release());
    retry_delay = options.first_retry;
    wait_readable();
    if (handlers.connected) handlers.connected();
}

void StreamClient::State::wait_readable() {
    socket.async_wait(boost::asio::posix::descriptor_base::wait_read,
                      [self = shared_from_this(), mine = connection](const boost::system::error_code& error) {
                          if (!error && mine == self->connection) self->read();
                      });
}

void StreamClient::State::wait_writable() {
    writing = true;
    socket.async_wait(boost::asio::posix::descriptor_base::wait_write,
                      [self = shared_from_this(), mine = connection](const boost::system::error_code& error) {
                          if (!error && mine == self->connection) self->flush();
                      });
}

void StreamClient::State::read() {
    const auto mine = connection;
    const auto n = ::recv(socket.native_handle(), in.data() + in_used, in.size() - in_used, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return wait_readable();
    if (n <= 0) return end(overflowed ? system_code(ENOBUFS) : n < 0 ? system_code(errno) : std::error_code{});
    in_used += static_cast<std::size_t>(n);
    const auto used = std::min(handlers.received(std::span{in}.first(in_used)), in_used);
    if (mine != connection) return;  // the handler ended this connection
    std::copy(in.begin() + static_cast<std::ptrdiff_t>(used), in.begin() + static_cast<std::ptrdiff_t>(in_used),
              in.begin());
    wipe(in_used - used, in_used);  // received bytes, which may hold keys, do not outlive their handling
    in_used -= used;
    if (in_used == in.size()) return end(system_code(EMSGSIZE));
    wait_readable();
}

void StreamClient::State::flush() {
    writing = false;
    while (out_sent < out.size()) {
        const auto n =
            ::send(socket.native_handle(), out.data() + out_sent, out.size() - out_sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return wait_writable();
        // Reading finds the close as well, together with what the other side said last.
        if (n < 0) break;
        out_sent += static_cast<std::size_t>(n);
    }
    out.clear();
    out_sent = 0;
}

void StreamClient::State::end(std::error_code why) {
    const auto self = shared_from_this();
    ++connection;
    boost::system::error_code ignored;
    socket.close(ignored);
    wipe(0, in_used);
    in_used = 0;
    out.clear();
    out_sent = 0;
    writing = overflowed = false;
    if (options.first_retry > base::Duration::zero()) retry.expire_after(retry_delay);
    retry_delay = std::min(retry_delay * 2, options.longest_retry);
    if (handlers.closed) handlers.closed(why);
}

}  // namespace io
