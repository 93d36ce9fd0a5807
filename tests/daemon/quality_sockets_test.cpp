#include "daemon/quality_sockets.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "../net/private_net.hpp"
#include "net/quality_socket.hpp"

using net_test::ip;
using probe::Use;
using wgbfd::Ear;

namespace {

struct Sockets : net_test::PrivateNet {
    std::vector<probe::Command> posted;
    std::vector<base::UniqueFd> fds;  // as the probe thread would own them
    boost::asio::io_context context;
    wgbfd::Keeper keeper{context, {}, {}, {[] {}, [](const std::string&) {}}};

    wgbfd::QualitySockets sockets(config::Bind bind) {
        return {keeper,
                [this](const probe::Command& command) {
                    posted.push_back(command);
                    if (const auto* listen = std::get_if<probe::Listen>(&command)) fds.emplace_back(listen->fd);
                },
                7, 1, bind};
    }
    std::vector<probe::Listen> listens(Use use) const {
        std::vector<probe::Listen> out;
        for (const auto& command : posted)
            if (const auto* listen = std::get_if<probe::Listen>(&command); listen != nullptr && listen->use == use)
                out.push_back(*listen);
        return out;
    }
    static Ear in_vrf(base::Family family) { return {{.family = family}, {}, net_test::loopback}; }
    static base::IpAddress bound_to(int fd) {
        net::SocketAddress address;
        auto size = net::SocketAddress::capacity();
        REQUIRE(::getsockname(fd, address.data(), &size) == 0);
        return address.address();
    }
};

}  // namespace

TEST_CASE_FIXTURE(Sockets, "by default peers' requests are heard at all addresses, of both families") {
    auto all = sockets(config::Bind::any);
    all.open();
    CHECK(all.problems().empty());
    CHECK(listens(Use::stamp_answers).size() == 2);
    CHECK(listens(Use::echo_answers).size() == 2);
    REQUIRE(listens(Use::stamp_requests).size() == 2);
    for (const auto& listen : listens(Use::stamp_requests)) CHECK(bound_to(listen.fd).is_unspecified());
    const auto count = posted.size();
    all.open();
    CHECK(posted.size() == count);  // they are open
}

TEST_CASE_FIXTURE(Sockets, "bind = addresses: requests are heard at tunnel addresses alone, while they are wanted") {
    auto all = sockets(config::Bind::addresses);
    all.open();
    CHECK(listens(Use::stamp_requests).empty());
    CHECK(listens(Use::stamp_answers).size() == 2);
    const std::set<Ear> two{{ip("127.0.0.1"), {}, {}}, {ip("fe80::1"), {1}, {}}};
    all.follow(two);
    REQUIRE(listens(Use::stamp_requests).size() == 2);
    CHECK(bound_to(listens(Use::stamp_requests)[0].fd) == ip("127.0.0.1"));
    CHECK(bound_to(listens(Use::stamp_requests)[1].fd) == ip("fe80::1"));
    const auto count = posted.size();
    all.follow(two);
    CHECK(posted.size() == count);
    all.follow({{ip("127.0.0.1"), {}, {}}});
    REQUIRE(posted.size() == count + 1);
    const auto& gone = std::get<probe::Unlisten>(posted.back());
    CHECK(gone.use == Use::stamp_requests);
    CHECK(gone.local == ip("fe80::1"));
    CHECK(gone.ifindex == base::IfIndex{1});
    CHECK(all.problems().empty());
}

