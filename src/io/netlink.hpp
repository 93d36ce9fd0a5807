// Netlink sockets of the control thread: opened by libnl, read as raw datagrams into the caller's own buffer (which it
// may wipe, and parse a slice at a time). What the messages say is netlink_message.hpp's question and the rooms'.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <system_error>

#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include "base/result.hpp"
#include "io/netlink_message.hpp"

namespace io {

struct NlFree {
    void operator()(nl_sock* s) const { nl_socket_free(s); }
    void operator()(nl_msg* m) const { nlmsg_free(m); }
};
using NetlinkSocket = std::unique_ptr<nl_sock, NlFree>;  // libnl owns the fd: FdWatch releases it, never closes it
using NetlinkRequest = std::unique_ptr<nl_msg, NlFree>;

// The kernel builds dumps in messages up to 32 KiB; a buffer of this size never truncates one.
inline constexpr std::size_t netlink_buffer = 64 * 1024;

// A connected, non-blocking socket; `receive_buffer` bytes are asked for beyond the system's limit where we may.
NetlinkSocket open_netlink(int protocol, int receive_buffer = 0);
int fd_of(const NetlinkSocket& socket);

// A request with room for `header` after its netlink header. Flags: NLM_F_REQUEST is added when it is sent.
template <class Header>
NetlinkRequest make_request(int type, int flags, const Header& header) {
    NetlinkRequest out{nlmsg_alloc_simple(type, flags)};
    if (!out || nlmsg_append(out.get(), const_cast<Header*>(&header), sizeof header, NLMSG_ALIGNTO) < 0)
        throw std::bad_alloc{};
    return out;
}
void put(const NetlinkRequest& request, int attribute, base::Bytes value);
template <class T>
void put_number(const NetlinkRequest& request, int attribute, T value) {
    put(request, attribute, std::as_bytes(std::span{&value, 1}));
}

// Returns the sequence number that the replies carry.
std::uint32_t send_request(const NetlinkSocket& socket, const NetlinkRequest& request);

// One datagram; operation_would_block when there is none, no_buffer_space when the kernel had to drop some.
base::Result<base::Bytes, std::error_code> receive(const NetlinkSocket& socket, std::span<std::byte> buffer);

// Sends a small request, hands each reply to `on_reply` and returns when it is acknowledged, or dumped to its end
// (short lists alone): rtnetlink answers while it is being asked, so this waits for nothing (but for the kernel's own
// lock), and at most 200 ms.
std::error_code transact(const NetlinkSocket& socket, const NetlinkRequest& request,
                         const std::function<void(const NetlinkMessage&)>& on_reply = {});
// Several that are acknowledged alone, in one datagram: the kernel carries each out, whatever becomes of the others.
// The first error.
std::error_code transact_all(const NetlinkSocket& socket, std::span<const NetlinkRequest> requests);

}  // namespace io
