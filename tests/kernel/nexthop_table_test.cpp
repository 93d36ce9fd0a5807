#include "kernel/nexthop_table.hpp"

#include <doctest/doctest.h>

#include "kernel/nexthop_host.hpp"

using namespace kernel_test;
using kernel::HostRoute;
using policy::VerdictState;
using Routes = std::set<HostRoute>;

namespace {

const HostRoute up_10{ip("10.8.0.1"), false, 10, {7}};
const HostRoute up_20{ip("10.8.0.1"), false, 20, {7}};
const HostRoute down{ip("10.8.0.1"), true, 1, {}};

}  // namespace

TEST_CASE("a verdict becomes a route, its record first; with nothing left in the table the record goes") {
    Table table;
    NexthopDaemon d{table};
    CHECK(table.reads == 0);
    d.apply("10.8.0.1", VerdictState::up);
    CHECK(table.routes == Routes{up_10});
    CHECK(table.recorded_before);
    CHECK(d.undo.records() == std::vector{io::UndoRecord{"bird-nexthop", "4242", "none", "protocol 87"}});
    CHECK(d.told() == "cost 10");
    d.apply("10.8.0.1", VerdictState::down);
    CHECK(table.routes == Routes{down});
    CHECK(d.told() == "unreachable");
    d.apply("10.8.0.1", VerdictState::unknown);
    CHECK(table.routes.empty());
    CHECK(d.told() == "nothing");
    CHECK(d.undo.records().empty());
    CHECK(d.feed.status().healthy);
}

TEST_CASE("the new stands before the old goes, and telling twice does nothing twice") {
    Table table;
    NexthopDaemon d{table};
    for (int i = 0; i < 3; ++i) d.apply("10.8.0.1", VerdictState::up);
    CHECK(table.changes == 1);
    CHECK(table.reads == 1);
    d.apply("10.8.0.1", VerdictState::up, 20);
    CHECK(table.routes == Routes{up_20});
    CHECK(table.most == 2);
}

TEST_CASE("what an earlier process left stands until the first apply, then only what differs is changed") {
    Table table;
    table.routes = {down, {ip("10.8.0.9"), true, 1, {}}};
    NexthopDaemon d{table};
    d.feed.on_links({});
    CHECK(table.routes.size() == 2);
    d.apply("10.8.0.1", VerdictState::down);
    CHECK(table.routes == Routes{down});
    CHECK(table.changes == 1);
}

TEST_CASE("stop leaves nothing of ours, also when the table was never read") {
    Table table;
    table.routes = {down};
    NexthopDaemon d{table};
    d.undo.record({"bird-nexthop", "4242", "none", "protocol 87"});
    d.feed.withdraw_all();
    CHECK(table.routes.empty());
    CHECK(d.undo.records().empty());
}

TEST_CASE("an interface that went down has taken its routes along: they are put back when it is up") {
    Table table;
    NexthopDaemon d{table};
    d.apply("10.8.0.1", VerdictState::up);
    adjacency::Link link;
    link.name = "wg0";
    link.index = {7};
    table.routes.clear();
    table.refuse = std::make_error_code(std::errc::network_down);
    d.feed.on_links({link});
    CHECK(table.routes.empty());
    CHECK(d.problem().empty());
    table.refuse = {};
    link.up = true;
    d.feed.on_links({link});
    CHECK(table.routes == Routes{up_10});
    const auto reads = table.reads;
    d.feed.on_links({link});
    CHECK(table.reads == reads);
}

TEST_CASE("somebody else's route in the way is left alone, and told; the old one of ours stands meanwhile") {
    Table table;
    NexthopDaemon d{table};
    d.apply("10.8.0.1", VerdictState::up, 20);
    table.others = {up_10};
    d.apply("10.8.0.1", VerdictState::up, 10);
    CHECK(table.routes == Routes{up_20});
    CHECK(d.problem().find("somebody else has a route to 10.8.0.1 with metric 10 in table 4242") != std::string::npos);
    CHECK(d.told() == "cost 20");
    table.others.clear();
    d.apply("10.8.0.1", VerdictState::up, 10);
    CHECK(table.routes == Routes{up_10});
    CHECK(d.problem().empty());
}

