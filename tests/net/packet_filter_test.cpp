// The filter on real sockets: what it lets pass arrives, what it drops does not.
#include "net/packet_filter.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "net/receive_socket.hpp"
#include "private_net.hpp"

using namespace net_test;

namespace {

struct Bench : PrivateNet {
    base::UniqueFd fd;
    Stranger stranger;
    std::array<std::byte, 24> good = encoded(packet(bfd::State::down, 9));
    std::array<std::byte, 24> marker = encoded(packet(bfd::State::down, 4711));

    Bench(std::string_view to, bool multihop)
        : fd{listen(ip(to).family, multihop)}, stranger{to, to, multihop ? net::multihop_port : net::single_hop_port} {}

    static base::UniqueFd listen(base::Family family, bool multihop) {
        auto bound = net::bind_receive(family, multihop);
        REQUIRE(bound.has_value());
        return std::move(*bound);
    }
    std::vector<std::byte> next() {
        REQUIRE(readable(fd.get()));
        std::vector<std::byte> out(512);
        const auto n = ::recv(fd.get(), out.data(), out.size(), 0);
        REQUIRE(n >= 0);
        out.resize(static_cast<std::size_t>(n));
        return out;
    }
    // Does it arrive? A good packet sent behind it tells when there is nothing more to wait for.
    bool passes(base::Bytes bytes) {
        stranger.send(bytes);
        stranger.send(marker);
        const auto first = next();
        if (std::ranges::equal(first, marker)) return false;
        CHECK(std::ranges::equal(first, bytes));
        CHECK(std::ranges::equal(next(), marker));
        return true;
    }
    bool passes_with(std::size_t at, int value) {
        auto bytes = good;
        bytes[at] = static_cast<std::byte>(value);
        return passes(bytes);
    }

    void check_payloads() {
        CHECK(passes(good));
        CHECK_FALSE(passes(base::Bytes{good}.first(23)));
        CHECK_FALSE(passes({}));
        CHECK_FALSE(passes_with(0, 0 << 5));  // version
        CHECK_FALSE(passes_with(0, 2 << 5));
        CHECK(passes_with(0, 1 << 5 | 31));  // any diagnostic
        CHECK(passes_with(1, 0xc0));         // Up
        CHECK_FALSE(passes_with(1, 0x41));   // multipoint
        CHECK(passes_with(1, 0x44));         // authentication: refused later, with its own reason
        CHECK_FALSE(passes_with(2, 0));      // detect mult
        CHECK(passes_with(2, 1));
        CHECK(passes_with(2, 255));
        CHECK_FALSE(passes_with(3, 23));  // length
        CHECK_FALSE(passes_with(3, 25));
        CHECK_FALSE(passes_with(3, 255));
        CHECK_FALSE(passes_with(7, 0));  // my discriminator
        CHECK(passes_with(4, 0x80));
        std::vector<std::byte> padded(200);  // RFC 9764
        std::ranges::copy(good, padded.begin());
        CHECK(passes(padded));
        padded[3] = std::byte{200};
        CHECK(passes(padded));
        padded[3] = std::byte{201};
        CHECK_FALSE(passes(padded));
    }
};

}  // namespace

TEST_CASE("RFC 5880 §6.8.6: the filter drops what cannot be valid, and nothing else") {
    for (const auto* const to : {"127.0.0.1", "fd00::1"}) {
        for (const bool multihop : {false, true}) {
            CAPTURE(to);
            CAPTURE(multihop);
            Bench{to, multihop}.check_payloads();
        }
    }
}

TEST_CASE("RFC 5881 §5: single hop wants TTL 255; RFC 5883 §5: multihop leaves it to the session") {
    for (const auto* const to : {"127.0.0.1", "fd00::1"}) {
        CAPTURE(to);
        Bench single{to, false};
        Stranger low{to, to, net::single_hop_port, 254};
        low.send(single.good);
        CHECK_FALSE(single.passes(base::Bytes{}));  // nothing but the marker came
        CHECK(single.passes(single.good));
        Bench multi{to, true};
        multi.stranger.set_ttl(1);
        CHECK(multi.passes(multi.good));
    }
}

TEST_CASE("a port that is taken is told with what failed") {
    const PrivateNet here;
    const auto first = net::bind_receive(base::Family::v4, false);
    REQUIRE(first.has_value());
    const auto second = net::bind_receive(base::Family::v4, false);
    REQUIRE_FALSE(second.has_value());
    CHECK(second.error().error == EADDRINUSE);
    CHECK(second.error().what == "bind 0.0.0.0:3784");
    const auto by_address = net::bind_receive(base::Family::v4, false, ip("127.0.0.1"));
    REQUIRE_FALSE(by_address.has_value());
    CHECK(by_address.error().what == "bind 127.0.0.1:3784");
    CHECK(net::bind_receive(base::Family::v6, false).has_value());  // IPV6_V6ONLY: beside it
    CHECK(net::bind_receive(base::Family::v4, true).has_value());
}

TEST_CASE("two addresses have a socket each, and an address we do not have is refused") {
    const PrivateNet here;
    const auto one = net::bind_receive(base::Family::v4, false, ip("127.0.0.1"));
    const auto two = net::bind_receive(base::Family::v4, false, ip("127.0.0.2"));
    const auto local = net::bind_receive(base::Family::v6, false, ip("fe80::1"), loopback);
    CHECK(one.has_value());
    CHECK(two.has_value());
    CHECK(local.has_value());
    const auto strange = net::bind_receive(base::Family::v4, true, ip("192.0.2.1"));
    REQUIRE_FALSE(strange.has_value());
    CHECK(strange.error().error == EADDRNOTAVAIL);
}
