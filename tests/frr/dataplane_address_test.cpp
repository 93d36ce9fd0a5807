#include "frr/dataplane_address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <doctest/doctest.h>

using namespace frr;

TEST_CASE("bfdd's three ways of listening are understood") {
    const auto unix_one = parse_dataplane_address("unix:/run/frr/bfddp.sock");
    REQUIRE(unix_one.has_value());
    CHECK(std::string{reinterpret_cast<const sockaddr_un*>(unix_one->get())->sun_path} == "/run/frr/bfddp.sock");
    const auto v4 = parse_dataplane_address("ipv4:127.0.0.1");
    REQUIRE(v4.has_value());
    CHECK(ntohs(reinterpret_cast<const sockaddr_in*>(v4->get())->sin_port) == 50700);
    const auto v4_port = parse_dataplane_address("ipv4:127.0.0.1:60000");
    REQUIRE(v4_port.has_value());
    CHECK(ntohs(reinterpret_cast<const sockaddr_in*>(v4_port->get())->sin_port) == 60000);
    const auto v6 = parse_dataplane_address("ipv6:[::1]:60001");
    REQUIRE(v6.has_value());
    CHECK(v6->storage.ss_family == AF_INET6);
    CHECK(ntohs(reinterpret_cast<const sockaddr_in6*>(v6->get())->sin6_port) == 60001);
    CHECK(parse_dataplane_address("ipv6:[::1]").has_value());
}

TEST_CASE("what is no address of bfdd's says what would be one") {
    for (const auto text : {"", "unix", "unix:", "/run/x.sock", "unixc:/run/x.sock", "ipv4c:127.0.0.1",
                            "ipv4:", "ipv4:127.0.0.1:", "ipv4:127.0.0.1:0", "ipv4:127.0.0.1:65536", "ipv4:127.0.0.1:1x",
                            "ipv4:::1", "ipv6:::1", "ipv6:[::1", "ipv6:[127.0.0.1]", "ipv6:[::1]50700"}) {
        CAPTURE(text);
        const auto parsed = parse_dataplane_address(text);
        REQUIRE_FALSE(parsed.has_value());
        CHECK(parsed.error().find("unix:/path") != std::string::npos);
    }
}

TEST_CASE("a socket path of 107 bytes fits, of 108 it does not") {
    CHECK(unix_address("/" + std::string(106, 'x')).length != 0);
    CHECK(unix_address("/" + std::string(107, 'x')).length == 0);
}
