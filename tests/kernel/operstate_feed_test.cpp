#include <doctest/doctest.h>

#include "kernel/operstate_feed.hpp"
#include "kernel/operstate_host.hpp"

using namespace kernel_test;

TEST_CASE("down makes dormant, with the undo record first; up makes up, and forgets the record") {
    Host host;
    Daemon d{host};
    d.links();
    d.peers({{"wg0", true}, {"wg1", false}});
    CHECK(host.state(7) == Operstate::dormant);
    CHECK(host.state(8) == Operstate::unknown);
    CHECK(host.recorded_when_set);
    CHECK(d.undo.records() == std::vector{io::UndoRecord{"link", "wg0/7", "unknown", "dormant"}});
    REQUIRE(d.feed.status().told.size() == 2);
    CHECK(d.feed.status().told[0].told == "down");
    CHECK(d.feed.status().told[1].told == "up");
    d.peers({{"wg0", false}, {"wg1", false}});
    CHECK(host.state(7) == Operstate::up);
    CHECK(d.undo.records().empty());
    CHECK(d.feed.status().told[0].told == "up");
    CHECK(d.feed.status().healthy);
}

TEST_CASE("an interface we never made dormant is never set up, and telling twice does nothing twice") {
    Host host;
    host.interfaces[8].operstate = Operstate::dormant;  // somebody else's
    Daemon d{host};
    d.links();
    for (int i = 0; i < 3; ++i) d.peers({{"wg0", false}, {"wg1", false}});
    CHECK(host.sets == 0);
    for (int i = 0; i < 3; ++i) d.peers({{"wg0", true}, {"wg1", true}});
    CHECK(host.sets == 1);
    d.peers({});
    CHECK(host.state(8) == Operstate::dormant);
    CHECK(host.sets == 2);
}

TEST_CASE("an interface whose peers are withdrawn goes up, and stop sets all of them up") {
    Host host;
    Daemon d{host};
    d.links();
    d.peers({{"wg0", true}, {"wg1", true}});
    d.peers({{"wg1", true}});
    CHECK(host.state(7) == Operstate::up);
    CHECK(host.state(8) == Operstate::dormant);
    d.feed.withdraw_all();
    CHECK(host.state(8) == Operstate::up);
    CHECK(d.undo.records().empty());
}

TEST_CASE("nothing is done before the links are known, and then at once") {
    Host host;
    Daemon d{host};
    d.peers({{"wg0", true}});
    CHECK(host.sets == 0);
    d.links();
    CHECK(host.state(7) == Operstate::dormant);
}

TEST_CASE("an interface that is down already, or has no carrier, is left alone until it comes") {
    Host host;
    host.interfaces[7].up = false;
    host.interfaces[8].operstate = Operstate::lower_layer_down;
    Daemon d{host};
    d.links();
    d.peers({{"wg0", true}, {"wg1", true}});
    CHECK(host.sets == 0);
    CHECK(d.undo.records().empty());
    host.interfaces[7].up = true;
    host.interfaces[8].operstate = Operstate::up;
    d.links();
    CHECK(host.state(7) == Operstate::dormant);
    CHECK(host.state(8) == Operstate::dormant);
}

TEST_CASE("a record that cannot be written leaves the interface as it is, and says so") {
    Host host;
    Daemon d{host};
    d.links();
    std::filesystem::remove_all(host.folder);
    d.peers({{"wg0", true}});
    CHECK(host.sets == 0);
    CHECK(d.problem().find("undo record") != std::string::npos);
    std::filesystem::create_directory(host.folder);
    d.peers({{"wg0", true}});
    CHECK(host.state(7) == Operstate::dormant);
    CHECK(d.problem().empty());
}

TEST_CASE("a refusal is told with its fix and leaves no record; an acknowledgement alone is not believed") {
    Host host;
    Daemon d{host};
    d.links();
    SUBCASE("EPERM") {
        host.refuse = std::make_error_code(std::errc::operation_not_permitted);
        d.peers({{"wg0", true}});
        CHECK(d.problem().find("CAP_NET_ADMIN") != std::string::npos);
    }
    SUBCASE("acknowledged, but not done") {
        host.ignore = true;
        d.peers({{"wg0", true}});
        CHECK(d.problem().find("did not change it") != std::string::npos);
    }
    CHECK_FALSE(d.feed.status().healthy);
    CHECK(d.undo.records().empty());
    host.refuse = {};
    host.ignore = false;
    d.peers({{"wg0", true}});
    CHECK(host.state(7) == Operstate::dormant);
    CHECK(d.feed.status().healthy);
}

