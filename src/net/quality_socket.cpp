#include "net/quality_socket.hpp"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <optional>
#include <string>

#include "net/socket_address.hpp"
#include "net/socket_options.hpp"
#include "probe/gauge.hpp"

namespace net {

namespace {

// A flood of them should be lost here rather than read.
constexpr int receive_buffer = 1 << 20;  // bytes
constexpr int hop_limit = 255;           // RFC 5357 §4.1.2
// No traffic class and no priority: what is measured is what the traffic sees, queue and all.
constexpr int bind_attempts = 64;
constexpr std::uint16_t first_port = 49152;
constexpr std::uint32_t ports = 16384;

using Opened = base::Result<base::UniqueFd, BindFailure>;

tl::unexpected<BindFailure> failed(std::string what) { return tl::unexpected{BindFailure{errno, std::move(what)}}; }

Opened open(base::Family family, int type, int protocol) {
    const bool is_v4 = family == base::Family::v4;
    base::UniqueFd fd{::socket(is_v4 ? AF_INET : AF_INET6, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol)};
    if (!fd) return failed("socket");
    if (const auto* refused = tell_all(fd.get(), family)) return failed(refused);
    const int level = is_v4 ? IPPROTO_IP : IPPROTO_IPV6;
    const int name = is_v4 ? IP_TTL : IPV6_UNICAST_HOPS;
    if (::setsockopt(fd.get(), level, name, &hop_limit, sizeof hop_limit) != 0) return failed("IP_TTL");
    enlarge_buffer(fd.get(), receive_buffer);
    return fd;
}

// What it sends is never fragmented here, has DF set, and heeds no path MTU that somebody told of: only what comes back
// says what passes. Longer than the interface's MTU is EMSGSIZE.
std::optional<BindFailure> never_fragment(int fd, base::Family family) {
    const int probe = family == base::Family::v4 ? IP_PMTUDISC_PROBE : IPV6_PMTUDISC_PROBE;
    const int on = 1;
    const bool done = family == base::Family::v4
                          ? ::setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &probe, sizeof probe) == 0
                          : ::setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &probe, sizeof probe) == 0 &&
                                ::setsockopt(fd, IPPROTO_IPV6, IPV6_DONTFRAG, &on, sizeof on) == 0;
    if (done) return std::nullopt;
    return BindFailure{errno, "IP_MTU_DISCOVER"};
}

// The program sees an IPv4 packet from its IP header on, an ICMPv6 message from its own.
constexpr std::array<sock_filter, 7> v4_echo(std::uint16_t identifier) {
    return {{
        {BPF_LDX | BPF_B | BPF_MSH, 0, 0, 0},
        {BPF_LD | BPF_B | BPF_IND, 0, 0, 0},
        {BPF_JMP | BPF_JEQ | BPF_K, 0, 3, 0},  // echo reply
        {BPF_LD | BPF_H | BPF_IND, 0, 0, 4},
        {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, identifier},
        {BPF_RET | BPF_K, 0, 0, UINT32_MAX},
        {BPF_RET | BPF_K, 0, 0, 0},
    }};
}
constexpr std::array<sock_filter, 6> v6_echo(std::uint16_t identifier) {
    return {{
        {BPF_LD | BPF_B | BPF_ABS, 0, 0, 0},
        {BPF_JMP | BPF_JEQ | BPF_K, 0, 3, ICMP6_ECHO_REPLY},
        {BPF_LD | BPF_H | BPF_ABS, 0, 0, 4},
        {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, identifier},
        {BPF_RET | BPF_K, 0, 0, UINT32_MAX},
        {BPF_RET | BPF_K, 0, 0, 0},
    }};
}

// The program sees a datagram from its UDP header on. Who is no reflector, or sends less than an answer has, is not
// queued: nobody can fill the prober's buffer from elsewhere.
constexpr std::array<sock_filter, 6> stamp_answers{{
    {BPF_LD | BPF_H | BPF_ABS, 0, 0, 0},
    {BPF_JMP | BPF_JEQ | BPF_K, 0, 3, quality::stamp::port},
    {BPF_LD | BPF_W | BPF_LEN, 0, 0, 0},
    {BPF_JMP | BPF_JGE | BPF_K, 0, 1, 8 + quality::stamp::base_length},
    {BPF_RET | BPF_K, 0, 0, UINT32_MAX},
    {BPF_RET | BPF_K, 0, 0, 0},
}};

// Not bound yet, so that nothing slips in unfiltered.
Opened open_prober(base::Family family) {
    auto fd = open(family, SOCK_DGRAM, 0);
    if (!fd) return fd;
    if (!attach_filter(fd->get(), stamp_answers)) return failed("SO_ATTACH_FILTER");
    if (auto failure = never_fragment(fd->get(), family)) return tl::unexpected{std::move(*failure)};
    return fd;
}

}  // namespace

Opened bind_reflector(base::Family family, const base::IpAddress& local, base::IfIndex ifindex, const Room& room) {
    auto fd = open(family, SOCK_DGRAM, 0);
    if (!fd) return fd;
    const auto host = local.is_set() ? local : base::IpAddress{.family = family};
    if (auto failure = bind_in(fd->get(), room, {host, quality::stamp::port}, ifindex))
        return tl::unexpected{std::move(*failure)};
    return fd;
}

Opened bind_prober_in(const Room& room, base::Family family, std::uint16_t port) {
    auto fd = open_prober(family);
    if (!fd) return fd;
    if (auto failure = bind_in(fd->get(), room, {{.family = family}, port})) return tl::unexpected{std::move(*failure)};
    return fd;
}

Opened bind_prober(base::Family family, std::uint32_t seed) {
    auto fd = open_prober(family);
    if (!fd) return fd;
    for (int i = 0;; ++i) {
        const auto port = static_cast<std::uint16_t>(first_port + seed % ports);
        auto failure = bind_in(fd->get(), {}, {{.family = family}, port});
        if (!failure) return fd;
        if (i == bind_attempts || failure->error != EADDRINUSE) return tl::unexpected{std::move(*failure)};
        seed = seed * 1'664'525U + 1'013'904'223U;
    }
}

std::uint16_t port_of(int fd) {
    SocketAddress address;
    auto size = SocketAddress::capacity();
    return ::getsockname(fd, address.data(), &size) == 0 ? address.port() : std::uint16_t{0};
}

Opened open_echo(base::Family family, std::uint16_t identifier, base::IfIndex vrf) {
    const bool is_v4 = family == base::Family::v4;
    auto fd = open(family, SOCK_RAW, is_v4 ? int{IPPROTO_ICMP} : int{IPPROTO_ICMPV6});
    if (!fd) return fd;
    const bool attached =
        is_v4 ? attach_filter(fd->get(), v4_echo(identifier)) : attach_filter(fd->get(), v6_echo(identifier));
    if (!attached) return failed("SO_ATTACH_FILTER");
    if (auto failure = never_fragment(fd->get(), family)) return tl::unexpected{std::move(*failure)};
    const int device = static_cast<int>(vrf.value);
    if (device != 0 && ::setsockopt(fd->get(), SOL_SOCKET, SO_BINDTOIFINDEX, &device, sizeof device) != 0)
        return failed("SO_BINDTOIFINDEX");
    return fd;
}

}  // namespace net