TEST_CASE("a refusal is told with its fix") {
    Table table;
    NexthopDaemon d{table};
    table.refuse = std::make_error_code(std::errc::operation_not_permitted);
    d.apply("10.8.0.1", VerdictState::down);
    CHECK(d.problem().find("CAP_NET_ADMIN") != std::string::npos);
    table.unreadable = std::make_error_code(std::errc::io_error);
    d.apply("10.8.0.1", VerdictState::down);
    CHECK(d.problem().find("cannot read table 4242") != std::string::npos);
    table.unreadable = table.refuse = {};
    d.apply("10.8.0.1", VerdictState::down);
    CHECK(d.problem().empty());
    CHECK(table.routes == Routes{down});
}

TEST_CASE("a record that cannot be written leaves the table as it is, and says so") {
    Table table;
    NexthopDaemon d{table};
    std::filesystem::remove_all(table.folder);
    d.apply("10.8.0.1", VerdictState::down);
    CHECK(table.routes.empty());
    CHECK(d.problem().find("undo record") != std::string::npos);
}

TEST_CASE("a peer with a link-local address alone is told to use the other feed") {
    Table table;
    NexthopDaemon d{table};
    d.apply("fe80::1", VerdictState::down);
    CHECK(table.routes.empty());
    CHECK(d.problem().find("peer-1 has a link-local address alone") == 0);
    CHECK(d.problem().find("use the feed bird-protocol") != std::string::npos);
    CHECK_FALSE(d.feed.status().healthy);
}

TEST_CASE("a record is reverted by removing what is ours; one that is not ours is refused") {
    Table table;
    table.routes = {down, up_20};
    const io::UndoRecord record{"bird-nexthop", "4242", "none", "protocol 87"};
    CHECK(kernel::revert_nexthops(record, table.access()).value());
    CHECK(table.routes.empty());
    CHECK_FALSE(kernel::revert_nexthops(record, table.access()).value());
    for (const char* subject : {"", "0", "x", "42x", "-1", "4294967296"}) {
        CAPTURE(subject);
        CHECK_FALSE(kernel::revert_nexthops({"bird-nexthop", subject, "", ""}, table.access()));
    }
    CHECK_FALSE(kernel::revert_nexthops({"link", "4242", "", ""}, table.access()));
    table.unreadable = std::make_error_code(std::errc::operation_not_permitted);
    CHECK(kernel::revert_nexthops(record, table.access()).error() == std::errc::operation_not_permitted);
}

TEST_CASE("a table that somebody flushes is made whole within 10 s, though news never ends") {
    Table table;
    NexthopDaemon d{table};
    d.apply("10.8.0.1", VerdictState::up);
    table.routes.clear();
    for (int i = 0; i < 9; ++i) {
        table.now.steady += 1s;
        d.apply("10.8.0.1", VerdictState::up);
    }
    CHECK(table.routes.empty());  // not read each time
    table.now.steady += 1s;
    d.apply("10.8.0.1", VerdictState::up);
    CHECK(table.routes == Routes{up_10});
}

TEST_CASE("where events of links were lost the table is read anew, though the links are as they were") {
    Table table;
    NexthopDaemon d{table};
    adjacency::Link link;
    link.name = "wg0";
    link.index = {7};
    link.up = true;
    d.feed.on_links({link});
    d.apply("10.8.0.1", VerdictState::up);
    table.routes.clear();
    d.feed.on_links({link});
    CHECK(table.routes.empty());
    d.feed.doubt();
    d.feed.on_links({link});
    CHECK(table.routes == Routes{up_10});
}