// The loopback interface stands for a VRF's: to the ports' owners it is all the same.
TEST_CASE_FIXTURE(Sockets, "a VRF has sockets of its own beside those outside, on the same ports, while it is wanted") {
    auto all = sockets(config::Bind::any);
    all.open();
    const auto outside = listens(Use::stamp_answers);
    const auto count = posted.size();
    all.follow({in_vrf(base::Family::v4), in_vrf(base::Family::v6)});
    CHECK(all.problems().empty());
    for (const auto use : {Use::stamp_requests, Use::stamp_answers}) {
        const auto found = listens(use);
        REQUIRE(found.size() == 4);
        for (std::size_t i = 2; i < 4; ++i) {
            CHECK(found[i].vrf == net_test::loopback);
            CHECK(net::port_of(found[i].fd) == net::port_of(found[i - 2].fd));
        }
    }
    all.follow({in_vrf(base::Family::v6)});
    all.follow({});
    std::vector<probe::Unlisten> closed;
    for (auto each = posted.begin() + static_cast<std::ptrdiff_t>(count); each != posted.end(); ++each)
        if (const auto* gone = std::get_if<probe::Unlisten>(&*each)) closed.push_back(*gone);
    std::erase_if(closed, [](const auto& gone) { return gone.use == Use::echo_answers; });
    REQUIRE(closed.size() == 4);
    CHECK(std::ranges::all_of(closed, [](const auto& gone) { return gone.vrf == net_test::loopback; }));
    CHECK(std::ranges::count(closed, base::Family::v4, [](const auto& gone) { return gone.local.family; }) == 2);
    CHECK(closed[0].local.family == base::Family::v4);
}

TEST_CASE_FIXTURE(Sockets, "bind = addresses: one address outside VRFs and in one has a reflector in each") {
    auto all = sockets(config::Bind::addresses);
    all.open();
    const std::set<Ear> two{{ip("127.0.0.1"), {}, {}}, {ip("127.0.0.1"), {}, net_test::loopback}};
    all.follow(two);
    CHECK(all.problems().empty());
    REQUIRE(listens(Use::stamp_requests).size() == 2);
    CHECK(listens(Use::stamp_requests)[0].vrf == base::IfIndex{});
    CHECK(listens(Use::stamp_requests)[1].vrf == net_test::loopback);
    CHECK(listens(Use::stamp_answers).size() == 3);  // IPv4's answers are heard there too
}

TEST_CASE_FIXTURE(Sockets,
                  "a prober that is refused takes those in VRFs along: the next one has a port that they share") {
    auto all = sockets(config::Bind::any);
    all.open();
    const auto outside = listens(Use::stamp_answers)[0];
    all.follow({in_vrf(outside.family)});
    all.on_refused(outside, ENOSPC);
    REQUIRE(std::holds_alternative<probe::Unlisten>(posted.back()));
    CHECK(std::get<probe::Unlisten>(posted.back()).vrf == net_test::loopback);
    all.open();
    const auto found = listens(Use::stamp_answers);
    REQUIRE(found.size() == 5);
    CHECK(found[4].vrf == net_test::loopback);
    CHECK(net::port_of(found[4].fd) == net::port_of(found[3].fd));
}

TEST_CASE_FIXTURE(Sockets, "an address that is not there is told, and tried again by open()") {
    auto all = sockets(config::Bind::addresses);
    all.open();
    const std::set<Ear> one{{ip("203.0.113.1"), {}, {}}};
    all.follow(one);
    all.follow(one);
    REQUIRE(all.problems().size() == 1);
    CHECK(all.problems()[0].find("203.0.113.1") != std::string::npos);
    CHECK(listens(Use::stamp_requests).empty());
    all.follow({});
    CHECK(all.problems().empty());
}

TEST_CASE_FIXTURE(Sockets, "what the probe thread refuses is not open: told, and opened again") {
    auto all = sockets(config::Bind::any);
    all.open();
    const auto listen = listens(Use::stamp_requests)[0];
    fds.clear();  // closed, as the probe thread would
    all.on_refused(listen, ENOSPC);
    REQUIRE(all.problems().size() == 1);
    CHECK(all.problems()[0].find("No space left") != std::string::npos);
    const auto count = posted.size();
    all.open();
    CHECK(all.problems().empty());
    REQUIRE(posted.size() == count + 1);
    CHECK(std::get<probe::Listen>(posted.back()).use == Use::stamp_requests);
    CHECK(std::get<probe::Listen>(posted.back()).family == listen.family);
}
