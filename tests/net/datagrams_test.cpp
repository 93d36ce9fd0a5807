// Sender and Receiver over loopback: what goes out comes in, and what cannot go out keeps nothing else back.
#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "net/clock.hpp"
#include "net/receive_socket.hpp"
#include "net/receiver.hpp"
#include "net/sender.hpp"
#include "private_net.hpp"

using namespace net_test;
using namespace std::chrono_literals;

namespace {

probe::Outgoing outgoing(std::string_view from, std::string_view to, std::uint16_t port, base::IfIndex ifindex) {
    probe::Outgoing out{{1, 1}, {ifindex, ip(from), ip(to)}, port};
    out.payload = encoded(packet(bfd::State::up, port, 5));
    return out;
}

base::UniqueFd listen(base::Family family) {
    auto bound = net::bind_receive(family, false);
    REQUIRE(bound.has_value());
    return std::move(*bound);
}

void set_mtu(int mtu) {
    const base::UniqueFd fd{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    ifreq request{};
    std::strcpy(request.ifr_name, "lo");
    request.ifr_mtu = mtu;
    REQUIRE(::ioctl(fd.get(), SIOCSIFMTU, &request) == 0);
}

// The source ports of what came, until `count` are here.
std::vector<std::uint16_t> ports(net::Receiver& receiver, int fd, std::size_t count) {
    std::vector<std::uint16_t> out;
    while (out.size() < count) {
        REQUIRE(readable(fd));
        const int n = receiver.receive(fd);
        REQUIRE(n > 0);
        for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i)
            out.push_back(receiver.view(i).datagram.source_port);
    }
    return out;
}

}  // namespace

TEST_CASE("what is sent arrives whole: addresses, source port, interface, TTL, bytes and receive time") {
    const PrivateNet here;
    struct {
        const char *from, *to;
    } const pairs[] = {{"127.0.0.1", "127.0.0.2"}, {"fd00::1", "fd00::2"}, {"fe80::1", "fe80::2"}};
    net::Sender sender;
    net::Receiver receiver;
    for (const auto& [from, to] : pairs) {
        CAPTURE(from);
        const auto fd = listen(ip(from).family);
        const auto before = std::chrono::system_clock::now();
        const auto sent = outgoing(from, to, 65'535, loopback);
        REQUIRE(sender.send({&sent, 1})[0] == 0);
        REQUIRE(readable(fd.get()));
        REQUIRE(receiver.receive(fd.get()) == 1);
        const auto got = receiver.view(0);
        CHECK(got.datagram.remote == ip(from));
        CHECK(got.datagram.local == ip(to));
        CHECK(got.datagram.source_port == 65'535);
        CHECK(got.datagram.ifindex == loopback);
        CHECK(got.datagram.ttl == 255);
        CHECK(std::ranges::equal(got.datagram.payload, sent.payload));
        REQUIRE(got.stamp);
        CHECK(*got.stamp >= before - 1s);
        CHECK(*got.stamp <= std::chrono::system_clock::now() + 1s);
        CHECK(got.drops.value_or(0) == 0);
    }
}

TEST_CASE("a message that cannot go out keeps its errno to itself: the rest go out") {
    const PrivateNet here;
    net::Sender sender;
    net::Receiver receiver;
    const auto v4 = listen(base::Family::v4);
    const auto v6 = listen(base::Family::v6);
    std::vector<probe::Outgoing> packets;
    for (std::uint16_t i = 0; i < probe::batch; ++i) {
        const auto port = static_cast<std::uint16_t>(50'000 + i);
        switch (i % 8) {
            case 3: packets.push_back(outgoing("127.0.0.1", "203.0.113.1", port, {})); break;      // no route
            case 4: packets.push_back(outgoing("127.0.0.1", "127.0.0.2", port, {99})); break;      // no interface
            case 5: packets.push_back(outgoing("2001:db8::1", "fd00::2", port, loopback)); break;  // no such source
            case 6: packets.push_back(outgoing("fd00::1", "fd00::2", port, loopback)); break;
            default: packets.push_back(outgoing("127.0.0.1", "127.0.0.2", port, loopback));
        }
    }
    const auto results = sender.send(packets);
    REQUIRE(results.size() == packets.size());
    std::vector<std::uint16_t> v4_ports, v6_ports;
    for (std::size_t i = 0; i < packets.size(); ++i) {
        CAPTURE(i);
        switch (i % 8) {
            case 3: CHECK(results[i] == ENETUNREACH); break;
            case 4: CHECK(results[i] == ENODEV); break;
            case 5: CHECK(results[i] == EINVAL); break;
            default: CHECK(results[i] == 0); (i % 8 == 6 ? v6_ports : v4_ports).push_back(packets[i].source_port);
        }
    }
    CHECK(ports(receiver, v4.get(), v4_ports.size()) == v4_ports);
    CHECK(ports(receiver, v6.get(), v6_ports.size()) == v6_ports);
}

TEST_CASE(
    "RFC 9764: a padded packet arrives unfragmented; longer than the interface takes, it is refused and the rest go "
    "out") {
    const PrivateNet here;
    set_mtu(1420);
    net::Sender sender;
    net::Receiver receiver;
    struct {
        const char *from, *to;
    } const pairs[] = {{"127.0.0.1", "127.0.0.2"}, {"fd00::1", "fd00::2"}};
    for (const auto& [from, to] : pairs) {
        CAPTURE(from);
        const auto fd = listen(ip(from).family);
        std::vector<probe::Outgoing> packets;
        for (const auto padding : std::initializer_list<std::uint16_t>{0, 1420, 1421, 200}) {
            packets.push_back(outgoing(from, to, static_cast<std::uint16_t>(50'000 + packets.size()), loopback));
            packets.back().padding = padding;
        }
        const auto results = sender.send(packets);
        CHECK(std::vector(results.begin(), results.end()) == std::vector{0, 0, EMSGSIZE, 0});
        CHECK(ports(receiver, fd.get(), 3) == std::vector<std::uint16_t>{50'000, 50'001, 50'003});
        for (std::size_t i = 0; i < receiver.batch() && receiver.view(i).datagram.source_port == 50'001; ++i)
            CHECK(bfd::decode(receiver.view(i).datagram.payload).has_value());
    }
}

TEST_CASE("a datagram longer than any BFD packet is cut, not refused") {
    const PrivateNet here;
    const auto fd = listen(base::Family::v4);
    const Stranger stranger{"127.0.0.3", "127.0.0.1", net::single_hop_port};
    std::vector<std::byte> padded(9000);
    std::ranges::copy(encoded(packet(bfd::State::down, 9)), padded.begin());
    stranger.send(padded);
    net::Receiver receiver;
    REQUIRE(readable(fd.get()));
    REQUIRE(receiver.receive(fd.get()) == 1);
    const auto payload = receiver.view(0).datagram.payload;
    CHECK(payload.size() == 256);
    CHECK(bfd::decode(payload).has_value());
}

TEST_CASE("what the filter drops is counted by the kernel and told with the next datagram") {
    const PrivateNet here;
    const auto fd = listen(base::Family::v4);
    const Stranger stranger{"127.0.0.3", "127.0.0.1", net::single_hop_port};
    const auto good = encoded(packet(bfd::State::down, 9));
    for (int i = 0; i < 5; ++i) stranger.send(base::Bytes{good}.first(20));
    stranger.send(good);
    net::Receiver receiver;
    REQUIRE(readable(fd.get()));
    REQUIRE(receiver.receive(fd.get()) == 1);
    CHECK(receiver.view(0).drops == 5U);
}
