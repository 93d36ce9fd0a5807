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

}  // namespace

base::Result<base::UniqueFd, BindFailure> bind_receive(base::Family family, bool multihop, const base::IpAddress& local,
                                                       base::IfIndex ifindex, Filter filter) {
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
    const SocketAddress address{family, local, port, ifindex};
    if (::bind(fd.get(), address.data(), address.size()) != 0) {
        const auto host = local.is_set() ? local : base::IpAddress{.family = family};
        return failed("bind " + to_string(base::Endpoint{host, port}));
    }
    return fd;
}

}  // namespace net
