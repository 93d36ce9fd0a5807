// A network namespace of this test's own with loopback up, so that no packet leaves it and every port is free.
#pragma once

#include <linux/ipv6.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <doctest/doctest.h>

#include <chrono>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/ip_address.hpp"
#include "base/unique_fd.hpp"
#include "bfd/packet.hpp"
#include "net/socket_address.hpp"

namespace net_test {

struct PrivateNet {
    PrivateNet() {
        const bool is_private = ::unshare(CLONE_NEWNET) == 0 || ::unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
        REQUIRE_MESSAGE(is_private, "needs a network namespace of its own: root, or user namespaces");
        const base::UniqueFd fd{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
        ifreq request{};
        std::strcpy(request.ifr_name, "lo");
        request.ifr_flags = IFF_UP | IFF_RUNNING | IFF_LOOPBACK;
        REQUIRE(::ioctl(fd.get(), SIOCSIFFLAGS, &request) == 0);
        add_v6("fd00::1");
        add_v6("fd00::2");
        add_v6("fe80::1");
        add_v6("fe80::2");
    }

    static void add_v6(std::string_view address) {  // to loopback; 127.0.0.0/8 is there anyway
        const base::UniqueFd fd{::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
        in6_ifreq request{};
        const auto parsed = *base::IpAddress::parse(address);
        std::memcpy(&request.ifr6_addr, parsed.bytes.data(), parsed.bytes.size());
        request.ifr6_prefixlen = 128;
        request.ifr6_ifindex = 1;
        REQUIRE(::ioctl(fd.get(), SIOCSIFADDR, &request) == 0);
        // It is tentative until a kernel worker has looked at it.
        const net::SocketAddress bound{base::Family::v6, parsed, 0, {1}};
        const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds{10};
        while (::bind(fd.get(), bound.data(), bound.size()) != 0) {
            REQUIRE(std::chrono::steady_clock::now() < limit);
            ::poll(nullptr, 0, 1);
        }
    }
};

inline constexpr base::IfIndex loopback{1};

inline base::IpAddress ip(std::string_view text) { return *base::IpAddress::parse(text); }

inline bool readable(int fd, std::chrono::milliseconds limit = std::chrono::seconds{10}) {
    pollfd wanted{fd, POLLIN, 0};
    return ::poll(&wanted, 1, static_cast<int>(limit.count())) == 1;
}

// A plain UDP socket at `from`, sending to one port: what anybody on the path may send.
class Stranger {
public:
    Stranger(std::string_view from, std::string_view to, std::uint16_t port, int ttl = 255)
        : to_{ip(to).family, ip(to), port, loopback} {
        const auto source = ip(from);
        fd_.reset(::socket(source.is_v4() ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        set_ttl(ttl);
        const net::SocketAddress address{source.family, source, 0, loopback};
        REQUIRE(::bind(fd_.get(), address.data(), address.size()) == 0);
    }
    void set_ttl(int ttl) {
        const bool is_v4 = to_.address().is_v4();
        REQUIRE(::setsockopt(fd_.get(), is_v4 ? IPPROTO_IP : IPPROTO_IPV6, is_v4 ? IP_TTL : IPV6_UNICAST_HOPS, &ttl,
                             sizeof ttl) == 0);
    }
    void send(base::Bytes bytes) const {
        REQUIRE(::sendto(fd_.get(), bytes.data(), bytes.size(), 0, to_.data(), to_.size()) ==
                static_cast<ssize_t>(bytes.size()));
    }

private:
    base::UniqueFd fd_;
    net::SocketAddress to_;
};

inline bfd::Packet packet(bfd::State state, std::uint32_t mine, std::uint32_t yours = 0) {
    bfd::Packet out;
    out.state = state;
    out.detect_mult = 3;
    out.my_discriminator = {mine};
    out.your_discriminator = {yours};
    out.desired_min_tx = out.required_min_rx = bfd::Microseconds{1'000'000};
    return out;
}

inline std::array<std::byte, 24> encoded(const bfd::Packet& packet) {
    std::array<std::byte, 24> out{};
    bfd::encode(packet, out);
    return out;
}

}  // namespace net_test
