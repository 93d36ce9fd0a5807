#include "io/netlink.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <netlink/errno.h>

namespace io {
namespace {

[[noreturn]] void fail(const char* call, int nl_error) {
    // libnl's own numbers say less than the errno it saw, which it leaves in place.
    throw std::system_error{errno != 0 ? errno : EIO, std::generic_category(),
                            std::string{call} + " (" + nl_geterror(nl_error) + ")"};
}

std::error_code system_code(int error) { return {error, std::generic_category()}; }

}  // namespace

NetlinkSocket open_netlink(int protocol, int receive_buffer) {
    NetlinkSocket socket{nl_socket_alloc()};
    if (!socket) throw std::bad_alloc{};
    errno = 0;
    if (const int error = nl_connect(socket.get(), protocol); error < 0) fail("netlink socket", error);
    if (const int error = nl_socket_set_nonblocking(socket.get()); error < 0) fail("netlink non-blocking", error);
    nl_socket_disable_auto_ack(socket.get());
    if (receive_buffer > 0 &&
        ::setsockopt(fd_of(socket), SOL_SOCKET, SO_RCVBUFFORCE, &receive_buffer, sizeof receive_buffer) < 0)
        // Without CAP_NET_ADMIN: as much as net.core.rmem_max gives.
        ::setsockopt(fd_of(socket), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    return socket;
}

int fd_of(const NetlinkSocket& socket) { return nl_socket_get_fd(socket.get()); }

void put(const NetlinkRequest& request, int attribute, base::Bytes value) {
    if (nla_put(request.get(), attribute, static_cast<int>(value.size()), value.data()) < 0) throw std::bad_alloc{};
}

std::uint32_t send_request(const NetlinkSocket& socket, const NetlinkRequest& request) {
    errno = 0;
    if (const int error = nl_send_auto(socket.get(), request.get()); error < 0) fail("netlink send", error);
    return nlmsg_hdr(request.get())->nlmsg_seq;
}

base::Result<base::Bytes, std::error_code> receive(const NetlinkSocket& socket, std::span<std::byte> buffer) {
    for (;;) {
        const auto n = ::recv(fd_of(socket), buffer.data(), buffer.size(), MSG_DONTWAIT | MSG_TRUNC);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return tl::unexpected{system_code(errno)};
        const auto length = static_cast<std::size_t>(n);
        if (length > buffer.size()) return tl::unexpected{std::make_error_code(std::errc::message_size)};
        return buffer.first(length);
    }
}

namespace {

using steady = std::chrono::steady_clock;

// Calls `on_message` for what comes in until that says it was the last, or the limit has passed.
template <class OnMessage>
std::error_code receive_until(const NetlinkSocket& socket, const OnMessage& on_message) {
    const auto limit = steady::now() + std::chrono::milliseconds{200};
    std::array<std::byte, 32 * 1024> buffer;
    for (;;) {
        const auto datagram = receive(socket, buffer);
        if (datagram) {
            auto rest = *datagram;
            while (const auto message = next_message(rest))
                if (const auto end = on_message(*message)) return *end;
            continue;
        }
        if (datagram.error() != std::errc::operation_would_block) return datagram.error();
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(limit - steady::now()).count();
        pollfd wait{fd_of(socket), POLLIN, 0};
        if (left <= 0 || ::poll(&wait, 1, static_cast<int>(left)) == 0)
            return std::make_error_code(std::errc::timed_out);
    }
}

}  // namespace

std::error_code transact(const NetlinkSocket& socket, const NetlinkRequest& request,
                         const std::function<void(const NetlinkMessage&)>& on_reply) {
    nlmsg_hdr(request.get())->nlmsg_flags |= NLM_F_ACK;
    const auto sequence = send_request(socket, request);
    return receive_until(socket, [&](const NetlinkMessage& message) -> std::optional<std::error_code> {
        if (message.sequence != sequence) return std::nullopt;  // a reply that an earlier request gave up on
        if (message.type == NLMSG_ERROR || message.type == NLMSG_DONE) return system_code(errno_of(message));
        if (on_reply) on_reply(message);
        return std::nullopt;
    });
}

std::error_code transact_all(const NetlinkSocket& socket, std::span<const NetlinkRequest> requests) {
    if (requests.empty()) return {};
    std::vector<std::byte> all;
    std::uint32_t last = 0;
    for (const auto& request : requests) {
        auto* const header = nlmsg_hdr(request.get());
        nl_complete_msg(socket.get(), request.get());
        header->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
        last = header->nlmsg_seq;
        const auto* const bytes = reinterpret_cast<const std::byte*>(header);
        all.insert(all.end(), bytes, bytes + header->nlmsg_len);
        all.resize((all.size() + NLMSG_ALIGNTO - 1) & ~std::size_t{NLMSG_ALIGNTO - 1});
    }
    errno = 0;
    if (const int error = nl_sendto(socket.get(), all.data(), all.size()); error < 0) fail("netlink send", error);
    std::error_code first;
    const auto error = receive_until(socket, [&](const NetlinkMessage& message) -> std::optional<std::error_code> {
        if (message.type != NLMSG_ERROR) return std::nullopt;
        if (const int number = errno_of(message); number != 0 && !first) first = system_code(number);
        return message.sequence == last ? std::optional{std::error_code{}} : std::nullopt;
    });
    return error ? error : first;
}

}  // namespace io
