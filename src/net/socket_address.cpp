#include "net/socket_address.hpp"

#include <arpa/inet.h>

#include <cstring>

namespace net {

SocketAddress::SocketAddress(base::Family family, const base::IpAddress& address, std::uint16_t port,
                             base::IfIndex ifindex) {
    if (family == base::Family::v4) {
        storage_.v4 = {};
        storage_.v4.sin_family = AF_INET;
        storage_.v4.sin_port = htons(port);
        std::memcpy(&storage_.v4.sin_addr, address.bytes.data(), sizeof(in_addr));
        return;
    }
    storage_.v6.sin6_family = AF_INET6;
    storage_.v6.sin6_port = htons(port);
    std::memcpy(&storage_.v6.sin6_addr, address.bytes.data(), sizeof(in6_addr));
    if (address.is_link_local()) storage_.v6.sin6_scope_id = ifindex.value;
}

base::IpAddress SocketAddress::address() const {
    switch (storage_.v4.sin_family) {
        case AF_INET: return from(storage_.v4.sin_addr);
        case AF_INET6: return from(storage_.v6.sin6_addr);
    }
    return {};
}

std::uint16_t SocketAddress::port() const { return ntohs(storage_.v4.sin_port); }  // at one place in both

base::IpAddress from(const in_addr& address) {
    return base::IpAddress::v4(std::as_bytes(std::span<const in_addr, 1>{&address, 1}));
}

base::IpAddress from(const in6_addr& address) {
    return base::IpAddress::v6(std::as_bytes(std::span<const in6_addr, 1>{&address, 1}));
}

}  // namespace net
