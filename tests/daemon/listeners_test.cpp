#include "daemon/listeners.hpp"

#include <unistd.h>

#include <cerrno>
#include <vector>

#include "../net/private_net.hpp"
#include "net/receive_socket.hpp"

using net_test::ip;
using wgbfd::Ear;

namespace {

struct Ears : net_test::PrivateNet {
    std::vector<probe::Command> posted;
    std::vector<base::UniqueFd> fds;  // as the probe thread would own them
    boost::asio::io_context context;
    wgbfd::Keeper keeper{context, {}, {}, {[] {}, [](const std::string&) {}}};
    wgbfd::Listeners listeners{keeper, [this](const probe::Command& command) {
                                   posted.push_back(command);
                                   if (const auto* listen = std::get_if<probe::Listen>(&command))
                                       fds.emplace_back(listen->fd);
                               }};

    const probe::Listen& last() const { return std::get<probe::Listen>(posted.back()); }
};

// The loopback interface stands for a VRF's: to the ports' owners it is all the same.
const Ear in_vrf{{.family = base::Family::v4}, {}, net_test::loopback};

}  // namespace

TEST_CASE_FIXTURE(Ears, "a VRF's ear opens beside the wildcard sockets and closes when nobody wants it") {
    listeners.open_wildcards();
    REQUIRE(posted.size() == 4);
    listeners.follow({in_vrf});
    CHECK(listeners.problems().empty());
    REQUIRE(posted.size() == 5);
    CHECK(last().vrf == net_test::loopback);
    listeners.follow({});
    REQUIRE(posted.size() == 6);
    CHECK(std::get<probe::Unlisten>(posted.back()).vrf == net_test::loopback);
}

TEST_CASE_FIXTURE(Ears, "what the probe thread refuses in a VRF is told and left alone until it is time to try again") {
    listeners.open_wildcards();
    listeners.follow({in_vrf});
    const auto refused = last();
    fds.pop_back();  // closed, as the probe thread would
    listeners.on_refused(refused, ENOSPC);
    REQUIRE(listeners.problems().size() == 1);
    CHECK(listeners.problems()[0].find("in a VRF: No space left on device; tried again") != std::string::npos);
    CHECK(listeners.is_complete());
    listeners.follow({in_vrf});
    CHECK(posted.size() == 5);
    CHECK(listeners.problems().size() == 1);
    listeners.retry();
    CHECK_FALSE(listeners.is_complete());
    listeners.follow({in_vrf});
    CHECK(posted.size() == 6);
    CHECK(listeners.problems().empty());
    CHECK(listeners.is_complete());
}

TEST_CASE_FIXTURE(Ears, "a refusal outside VRFs of an address leaves the same address in one alone") {
    const Ear outside{ip("127.0.0.1"), {}, {}};
    const Ear inside{ip("127.0.0.1"), {}, net_test::loopback};
    listeners.follow({outside, inside});
    REQUIRE(posted.size() == 2);
    listeners.on_refused(std::get<probe::Listen>(posted[0]), ENOSPC);
    listeners.follow({inside});
    CHECK(listeners.problems().empty());
    CHECK(posted.size() == 2);
}

TEST_CASE_FIXTURE(Ears, "what needs a restart is told for good") {
    listeners.open_wildcards();
    listeners.on_refused(std::get<probe::Listen>(posted[0]), ENOSPC);
    listeners.retry();
    listeners.follow({});
    REQUIRE(listeners.problems().size() == 1);
    CHECK(listeners.problems()[0].find("restart wgbfd") != std::string::npos);
    CHECK(listeners.is_complete());
}

TEST_CASE_FIXTURE(Ears, "a VRF's ear outlives its worker: the next one takes it before it knows any links") {
    wgbfd::KeptFds left;
    const Ear by_address{ip("fd00::1"), {}, net_test::loopback};
    left.emplace("listen any " + to_string(in_vrf),
                 *net::bind_receive(in_vrf.address.family, false, {}, {}, net::Filter::on, {.vrf = in_vrf.vrf}));
    left.emplace("listen on " + to_string(by_address), base::UniqueFd{::dup(0)});
    left.emplace("listen any of another kind", base::UniqueFd{::dup(0)});
    const int kept = left.begin()->second.get();
    wgbfd::Keeper inheriting{context, {}, std::move(left), {[] {}, [](const std::string&) {}}};
    wgbfd::Listeners next{inheriting, [this](const probe::Command& command) {
                              posted.push_back(command);
                              if (const auto* listen = std::get_if<probe::Listen>(&command))
                                  fds.emplace_back(listen->fd);
                          }};
    next.drop_left(true);
    next.take_left();
    REQUIRE(posted.size() == 1);
    CHECK(last().fd == kept);
    CHECK(last().vrf == net_test::loopback);
    CHECK(last().local == in_vrf.address);
    CHECK(inheriting.left("listen on ").empty());
    next.follow({in_vrf});
    CHECK(posted.size() == 1);
    next.follow({});
    CHECK(std::holds_alternative<probe::Unlisten>(posted.back()));
}
