#include "net/sender.hpp"

#include <netinet/in.h>

#include <cassert>
#include <cerrno>
#include <system_error>

namespace net {

namespace {

// All sessions of a family share one socket, and what waits for a neighbour or in a slow queue stays charged to it:
// some hundred dead neighbours must not leave the live ones without room.
constexpr int send_buffer = 32 * 1024 * 1024;  // bytes

// As routing protocols of the host itself: pfifo_fast's first band, on the tunnel's own interface. WireGuard's packets
// around ours have neither this nor our traffic class.
constexpr int priority = 6;  // TC_PRIO_INTERACTIVE; 7 would need CAP_NET_ADMIN

// RFC 9764 §3: the padding is zero. As long as the longest IP packet.
constexpr std::array<std::byte, 65'536> all_zeros{};

base::UniqueFd raw_socket(int family) {
    // IPPROTO_RAW: we write the IP header ourselves, and receive nothing.
    base::UniqueFd fd{::socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW)};
    if (!fd && errno == EAFNOSUPPORT) return fd;
    if (!fd) throw std::system_error{errno, std::generic_category(), "raw socket (needs CAP_NET_RAW)"};
    if (::setsockopt(fd.get(), SOL_SOCKET, SO_PRIORITY, &priority, sizeof priority) != 0)
        throw std::system_error{errno, std::generic_category(), "SO_PRIORITY"};
    if (::setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUFFORCE, &send_buffer, sizeof send_buffer) != 0)
        ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer);  // as far as wmem_max allows
    return fd;
}

}  // namespace

Sender::Sender() : v4_{raw_socket(AF_INET)}, v6_{raw_socket(AF_INET6)} {
    if (!v4_ && !v6_) throw std::system_error{EAFNOSUPPORT, std::generic_category(), "raw socket"};
}

std::span<const int> Sender::send(std::span<const probe::Outgoing> packets) {
    assert(packets.size() <= results_.size());
    send_family(base::Family::v4, packets);
    send_family(base::Family::v6, packets);
    return std::span{results_}.first(packets.size());
}

void Sender::prepare(const probe::Outgoing& packet, Place& place, msghdr& header) const {
    const auto& key = packet.key;
    place.destination = SocketAddress{key.remote.family, key.remote, 0, key.ifindex};
    place.frame = frame(packet);
    place.data = {iovec{place.frame.bytes.data(), place.frame.size},
                  iovec{const_cast<std::byte*>(all_zeros.data()), place.frame.zeros}};
    header.msg_name = place.destination.data();
    header.msg_namelen = place.destination.size();
    header.msg_iov = place.data.data();
    header.msg_iovlen = place.frame.zeros > 0 ? 2 : 1;
    set_source(header, place.info, key);
}

void Sender::send_family(base::Family family, std::span<const probe::Outgoing> packets) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < packets.size(); ++i) {
        if (packets[i].key.remote.family != family) continue;
        prepare(packets[i], places_[count], headers_[count].msg_hdr);
        whose_[count++] = i;
    }
    const int fd = family == base::Family::v4 ? v4_.get() : v6_.get();
    for (std::size_t done = 0; done < count;) {
        const int n = ::sendmmsg(fd, &headers_[done], static_cast<unsigned>(count - done), MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) continue;
        for (int i = 0; i < n; ++i) results_[whose_[done++]] = 0;
        // The message that stopped the batch says why only when it comes first; it alone has failed.
        if (n < 0) results_[whose_[done++]] = errno;
    }
}

}  // namespace net
