#include "net/quality_socket.hpp"

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "private_net.hpp"

using namespace net_test;

namespace {

// Type, code, checksum, identifier, sequence (RFC 792, RFC 4443 §4.1); the kernel fills in ICMPv6's checksum.
std::array<std::uint8_t, 8> request(base::Family family, std::uint16_t identifier) {
    std::array<std::uint8_t, 8> out{family == base::Family::v4 ? std::uint8_t{ICMP_ECHO}
                                                               : std::uint8_t{ICMP6_ECHO_REQUEST}};
    out[4] = static_cast<std::uint8_t>(identifier >> 8);
    out[5] = static_cast<std::uint8_t>(identifier);
    if (family == base::Family::v6) return out;
    const unsigned sum = 0xffff - ((ICMP_ECHO << 8) + identifier);
    out[2] = static_cast<std::uint8_t>(sum >> 8);
    out[3] = static_cast<std::uint8_t>(sum);
    return out;
}

bool hears(int fd, int timeout_ms) {
    pollfd look{fd, POLLIN, 0};
    return ::poll(&look, 1, timeout_ms) == 1;
}

}  // namespace

TEST_CASE_FIXTURE(PrivateNet, "an echo socket hears the replies to its own identifier, in both families") {
    for (const auto& [family, to] : {std::pair{base::Family::v4, "127.0.0.1"}, {base::Family::v6, "::1"}}) {
        CAPTURE(to);
        const auto ours = net::open_echo(family, 0x1234);
        REQUIRE_MESSAGE(ours, (ours ? std::string{} : ours.error().what));
        const auto others = net::open_echo(family, 0x4321);
        REQUIRE(others);
        const auto packet = request(family, 0x1234);
        const net::SocketAddress address{family, net_test::ip(to), 0, {}};
        REQUIRE(::sendto(ours->get(), packet.data(), packet.size(), 0, address.data(), address.size()) == 8);
        CHECK(hears(ours->get(), 5'000));
        CHECK_FALSE(hears(others->get(), 0));
    }
}

TEST_CASE_FIXTURE(PrivateNet, "the reflector's port is taken once; a prober has a dynamic port") {
    for (const auto family : {base::Family::v4, base::Family::v6}) {
        const auto first = net::bind_reflector(family);
        REQUIRE(first);
        const auto second = net::bind_reflector(family);
        REQUIRE_FALSE(second);
        CHECK(second.error().error == EADDRINUSE);
        CHECK(net::bind_prober(family, 7));
        CHECK(net::bind_prober(family, 7));  // its port is taken: the next one
    }
}

TEST_CASE_FIXTURE(PrivateNet, "what our probes are longer than the interface takes is refused, never fragmented") {
    const base::UniqueFd control{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    ifreq lo{};
    std::strcpy(lo.ifr_name, "lo");
    lo.ifr_mtu = 1420;
    REQUIRE(::ioctl(control.get(), SIOCSIFMTU, &lo) == 0);
    for (const auto& [family, to] : {std::pair{base::Family::v4, "127.0.0.1"}, {base::Family::v6, "::1"}}) {
        CAPTURE(to);
        const std::size_t header = family == base::Family::v4 ? 20 : 40;
        const auto prober = net::bind_prober(family, 7);
        const auto echo = net::open_echo(family, 0x1234);
        REQUIRE(prober);
        REQUIRE(echo);
        const auto refused = [&](int fd, std::uint16_t port, std::size_t size) {
            std::vector<std::uint8_t> packet(size);
            packet[0] = family == base::Family::v4 ? std::uint8_t{ICMP_ECHO} : std::uint8_t{ICMP6_ECHO_REQUEST};
            const net::SocketAddress address{family, net_test::ip(to), port, {}};
            const auto sent = ::sendto(fd, packet.data(), size, 0, address.data(), address.size());
            return sent < 0 && errno == EMSGSIZE;
        };
        CHECK_FALSE(refused(echo->get(), 0, 1420 - header));
        CHECK(refused(echo->get(), 0, 1421 - header));
        CHECK_FALSE(refused(prober->get(), 862, 1420 - header - 8));
        CHECK(refused(prober->get(), 862, 1421 - header - 8));
    }
}

TEST_CASE_FIXTURE(PrivateNet, "a prober hears reflectors alone, and nothing that is too short for an answer") {
    for (const auto& [family, to] : {std::pair{base::Family::v4, "127.0.0.1"}, {base::Family::v6, "::1"}}) {
        CAPTURE(to);
        const auto prober = net::bind_prober(family, 7);
        const auto reflector = net::bind_reflector(family);
        const auto stranger = net::bind_prober(family, 8);
        REQUIRE(prober);
        REQUIRE(reflector);
        REQUIRE(stranger);
        const net::SocketAddress address{family, net_test::ip(to), net::port_of(prober->get()), {}};
        const std::array<std::uint8_t, 44> answer{};
        const auto arrives = [&](int from, std::size_t size) {
            const auto sent = ::sendto(from, answer.data(), size, 0, address.data(), address.size());
            CHECK(sent == static_cast<ssize_t>(size));
            const bool heard = hears(prober->get(), 0);  // loopback delivers within sendto
            std::array<std::uint8_t, 64> into{};
            if (heard) CHECK(::recv(prober->get(), into.data(), into.size(), 0) == sent);
            return heard;
        };
        CHECK(arrives(reflector->get(), 44));
        CHECK_FALSE(arrives(reflector->get(), 43));
        CHECK_FALSE(arrives(stranger->get(), 44));
        CHECK(arrives(reflector->get(), 44));
    }
}

// The loopback interface stands for a VRF's: to the port's owners it is all the same.
TEST_CASE_FIXTURE(PrivateNet, "a port is shared with a socket in a VRF by those who are named, and with nobody later") {
    const auto join = [](base::Family family, std::vector<int> sharers) {
        return net::bind_receive(family, false, {}, {}, net::Filter::on, {.vrf = loopback, .sharers = sharers});
    };
    for (const auto family : {base::Family::v4, base::Family::v6}) {
        const auto outside = net::bind_receive(family, false);
        REQUIRE(outside);
        const auto alone = join(family, {});
        REQUIRE_FALSE(alone);
        CHECK(alone.error().error == EADDRINUSE);
        const auto inside = join(family, {outside->get()});
        REQUIRE_MESSAGE(inside, (inside ? std::string{} : inside.error().what));
        const base::UniqueFd other{::socket(family == base::Family::v4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0)};
        const int on = 1;
        REQUIRE(::setsockopt(other.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0);
        const net::SocketAddress address{family, {}, net::single_hop_port, {}};
        CHECK(::bind(other.get(), address.data(), address.size()) != 0);
    }
}

TEST_CASE_FIXTURE(PrivateNet, "a prober in a VRF hears on the port of the one that sends for it") {
    for (const auto family : {base::Family::v4, base::Family::v6}) {
        const auto outside = net::bind_prober(family, 7);
        REQUIRE(outside);
        const auto port = net::port_of(outside->get());
        const auto inside = net::bind_prober_in({.vrf = loopback, .sharers = {outside->get()}}, family, port);
        REQUIRE(inside);
        CHECK(net::port_of(inside->get()) == port);
    }
}
