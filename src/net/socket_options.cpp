#include "net/socket_options.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <span>

namespace net {

namespace {

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
constexpr Option v6_only{IPPROTO_IPV6, IPV6_V6ONLY, 1, "IPV6_V6ONLY"};
constexpr std::array v6_options{
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

// A raw socket has no port to share with IPv4, and refuses the option.
bool is_raw(int fd) {
    int type = 0;
    socklen_t length = sizeof type;
    return ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_RAW;
}

}  // namespace

const char* tell_all(int fd, base::Family family) {
    if (family == base::Family::v6 && !is_raw(fd))
        if (const auto* refused = set_options(fd, std::span{&v6_only, 1})) return refused;
    return family == base::Family::v4 ? set_options(fd, v4_options) : set_options(fd, v6_options);
}

void enlarge_buffer(int fd, int size) {
    if (::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) == 0) return;
    ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);  // without CAP_NET_ADMIN: as much as rmem_max allows
}

bool attach_filter(int fd, std::span<const sock_filter> program) {
    const sock_fprog wanted{static_cast<unsigned short>(program.size()), const_cast<sock_filter*>(program.data())};
    return ::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &wanted, sizeof wanted) == 0;
}

}  // namespace net
