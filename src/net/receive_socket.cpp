#include "net/receive_socket.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "net/packet_filter.hpp"
#include "net/socket_address.hpp"

namespace net {

namespace {

// Room for what arrives while this host is too busy to read: 10,000 packets take less.
constexpr int receive_buffer = 8 << 20;  // bytes

struct Option {
    int level;
    int name;
    int value;
    const char* what;
};

constexpr std::array v4_options{
    Option{IPPROTO_IP, IP_RECVTTL, 1, "IP_RECVTTL"},
    Option{IPPROTO_IP, IP_PKTINFO, 1, "IP_PKTINFO"},
    Option{SOL_SOCKET, SO_TIMESTAMPNS, 1, "SO_TIMESTAMPNS"},
    Option{SOL_SOCKET, SO_RXQ_OVFL, 1, "SO_RXQ_OVFL"},
};
constexpr std::array v6_options{
    Option{IPPROTO_IPV6, IPV6_V6ONLY, 1, "IPV6_V6ONLY"},
    Option{IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1, "IPV6_RECVHOPLIMIT"},
    Option{IPPROTO_IPV6, IPV6_RECVPKTINFO, 1, "IPV6_RECVPKTINFO"},
    Option{SOL_SOCKET, SO_TIMESTAMPNS, 1, "SO_TIMESTAMPNS"},
    Option{SOL_SOCKET, SO_RXQ_OVFL, 1, "SO_RXQ_OVFL"},
};

// Null, or the option that was refused (errno).
const char* set_options(int fd, std::span<const Option> options) {
    for (const auto& option : options)
        if (::setsockopt(fd, option.level, option.name, &option.value, sizeof option.value) != 0) return option.what;
    return nullptr;
}

void enlarge_buffer(int fd) {
    const int size = receive_buffer;
    if (::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) == 0) return;
    ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);  // without CAP_NET_ADMIN: as much as rmem_max allows
}

bool attach(int fd, std::span<const sock_filter> program) {
    const sock_fprog wanted{static_cast<unsigned short>(program.size()), const_cast<sock_filter*>(program.data())};
    return ::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &wanted, sizeof wanted) == 0;
}

}  // namespace

base::Result<base::UniqueFd, BindFailure> bind_receive(base::Family family, bool multihop, const base::IpAddress& local,
                                                       base::IfIndex ifindex, Filter filter) {
    const auto failed = [](std::string what) { return tl::unexpected{BindFailure{errno, std::move(what)}}; };
    const bool is_v4 = family == base::Family::v4;
    base::UniqueFd fd{::socket(is_v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!fd) return failed("socket");
    const auto* refused = is_v4 ? set_options(fd.get(), v4_options) : set_options(fd.get(), v6_options);
    if (refused != nullptr) return failed(refused);
    enlarge_buffer(fd.get());
    // Before the port is ours, so that nothing slips in unfiltered.
    if (filter == Filter::on && !attach(fd.get(), packet_filter(family, multihop))) return failed("SO_ATTACH_FILTER");
    const auto port = multihop ? multihop_port : single_hop_port;
    const SocketAddress address{family, local, port, ifindex};
    if (::bind(fd.get(), address.data(), address.size()) != 0) {
        const auto host = local.is_set() ? local : base::IpAddress{.family = family};
        return failed("bind " + to_string(base::Endpoint{host, port}));
    }
    return fd;
}

}  // namespace net
