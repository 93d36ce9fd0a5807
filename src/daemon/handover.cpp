#include "daemon/handover.hpp"

#include <sched.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

namespace wgbfd {
namespace {

constexpr std::size_t longest_text = 1024;  // bytes
constexpr int send_buffer = 1 << 20;        // bytes: some thousand descriptors under way
constexpr timeval send_within{.tv_sec = 1, .tv_usec = 0};

union Control {
    cmsghdr header;
    std::array<std::byte, CMSG_SPACE(sizeof(int))> bytes;
};

void attach(msghdr& message, Control& control, int fd) {
    message.msg_control = &control;
    message.msg_controllen = sizeof control;
    auto* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
}

base::UniqueFd detach(msghdr& message) {
    const auto* const header = CMSG_FIRSTHDR(&message);
    if (header == nullptr || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) return {};
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
    return base::UniqueFd{fd};
}

}  // namespace

std::pair<base::UniqueFd, base::UniqueFd> make_channel() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
        throw std::system_error{errno, std::system_category(), "socketpair"};
    for (const int end : ends) {
        ::setsockopt(end, SOL_SOCKET, SO_SNDBUFFORCE, &send_buffer, sizeof send_buffer);
        ::setsockopt(end, SOL_SOCKET, SO_SNDTIMEO, &send_within, sizeof send_within);
    }
    return {base::UniqueFd{ends[0]}, base::UniqueFd{ends[1]}};
}

bool say(int channel, Word word, std::string_view text, int fd, Wait wait) {
    text = text.substr(0, longest_text);
    std::array<iovec, 2> parts{iovec{&word, 1}, iovec{const_cast<char*>(text.data()), text.size()}};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    Control control{};
    if (fd >= 0) attach(message, control, fd);
    const int flags = MSG_NOSIGNAL | (wait == Wait::yes ? 0 : MSG_DONTWAIT);
    ssize_t n = -1;
    do n = ::sendmsg(channel, &message, flags);
    while (n < 0 && errno == EINTR);
    return n >= 0;
}

Heard hear(int channel, Message& out, Wait wait) {
    std::array<char, 1 + longest_text> bytes{};
    iovec part{bytes.data(), bytes.size()};
    Control control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = &control;
    message.msg_controllen = sizeof control;
    const int flags = MSG_CMSG_CLOEXEC | (wait == Wait::yes ? 0 : MSG_DONTWAIT);
    ssize_t n = -1;
    do n = ::recvmsg(channel, &message, flags);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN) return Heard::nothing;
    if (n <= 0) return Heard::closed;
    out.word = static_cast<Word>(bytes[0]);
    out.text.assign(bytes.data() + 1, static_cast<std::size_t>(n) - 1);
    out.fd = detach(message);
    return Heard::message;
}

KeptFds inherit(int channel) {
    KeptFds out;
    for (Message message; hear(channel, message, Wait::yes) == Heard::message;) {
        if (message.word == Word::go) return out;
        if (message.word == Word::keep && message.fd) out.insert_or_assign(message.text, std::move(message.fd));
    }
    throw std::runtime_error{"the guardian has gone"};
}

bool rest_from_realtime() {
    sched_param mine{};
    const int policy = ::sched_getscheduler(0);
    if ((policy != SCHED_FIFO && policy != SCHED_RR) || ::sched_getparam(0, &mine) != 0) return false;
    if (::sched_setscheduler(0, policy, &mine) != 0) return false;  // what is forbidden to us is to the guardian
    const sched_param normal{};
    return ::sched_setscheduler(0, SCHED_OTHER, &normal) == 0;
}

}  // namespace wgbfd
