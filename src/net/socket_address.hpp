// A base::IpAddress as the socket calls want it, and back.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>

#include "base/ip_address.hpp"

namespace net {

class SocketAddress {
public:
    SocketAddress() = default;
    // An unset `address` is the wildcard of `family`. The interface counts for link-local IPv6 addresses alone.
    SocketAddress(base::Family family, const base::IpAddress& address, std::uint16_t port, base::IfIndex ifindex);

    sockaddr* data() { return reinterpret_cast<sockaddr*>(&storage_); }
    const sockaddr* data() const { return reinterpret_cast<const sockaddr*>(&storage_); }
    socklen_t size() const { return storage_.v4.sin_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6); }
    static constexpr socklen_t capacity() { return sizeof(sockaddr_in6); }

    base::IpAddress address() const;  // unset: another family
    std::uint16_t port() const;

private:
    union {
        sockaddr_in6 v6{};
        sockaddr_in v4;
    } storage_;
};

base::IpAddress from(const in_addr& address);
base::IpAddress from(const in6_addr& address);

}  // namespace net
