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

Fpm::Fpm(boost::asio::io_context& context, const std::string& address, Events events, base::Duration second)
    : context_{context},
      address_{address},
      events_{std::move(events)},
      second_is_{second},
      buffer_(longest_fpm_frame + bytes_a_turn),
      retry_{context, [this] { listen(); }},
      second_{context, [this] { on_second(); }} {
    const auto parsed = parse_dataplane_address((address.starts_with('[') ? "ipv6:" : "ipv4:") + address);
    if (!parsed) {
        port_problem_ = "[frr] fpm \"" + address + "\" is no address";
        return;
    }
    socket_address_ = *parsed;
    listen();
}

void Fpm::listen() try {
    listener_ = open_listener(socket_address_);
    port_problem_.clear();
    await_client();
} catch (const std::system_error& error) {
    port_problem_ = "fpm " + address_ + ": " + error.code().message() + ": " + fix_for(error.code().value());
    retry_.expire_after(listen_again_after);
}

// Nobody else is let in while somebody has yet to prove himself: whoever waits is next, 5 s later at the latest.
void Fpm::await_client() {
    if (listener_) listener_watch_.emplace(context_, listener_.get(), [this] { on_pending(); });
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
    port_problem_ = "fpm " + address_ + ": " + std::generic_category().message(error) + ": tried again soon";
    listener_watch_.reset();
    listener_.reset();
    retry_.expire_after(listen_again_after);
}

void Fpm::refuse(const std::string& peer) {
    turn_away("fpm " + address_ + " serves one zebra, and " + client_ + " is it: " + peer +
                  " was turned away; give that one's `fpm address` another port, or end it",
              "fpm second client refused=" + peer + " serving=" + client_);
}

// zebra tries again every 3 s, and others may without pause: told of once, until they give up.
void Fpm::turn_away(std::string problem, const std::string& note) {
    if (!second_.is_armed()) second_.expire_after(second_is_);
    if (std::exchange(refused_ago_, 0U) != nobody_refused) return;
    turned_away_ = std::move(problem);
    events_.on_note(note);
}

void Fpm::forget_turned_away() {
    refused_ago_ = nobody_refused;
    turned_away_.clear();
}

void Fpm::serve(base::UniqueFd fd, std::string peer) {
    keep_alive(fd.get());
    connection_ = std::move(fd);
    peer_ = std::move(peer);
    filled_ = 0;
    telling_ = FpmTelling{messages_};
    listener_watch_.reset();
    connection_watch_.emplace(context_, connection_.get(), [this] { on_readable(); });
    second_.expire_after(second_is_);
}

void Fpm::prove() {
    telling_.prove();
    client_ = peer_;
    forget_turned_away();
    await_client();
    events_.on_note("fpm connected=" + client_);
    events_.on_open();
}

void Fpm::on_readable() {
    const auto n = ::recv(connection_.get(), buffer_.data() + filled_, bytes_a_turn, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n < 0) return close(std::system_category().message(errno));
    if (n == 0) return close(telling_.is_proven() ? "zebra closed the connection" : "it left without a valid frame");
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
        if (!(*frame)->empty() && !telling_.is_proven()) prove();
        for (auto body = **frame; const auto message = io::next_message(body);) {
            ++messages_;
            events_.on_message(*message);
        }
    }
    filled_ -= used;
    std::memmove(buffer_.data(), buffer_.data() + used, filled_);
    if (telling_.is_proven()) events_.on_settled();
    if (!wrong.empty()) close(wrong);
}

void Fpm::on_second() {
    if (refused_ago_ != nobody_refused && ++refused_ago_ == nobody_refused) turned_away_.clear();
    if (connection_) look();
    if (connection_ || refused_ago_ != nobody_refused) second_.expire_after(second_is_);
}

void Fpm::look() {
    switch (telling_.on_second(messages_)) {
        case FpmTelling::News::none: return;
        case FpmTelling::News::silent:
            return close("it sent no valid frame for " + std::to_string(FpmTelling::silent_at_most) + " s");
        case FpmTelling::News::replayed: return events_.on_replayed();
    }
}

void Fpm::close(const std::string& why) {
    connection_watch_.reset();
    connection_.reset();
    if (!telling_.is_proven()) {
        await_client();
        return turn_away("fpm " + address_ + ": " + peer_ + " is no zebra: " + why +
                             "; end it, or change [frr] fpm and zebra's `fpm address`",
                         "fpm turned away=" + peer_ + " reason=\"" + why + "\"");
    }
    events_.on_note("fpm lost=" + client_ + " reason=\"" + why + "\"");
    client_.clear();
    telling_ = {};
    forget_turned_away();
    events_.on_closed();
}

}  // namespace frr
