#include "wireguard/echo_socket.hpp"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <system_error>

namespace wireguard {
namespace {

using Clock = std::chrono::steady_clock;

std::uint16_t checksum(const std::uint8_t* bytes, std::size_t size) {  // RFC 1071
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i + 1 < size; i += 2) sum += static_cast<std::uint32_t>(bytes[i] << 8 | bytes[i + 1]);
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(~sum);
}

}  // namespace

EchoSocket::EchoSocket(const std::string& interface, const base::IpAddress& remote)
    : remote_{remote},
      fd_{remote.is_v4() ? ::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP)
                         : ::socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6)},
      identifier_{static_cast<std::uint16_t>(::getpid())} {
    if (!fd_ || ::setsockopt(fd_.get(), SOL_SOCKET, SO_BINDTODEVICE, interface.data(),
                             static_cast<socklen_t>(interface.size())) != 0)
        throw std::system_error{errno, std::generic_category(), "echo socket"};
}

void EchoSocket::send() {
    ++sequence_;
    std::array<std::uint8_t, 8> echo{};  // RFC 792, RFC 4443 §4.1: the kernel has no checksum of the first for us
    echo[0] = remote_.is_v4() ? ICMP_ECHO : ICMP6_ECHO_REQUEST;
    echo[4] = static_cast<std::uint8_t>(identifier_ >> 8);
    echo[5] = static_cast<std::uint8_t>(identifier_);
    echo[6] = static_cast<std::uint8_t>(sequence_ >> 8);
    echo[7] = static_cast<std::uint8_t>(sequence_);
    if (remote_.is_v4()) {
        const auto sum = checksum(echo.data(), echo.size());
        echo[2] = static_cast<std::uint8_t>(sum >> 8);
        echo[3] = static_cast<std::uint8_t>(sum);
        sockaddr_in to{};
        to.sin_family = AF_INET;
        std::memcpy(&to.sin_addr, remote_.bytes.data(), sizeof to.sin_addr);
        static_cast<void>(
            ::sendto(fd_.get(), echo.data(), echo.size(), 0, reinterpret_cast<sockaddr*>(&to), sizeof to));
        return;
    }
    sockaddr_in6 to{};
    to.sin6_family = AF_INET6;
    std::memcpy(&to.sin6_addr, remote_.bytes.data(), sizeof to.sin6_addr);
    static_cast<void>(::sendto(fd_.get(), echo.data(), echo.size(), 0, reinterpret_cast<sockaddr*>(&to), sizeof to));
}

bool EchoSocket::receive(base::Duration within) {
    const auto limit = Clock::now() + within;
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(limit - Clock::now()).count();
        pollfd wait{fd_.get(), POLLIN, 0};
        if (left <= 0 || ::poll(&wait, 1, static_cast<int>(left)) <= 0) return false;
        std::array<std::uint8_t, 2048> in{};
        const auto n = ::recv(fd_.get(), in.data(), in.size(), MSG_DONTWAIT);
        const std::size_t header = remote_.is_v4() ? (in[0] & 0xfU) * 4U : 0U;  // an IPv4 raw socket has it in front
        if (n < static_cast<ssize_t>(header + 8)) continue;
        const auto* echo = in.data() + header;
        const auto type = remote_.is_v4() ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY;
        if (echo[0] == type && (echo[4] << 8 | echo[5]) == identifier_ && (echo[6] << 8 | echo[7]) == sequence_)
            return true;
    }
}

}  // namespace wireguard
