#include "daemon/preflight.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "base/unique_fd.hpp"
#include "folder.hpp"

using wgbfd::parse_frr_daemons;

namespace {

// A UDP socket bound to a port of the kernel's choice.
std::pair<base::UniqueFd, std::uint16_t> bound(int family) {
    base::UniqueFd fd{::socket(family, SOCK_DGRAM, 0)};
    sockaddr_storage address{};
    address.ss_family = static_cast<sa_family_t>(family);
    const socklen_t size = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    REQUIRE(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
    socklen_t length = sizeof address;
    REQUIRE(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length) == 0);
    const auto port = family == AF_INET ? reinterpret_cast<sockaddr_in&>(address).sin_port
                                        : reinterpret_cast<sockaddr_in6&>(address).sin6_port;
    return {std::move(fd), ntohs(port)};
}

std::string own_name() {
    std::ifstream in{"/proc/self/comm"};
    std::string name;
    std::getline(in, name);
    return name;
}

}  // namespace

TEST_CASE("FRR's daemons file: bfdd enabled or not, with its options") {
    const auto found = parse_frr_daemons(
        "# comment\nbgpd=yes\nbfdd=yes\nzebra_options=\"  -A 127.0.0.1\"\n"
        "bfdd_options=\"  -A 127.0.0.1 --dplaneaddr unix:/x\"\n");
    CHECK(found.bfdd);
    CHECK(found.bfdd_options == "\"  -A 127.0.0.1 --dplaneaddr unix:/x\"");
    CHECK(!parse_frr_daemons("bfdd=no\nbfdd_options=\"-d\"\n").bfdd);
}

TEST_CASE("FRR's daemons file: comments, indents, other names and the last word") {
    CHECK(!parse_frr_daemons("#bfdd=yes\n").bfdd);
    CHECK(parse_frr_daemons("  bfdd=yes\n").bfdd);
    CHECK(!parse_frr_daemons("xbfdd=yes\nbfdd_wrap=yes\n").bfdd);
    CHECK(!parse_frr_daemons("bfdd=yes\nbfdd=no\n").bfdd);  // a shell reads it: the last assignment holds
    CHECK(!parse_frr_daemons("").bfdd);
    CHECK(!parse_frr_daemons("bfdd=\nbfdd_options=").bfdd);
    CHECK(parse_frr_daemons("bfdd=\"yes\"\r\n").bfdd);
    CHECK(parse_frr_daemons("bfdd=yes # of this host").bfdd);
}

TEST_CASE("no daemons file is not the same as one that enables nothing") {
    const Folder folder;
    const auto path = (folder.path / "daemons").string();
    CHECK(!wgbfd::read_frr_daemons(path));
    std::ofstream{path} << "bfdd=no\n";
    REQUIRE(wgbfd::read_frr_daemons(path));
    CHECK(!wgbfd::read_frr_daemons(path)->bfdd);
}

TEST_CASE("what exists and cannot be read is empty, as the files of a process that ends meanwhile") {
    REQUIRE(wgbfd::read_frr_daemons("/proc"));  // opens, and cannot be read
    CHECK(!wgbfd::read_frr_daemons("/proc")->bfdd);
}

TEST_CASE("who holds a UDP port is found, over IPv4 and IPv6, and is gone when it is closed") {
    for (const int family : {AF_INET, AF_INET6}) {
        auto [fd, port] = bound(family);
        CHECK(wgbfd::udp_port_taken(port));
        const auto owners = wgbfd::owners_of_udp_port(port);
        REQUIRE(owners.size() == 1);
        CHECK(owners.front().pid == ::getpid());
        CHECK(owners.front().parent == ::getppid());
        CHECK(owners.front().name == own_name());
        CHECK(!owners.front().arguments.empty());
        fd.reset();
        CHECK(!wgbfd::udp_port_taken(port));
        CHECK(wgbfd::owners_of_udp_port(port).empty());
    }
}

TEST_CASE("processes are found by their name, in our network namespace") {
    const auto found = wgbfd::processes_named(own_name());
    CHECK(std::ranges::any_of(found, [](const wgbfd::ProcessInfo& p) { return p.pid == ::getpid(); }));
    CHECK(wgbfd::processes_named("no such name").empty());
}
