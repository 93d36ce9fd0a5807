// Rows of `status`, a few at a time.
#include <doctest/doctest.h>

#include <set>

#include "world.hpp"

using sim::ip;
using sim::net;
using namespace std::chrono_literals;

namespace {

// Three adjacencies, one of them with a further session; a session outside WireGuard, and one that waits.
struct Several {
    static config::Config configuration() {
        config::Config out;
        for (const auto* remote : {"192.0.2.9", "192.0.2.10"}) {
            config::Session session;
            session.name = remote;
            session.local = ip(std::string_view{remote} == "192.0.2.9" ? "10.8.0.1" : "198.51.100.1");
            session.remote = ip(remote);
            out.sessions.push_back(session);
        }
        return out;
    }
    static control::Host host() {
        return sim::host("10.8.0.1", {sim::peer(1, {net("10.8.0.11/32"), net("10.9.0.0/24")}),
                                      sim::peer(2, {net("10.8.0.12/32")}), sim::peer(3, {net("10.8.0.13/32")})});
    }
    Several() {
        node.controller.on_host(sim::at(0s), host());
        node.controller.on_request(sim::at(0s), {.lid = 5, .ifindex = base::IfIndex{7}, .remote = ip("10.9.0.1")});
        turn();
    }
    void turn() {
        std::vector<probe::Datagram> in;
        std::vector<probe::Outgoing> out;
        node.turn(sim::at(0s), in, out);
    }
    std::vector<std::string> names(control::RowsAt& at, std::size_t most) {
        std::vector<std::string> out;
        for (const auto& row : node.controller.rows(at, most))
            out.push_back(row.name + (row.further.empty() ? "" : "+" + to_string(row.further[0].key.remote)));
        return out;
    }
    sim::Node node{configuration(), 1, sim::at(0s)};
};

}  // namespace

TEST_CASE_FIXTURE(Several, "rows that come one by one are those that come at once") {
    control::RowsAt whole;
    const auto all = names(whole, 100);
    REQUIRE(all.size() == 5);
    CHECK(all[0].ends_with("+10.9.0.1"));
    CHECK(all[3] == "192.0.2.9");
    CHECK(all[4] == "192.0.2.10");
    CHECK(names(whole, 100).empty());
    for (const std::size_t most : {1, 2, 3}) {
        control::RowsAt at;
        std::vector<std::string> parts;
        for (auto some = names(at, most); !some.empty(); some = names(at, most)) {
            CHECK(some.size() <= most);
            parts.insert(parts.end(), some.begin(), some.end());
        }
        CHECK(parts == all);
    }
}

TEST_CASE_FIXTURE(Several, "peers and sessions that go in between are told no more; nobody is told twice") {
    control::RowsAt at;
    std::multiset<std::string> told;
    const auto first = names(at, 1);
    told.insert(first.begin(), first.end());
    auto less = host();
    less.devices[0].peers.erase(less.devices[0].peers.begin() + 1);
    node.controller.on_host(sim::at(0s), less);
    auto config = configuration();
    config.sessions.clear();
    node.controller.on_config(sim::at(0s), config);
    turn();
    for (auto some = names(at, 1); !some.empty(); some = names(at, 1)) told.insert(some.begin(), some.end());
    CHECK(told.size() == 2);
    for (const auto& name : told) CHECK(told.count(name) == 1);
}
