#include "net/receive_socket.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

#include "net/packet_filter.hpp"
#include "net/socket_address.hpp"
#include "net/socket_options.hpp"

namespace net {

namespace {

// Room for what arrives while this host is too busy to read: 10,000 packets take less.
constexpr int receive_buffer = 8 << 20;  // bytes

void share(int fd, int on) { ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on); }

}  // namespace

std::optional<BindFailure> bind_in(int fd, const Room& room, const base::Endpoint& place, base::IfIndex ifindex) {
    const int device = static_cast<int>(room.vrf.value);
    if (device != 0 && ::setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &device, sizeof device) != 0)
        return BindFailure{errno, "SO_BINDTOIFINDEX"};
    if (!room.sharers.empty()) share(fd, 1);
    for (const int other : room.sharers) share(other, 1);
    const SocketAddress address{place.address.family, place.address, place.port, ifindex};
    const int error = ::bind(fd, address.data(), address.size()) == 0 ? 0 : errno;
    for (const int other : room.sharers) share(other, 0);
    if (error != 0) return BindFailure{error, "bind " + to_string(place)};
    if (!room.sharers.empty()) share(fd, 0);
    return std::nullopt;
}

base::Result<base::UniqueFd, BindFailure> bind_receive(base::Family family, bool multihop, const base::IpAddress& local,
                                                       base::IfIndex ifindex, Filter filter, const Room& room) {
    const auto failed = [](std::string what) { return tl::unexpected{BindFailure{errno, std::move(what)}}; };
    const bool is_v4 = family == base::Family::v4;
    base::UniqueFd fd{::socket(is_v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!fd) return failed("socket");
    const auto* refused = tell_all(fd.get(), family);
    if (refused != nullptr) return failed(refused);
    enlarge_buffer(fd.get(), receive_buffer);
    // Before the port is ours, so that nothing slips in unfiltered.
    if (filter == Filter::on && !attach_filter(fd.get(), packet_filter(family, multihop)))
        return failed("SO_ATTACH_FILTER");
    const auto port = multihop ? multihop_port : single_hop_port;
    const auto host = local.is_set() ? local : base::IpAddress{.family = family};
    if (auto failure = bind_in(fd.get(), room, {host, port}, ifindex)) return tl::unexpected{*std::move(failure)};
    return fd;
}

}  // namespace net
