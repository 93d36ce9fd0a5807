#include "frr/fpm.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <system_error>
#include <utility>

#include "base/ip_address.hpp"

namespace frr {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t bytes_a_turn = 16 * 1024;  // some 200 routes, well below a millisecond
constexpr auto listen_again_after = 3s;          // zebra tries as often
// The replay has no end marker. It runs at thousands a second; two seconds with next to nothing are its end.
constexpr std::uint64_t calm_messages = 64;
constexpr unsigned calm_looks = 2;

std::string fix_for(int error) {
    switch (error) {
        case EADDRINUSE: return "somebody else listens there (`ss -ltnp` says who): end it, or change [frr] fpm";
        case EADDRNOTAVAIL: return "this host has no such address: change [frr] fpm";
        case EACCES: return "a port below 1024 needs root";
        default: return "check [frr] fpm";
    }
}

std::string text_of(const sockaddr_storage& from) {
    base::Endpoint out;
    if (from.ss_family == AF_INET) {
        sockaddr_in in{};
        std::memcpy(&in, &from, sizeof in);
        out = {base::IpAddress::v4(std::as_bytes(std::span<const in_addr, 1>{&in.sin_addr, 1})), ntohs(in.sin_port)};
    } else {
        sockaddr_in6 in{};
        std::memcpy(&in, &from, sizeof in);
        out = {base::IpAddress::v6(std::as_bytes(std::span<const in6_addr, 1>{&in.sin6_addr, 1})), ntohs(in.sin6_port)};
    }
    return base::to_string(out);
}

base::UniqueFd open_listener(const SocketAddress& address) {
    base::UniqueFd fd{::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (!fd) throw std::system_error{errno, std::generic_category(), "socket"};
    const int on = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(fd.get(), address.get(), address.length) < 0)
        throw std::system_error{errno, std::generic_category(), "bind"};
    if (::listen(fd.get(), 4) < 0) throw std::system_error{errno, std::generic_category(), "listen"};
    return fd;
}

// A zebra on another host that vanishes without a word is missed after 20 s.
void keep_alive(int fd) {
    const int on = 1, idle = 5, interval = 5, count = 3;
    ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

bool hung_up(int fd) {
    pollfd look{fd, POLLRDHUP, 0};
    return ::poll(&look, 1, 0) > 0;
}

}  // namespace

Fpm::Fpm(boost::asio::io_context& context, const std::string& address, Events events)
    : context_{context},
      address_{address},
      events_{std::move(events)},
      buffer_(longest_fpm_frame + bytes_a_turn),
      retry_{context, [this] { listen(); }},
      second_{context, [this] { on_second(); }} {
    const auto parsed = parse_dataplane_address((address.starts_with('[') ? "ipv6:" : "ipv4:") + address);
    if (!parsed) {
        problem_ = "[frr] fpm \"" + address + "\" is no address";
        return;
    }
    socket_address_ = *parsed;
    listen();
}

void Fpm::listen() try {
    listener_ = open_listener(socket_address_);
    listener_watch_.emplace(context_, listener_.get(), [this] { on_pending(); });
    problem_.clear();
} catch (const std::system_error& error) {
    problem_ = "fpm " + address_ + ": " + error.code().message() + ": " + fix_for(error.code().value());
    retry_.expire_after(listen_again_after);
}

void Fpm::on_pending() {  // one a turn: whoever connects without end is no reason to do nothing else
    sockaddr_storage from{};
    socklen_t length = sizeof from;
    base::UniqueFd fd{
        ::accept4(listener_.get(), reinterpret_cast<sockaddr*>(&from), &length, SOCK_NONBLOCK | SOCK_CLOEXEC)};
    if (!fd) return on_no_accept(errno);
    if (connection_ && hung_up(connection_.get())) close("zebra closed the connection");  // and is back already
    if (connection_)
        refuse(text_of(from));
    else
        serve(std::move(fd), text_of(from));
}

// Gone again; or no descriptor is left, and who waits would wake us without end.
void Fpm::on_no_accept(int error) {
    if (error == EAGAIN || error == EINTR || error == ECONNABORTED) return;
    problem_ = "fpm " + address_ + ": " + std::generic_category().message(error) + ": tried again soon";
    listener_watch_.reset();
    listener_.reset();
    retry_.expire_after(listen_again_after);
}

// zebra tries again every 3 s: it is told of once, until it gives up.
void Fpm::refuse(const std::string& peer) {
    if (std::exchange(refused_ago_, 0U) != nobody_refused) return;
    problem_ = "fpm " + address_ + " serves one zebra, and " + client_ + " is it: " + peer +
               " was turned away; give that one's `fpm address` another port, or end it";
    events_.on_note("fpm second client refused=" + peer + " serving=" + client_);
}

void Fpm::serve(base::UniqueFd fd, std::string peer) {
    keep_alive(fd.get());
    connection_ = std::move(fd);
    client_ = std::move(peer);
    problem_.clear();
    filled_ = 0;
    messages_before_ = messages_;
    calm_ = 0;
    refused_ago_ = nobody_refused;
    replaying_ = true;
    events_.on_note("fpm connected=" + client_);
    events_.on_open();
    connection_watch_.emplace(context_, connection_.get(), [this] { on_readable(); });
    second_.expire_after(1s);
}

void Fpm::on_readable() {
    const auto n = ::recv(connection_.get(), buffer_.data() + filled_, bytes_a_turn, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n < 0) return close(std::system_category().message(errno));
    if (n == 0) return close("zebra closed the connection");
    filled_ += static_cast<std::size_t>(n);
    most_bytes_ = std::max(most_bytes_, static_cast<std::size_t>(n));
    deliver();
}

void Fpm::deliver() {
    std::size_t used = 0;
    std::string wrong;
    for (;;) {
        const auto frame = next_fpm_frame(base::Bytes{buffer_}.subspan(used, filled_ - used));
        if (!frame) wrong = "it sent " + std::string{to_string(frame.error())};
        if (!frame || !*frame) break;
        used += fpm_header_length + (*frame)->size();
        for (auto body = **frame; const auto message = io::next_message(body);) {
            ++messages_;
            events_.on_message(*message);
        }
    }
    filled_ -= used;
    std::memmove(buffer_.data(), buffer_.data() + used, filled_);
    events_.on_settled();
    if (!wrong.empty()) close(wrong);
}

void Fpm::on_second() {
    if (!connection_) return;
    second_.expire_after(1s);
    if (refused_ago_ != nobody_refused && ++refused_ago_ == nobody_refused) problem_.clear();
    if (!replaying_) return;
    const bool calm = messages_ - std::exchange(messages_before_, messages_) < calm_messages;
    calm_ = calm ? calm_ + 1 : 0;
    if (calm_ < calm_looks) return;
    replaying_ = false;
    events_.on_replayed();
}

void Fpm::close(const std::string& why) {
    events_.on_note("fpm lost=" + client_ + " reason=\"" + why + "\"");
    connection_watch_.reset();
    connection_.reset();
    client_.clear();
    problem_.clear();
    replaying_ = false;
    events_.on_closed();
}

}  // namespace frr
