// What an earlier process left: adopted, dropped, or put back.
#include <doctest/doctest.h>

#include "kernel/operstate_feed.hpp"
#include "kernel/operstate_host.hpp"

using namespace kernel_test;

TEST_CASE("an earlier process's interface stands until the first apply, then is judged") {
    Host host;
    {
        Daemon before{host};
        before.links();
        before.peers({{"wg0", true}, {"wg1", true}});
    }
    Daemon d{host};
    d.links();
    CHECK(host.state(7) == Operstate::dormant);
    const int sets = host.sets;
    d.peers({{"wg0", true}, {"wg1", false}});
    CHECK(host.state(7) == Operstate::dormant);
    CHECK(host.state(8) == Operstate::up);
    CHECK(host.sets == sets + 1);
    CHECK(d.undo.records().size() == 1);
}

TEST_CASE("an earlier process's record is dropped when its interface is another one now") {
    Host host;
    {
        Daemon before{host};
        before.links();
        before.peers({{"wg0", true}});
    }
    host.interfaces.erase(7);
    host.interfaces[9] = {"wg0", true, Operstate::dormant};
    Daemon d{host};
    d.links();
    CHECK(d.undo.records().empty());
    d.peers({});
    CHECK(host.state(9) == Operstate::dormant);
}

TEST_CASE("stopped before it knew the links, it still puts back what an earlier process left") {
    Host host;
    {
        Daemon before{host};
        before.links();
        before.peers({{"wg0", true}});
    }
    Daemon d{host};
    d.feed.withdraw_all();
    CHECK(host.state(7) == Operstate::up);
    CHECK(d.undo.records().empty());
}

TEST_CASE("a record is reverted only where the present value is still ours") {
    Host host;
    const io::UndoRecord record{"link", "wg0/7", "unknown", "dormant"};
    host.interfaces[7].operstate = Operstate::dormant;
    SUBCASE("it is") {
        CHECK(kernel::revert_operstate(record, host.access()).value());
        CHECK(host.state(7) == Operstate::up);
        CHECK_FALSE(kernel::revert_operstate(record, host.access()).value());
    }
    SUBCASE("the index belongs to another interface") {
        host.interfaces[7].name = "eth0";
        CHECK_FALSE(kernel::revert_operstate(record, host.access()).value());
        CHECK(host.state(7) == Operstate::dormant);
    }
    SUBCASE("somebody has changed it") {
        host.interfaces[7].operstate = Operstate::testing;
        CHECK_FALSE(kernel::revert_operstate(record, host.access()).value());
        CHECK(host.state(7) == Operstate::testing);
    }
    SUBCASE("the interface is gone") {
        host.interfaces.erase(7);
        CHECK_FALSE(kernel::revert_operstate(record, host.access()).value());
    }
    SUBCASE("the kernel refuses") {
        host.refuse = std::make_error_code(std::errc::operation_not_permitted);
        CHECK(kernel::revert_operstate(record, host.access()).error() == std::errc::operation_not_permitted);
    }
    SUBCASE("the record is not one of ours") {
        for (const char* subject : {"", "wg0", "/7", "wg0/", "wg0/x", "wg0/0", "wg0/7x", "wg0/99999999999"}) {
            CAPTURE(subject);
            CHECK_FALSE(kernel::revert_operstate({"link", subject, "", ""}, host.access()));
        }
        CHECK_FALSE(kernel::revert_operstate({"routes", "wg0/7", "", ""}, host.access()));
        CHECK(host.sets == 0);
    }
}