TEST_CASE("who sets it up again is overruled at most once a second, and told about") {
    Host host;
    Daemon d{host};
    d.links();
    d.peers({{"wg0", true}});
    REQUIRE(host.sets == 1);
    host.now.steady += 5s;
    host.interfaces[7].operstate = Operstate::up;
    d.links();
    CHECK(host.sets == 2);
    CHECK(host.state(7) == Operstate::dormant);
    host.now.steady += 999ms;
    host.interfaces[7].operstate = Operstate::up;
    d.links();
    CHECK(host.sets == 2);
    CHECK(d.feed.status().told[0].told == "up");
    host.now.steady += 1ms;
    d.links();
    CHECK(host.sets == 3);
    CHECK(d.problem().find("something sets wg0 UP") != std::string::npos);
    host.now.steady += 61s;
    CHECK(d.problem().empty());
}

TEST_CASE("links told later than our own change are no fight") {
    Host host;
    Daemon d{host};
    d.links();
    const auto stale = host.links();
    d.peers({{"wg0", true}});
    d.feed.on_links(stale);
    CHECK(host.sets == 1);
    CHECK(d.problem().empty());
}

TEST_CASE("down and up again while dormant: set up, wait for the addresses it had, then dormant again") {
    Host host;
    host.interfaces[7].addresses = {inner, link_local};
    Daemon d{host};
    d.links();
    d.peers({{"wg0", true}});
    host.now.steady += 10s;
    host.interfaces[7].up = false;
    d.links();
    host.interfaces[7].addresses = {inner};
    d.links();
    host.interfaces[7].up = true;
    d.links();
    CHECK(host.state(7) == Operstate::up);
    CHECK(d.feed.status().told[0].told == "up");
    SUBCASE("they come back") {
        host.interfaces[7].addresses = {inner, link_local};
        d.links();
    }
    SUBCASE("one does not, within two seconds") {
        host.now.steady += 2s - 1ms;
        d.links();
        CHECK(host.state(7) == Operstate::up);
        host.now.steady += 1ms;
        d.links();
    }
    CHECK(host.state(7) == Operstate::dormant);
    CHECK(d.problem().empty());
    CHECK(d.undo.records().size() == 1);
}

TEST_CASE("down and up while dormant, and the peer comes back meanwhile: it stays up") {
    Host host;
    host.interfaces[7].addresses = {link_local};
    Daemon d{host};
    d.links();
    d.peers({{"wg0", true}});
    host.interfaces[7].up = false;
    d.links();
    host.interfaces[7].up = true;
    host.interfaces[7].addresses.clear();
    d.links();
    d.peers({{"wg0", false}});
    host.now.steady += 3s;
    d.links();
    CHECK(host.state(7) == Operstate::up);
    CHECK(d.undo.records().empty());
}

TEST_CASE("a withdrawal while the interface is down reaches the state that waits beneath") {
    Host host;
    Daemon d{host};
    d.links();
    d.peers({{"wg0", true}});
    host.interfaces[7].up = false;
    d.links();
    d.peers({});
    CHECK(host.state(7) == Operstate::up);
    CHECK(d.undo.records().empty());
}

TEST_CASE("an interface re-created with another index is waited for and made dormant anew, the old record forgotten") {
    Host host;
    host.interfaces[7].addresses = {inner};
    Daemon d{host};
    d.links();
    d.peers({{"wg0", true}});
    host.interfaces.erase(7);
    d.links();
    CHECK(d.undo.records().empty());
    host.interfaces[19] = {"wg0"};
    d.links();
    CHECK(host.state(19) == Operstate::unknown);
    host.interfaces[19].addresses = {inner};
    d.links();
    CHECK(host.state(19) == Operstate::dormant);
    CHECK(d.undo.records() == std::vector{io::UndoRecord{"link", "wg0/19", "unknown", "dormant"}});
}

TEST_CASE("an interface that is renamed while dormant is set up under its new name, and the old record forgotten") {
    Host host;
    Daemon d{host};
    d.links();
    d.peers({{"wg0", true}});
    SUBCASE("taken down for it, as kernels before 6.2 want it") { host.interfaces[7].up = false; }
    SUBCASE("while it is up") {}
    d.links();
    host.interfaces[7].name = "paris";
    d.links();
    CHECK(host.state(7) == Operstate::up);
    CHECK(d.undo.records().empty());
}
