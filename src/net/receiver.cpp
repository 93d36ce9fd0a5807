#include "net/receiver.hpp"

#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <ctime>

namespace net {

namespace {

template <class T>
T value_of(const cmsghdr& control) {
    T out{};
    std::memcpy(&out, CMSG_DATA(&control), sizeof out);
    return out;
}

base::WallTime to_wall(const timespec& t) {
    return base::WallTime{std::chrono::seconds{t.tv_sec} + std::chrono::nanoseconds{t.tv_nsec}};
}

void read_socket_control(const cmsghdr& control, Received& out) {
    if (control.cmsg_type == SCM_TIMESTAMPNS) out.stamp = to_wall(value_of<timespec>(control));
    if (control.cmsg_type == SO_RXQ_OVFL) out.drops = value_of<std::uint32_t>(control);
}

void read_v4_control(const cmsghdr& control, probe::Datagram& out) {
    if (control.cmsg_type == IP_TTL) out.ttl = static_cast<std::uint8_t>(value_of<int>(control));
    if (control.cmsg_type != IP_PKTINFO) return;
    const auto info = value_of<in_pktinfo>(control);
    out.local = from(info.ipi_addr);
    out.ifindex = {static_cast<std::uint32_t>(info.ipi_ifindex)};
}

void read_v6_control(const cmsghdr& control, probe::Datagram& out) {
    if (control.cmsg_type == IPV6_HOPLIMIT) out.ttl = static_cast<std::uint8_t>(value_of<int>(control));
    if (control.cmsg_type != IPV6_PKTINFO) return;
    const auto info = value_of<in6_pktinfo>(control);
    out.local = from(info.ipi6_addr);
    out.ifindex = {info.ipi6_ifindex};
}

}  // namespace

Receiver::Receiver(std::size_t batch, std::size_t payload)
    : headers_(batch), places_(batch), payloads_(batch * payload) {
    for (std::size_t i = 0; i < batch; ++i) {
        auto& place = places_[i];
        place.data = {&payloads_[i * payload], payload};
        auto& header = headers_[i].msg_hdr;
        header.msg_name = place.source.data();
        header.msg_iov = &place.data;
        header.msg_iovlen = 1;
        header.msg_control = place.control.data();
    }
}

int Receiver::receive(int fd) {
    for (auto& header : headers_) {  // the kernel overwrote them
        header.msg_hdr.msg_namelen = SocketAddress::capacity();
        header.msg_hdr.msg_controllen = control_size;
    }
    return ::recvmmsg(fd, headers_.data(), static_cast<unsigned>(batch()), MSG_DONTWAIT, nullptr);
}

Received Receiver::view(std::size_t i) const {
    const auto& place = places_[i];
    auto header = headers_[i].msg_hdr;
    Received out;
    out.datagram.remote = place.source.address();
    out.datagram.source_port = place.source.port();
    out.datagram.payload = {static_cast<const std::byte*>(place.data.iov_base),
                            std::min<std::size_t>(headers_[i].msg_len, place.data.iov_len)};
    for (auto* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
        if (c->cmsg_level == SOL_SOCKET) read_socket_control(*c, out);
        if (c->cmsg_level == IPPROTO_IP) read_v4_control(*c, out.datagram);
        if (c->cmsg_level == IPPROTO_IPV6) read_v6_control(*c, out.datagram);
    }
    return out;
}

}  // namespace net
