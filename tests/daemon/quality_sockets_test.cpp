#include "daemon/quality_sockets.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "../net/private_net.hpp"

using net_test::ip;
using probe::Use;

namespace {

struct Sockets : net_test::PrivateNet {
    std::vector<probe::Command> posted;
    std::vector<base::UniqueFd> fds;  // as the probe thread would own them

    wgbfd::QualitySockets sockets(config::Bind bind) {
        return {[this](const probe::Command& command) {
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
    const std::set<wgbfd::LocalAddress> two{{ip("127.0.0.1"), {}, false}, {ip("fe80::1"), {1}, false}};
    all.follow(two);
    REQUIRE(listens(Use::stamp_requests).size() == 2);
    CHECK(bound_to(listens(Use::stamp_requests)[0].fd) == ip("127.0.0.1"));
    CHECK(bound_to(listens(Use::stamp_requests)[1].fd) == ip("fe80::1"));
    const auto count = posted.size();
    all.follow(two);
    CHECK(posted.size() == count);
    all.follow({{ip("127.0.0.1"), {}, false}});
    REQUIRE(posted.size() == count + 1);
    const auto& gone = std::get<probe::Unlisten>(posted.back());
    CHECK(gone.use == Use::stamp_requests);
    CHECK(gone.local == ip("fe80::1"));
    CHECK(gone.ifindex == base::IfIndex{1});
    CHECK(all.problems().empty());
}

TEST_CASE_FIXTURE(Sockets, "an address that is not there is told, and tried again by open()") {
    auto all = sockets(config::Bind::addresses);
    all.open();
    const std::set<wgbfd::LocalAddress> one{{ip("203.0.113.1"), {}, false}};
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
