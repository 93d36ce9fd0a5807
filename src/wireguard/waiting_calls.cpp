#include "wireguard/waiting_calls.hpp"

#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <stdexcept>
#include <string>
#include <system_error>

#include "io/netlink_message.hpp"
#include "wireguard/genetlink.hpp"

namespace wireguard {
namespace {

// One dump from its request to its end; true: nothing changed meanwhile.
bool dump_once(std::uint16_t family, const DumpCalls& calls, DeviceDump& dump) {
    const auto sequence = calls.ask();
    bool interrupted = false;
    for (bool done = false; !done;) {
        const auto datagram = calls.wait();
        base::Bytes rest{datagram};
        while (const auto message = io::next_message(rest)) {
            if (message->sequence != sequence) continue;
            interrupted |= (message->flags & NLM_F_DUMP_INTR) != 0;
            if (message->type == NLMSG_ERROR || message->type == NLMSG_DONE) {
                if (const int error = io::errno_of(*message); error != 0)
                    throw std::system_error{error, std::generic_category(), "WG_CMD_GET_DEVICE"};
                done = true;
            } else if (message->type == family) {
                if (const auto refused = dump.take(message->payload))
                    throw std::runtime_error{std::string{to_string(*refused)}};
                calls.on_payload(message->payload);
            }
        }
        ::explicit_bzero(datagram.data(), datagram.size());
    }
    return !interrupted;
}

// Twice, as the kernel counts what it keeps beside the bytes; without the right to do so as much as the system gives.
void make_room(int socket, int force, int ask, std::size_t bytes) {
    const auto room = static_cast<int>(std::min<std::size_t>(2 * bytes, std::numeric_limits<int>::max() / 2));
    if (::setsockopt(socket, SOL_SOCKET, force, &room, sizeof room) != 0)
        ::setsockopt(socket, SOL_SOCKET, ask, &room, sizeof room);
}

}  // namespace

adjacency::Device dump_whole(std::uint16_t family, const DumpCalls& calls) {
    for (int i = 0; i < most_dumps; ++i) {
        DeviceDump dump;
        if (dump_once(family, calls, dump)) return dump.take_device();
    }
    throw std::runtime_error{"the device changes each time it is read: nothing done"};
}

int send_whole(int socket, std::span<const std::vector<std::byte>> messages,
               const std::function<std::span<std::byte>()>& wait) {
    constexpr std::size_t an_answer = 4096;
    constexpr int short_answers = 1;
    ::setsockopt(socket, SOL_NETLINK, NETLINK_CAP_ACK, &short_answers, sizeof short_answers);
    std::vector<iovec> parts;
    std::size_t bytes = 0;
    for (const auto& message : messages) {
        parts.push_back({const_cast<std::byte*>(message.data()), message.size()});
        bytes += message.size();
    }
    make_room(socket, SO_SNDBUFFORCE, SO_SNDBUF, bytes);
    make_room(socket, SO_RCVBUFFORCE, SO_RCVBUF, messages.size() * an_answer);
    msghdr header{};
    header.msg_iov = parts.data();
    header.msg_iovlen = parts.size();
    if (::sendmsg(socket, &header, 0) < 0) return errno;
    int first = 0;
    for (auto left = messages.size(); left > 0;) {
        base::Bytes rest{wait()};
        while (const auto reply = io::next_message(rest)) {
            if (reply->type != NLMSG_ERROR) return EPROTO;
            if (first == 0) first = io::errno_of(*reply);
            left -= std::min<std::size_t>(left, 1);
        }
    }
    return first;
}

bool send_whole(int socket, std::string_view text) {
    make_room(socket, SO_SNDBUFFORCE, SO_SNDBUF, text.size());
    while (!text.empty()) {
        const auto n = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        text.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

}  // namespace wireguard
