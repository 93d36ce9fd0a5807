#include "frr/vty_feed.hpp"

#include <atomic>
#include <thread>
#include <utility>

#include <doctest/doctest.h>

#include "fake_vty.hpp"
#include "frr/vty_revert.hpp"
#include "wanted_peers.hpp"

using namespace frr;
using enum policy::VerdictState;
using test::Peers;

namespace {

const io::UndoRecord record_of(const std::string& directory, const char* ours = "65535") {
    return {"frr-vty", directory + " wg0 ospf-cost", "none 10", ours};
}

// An ospfd with wg0 and a bgpd with two neighbours; no ospf6d.
struct Talk {
    explicit Talk(bool adopts = false) {
        ospfd.blocks["interface wg0"][""] = {"ip ospf area 0"};
        ospfd.costs["wg0"] = 10;
        bgpd.blocks["router bgp 65001"][""] = {"neighbor 10.8.0.1 remote-as 65002",
                                               "neighbor 10.8.0.2 remote-as 65002"};
        for (auto* daemon : {&ospfd, &bgpd})
            daemon->on_change = [this] { recorded = recorded && !undo.records().empty(); };
        if (adopts) undo.record(record_of(where()));
        feed.emplace(
            context, undo, [] { return base::Now{}; }, where());
    }
    void apply(policy::VerdictState verdict, std::uint32_t cost = 10) {
        peers.emplace().add("wg0", "10.8.0.1", verdict, cost);
        feed->apply(peers->wanted());
    }
    bool until(const std::function<bool()>& done) {
        return test::run_until(context, [&] {
            ospfd.socket.turn();
            bgpd.socket.turn();
            return done();
        });
    }
    bool looked_again() {  // and has heard the answer
        const auto before = ospfd.socket.commands.size();
        return until([&] { return ospfd.socket.commands.size() > before; }) &&
               until([&] { return feed->is_settled(); });
    }
    std::string told() const {
        const auto status = feed->status();
        return status.told.empty() ? "" : status.told[0].told;
    }
    std::string problem() const { return feed->status().problem; }
    bool says(const char* text) const { return problem().find(text) != std::string::npos; }
    std::string where() const { return directory.path.string(); }
    std::vector<std::string>& ospf() { return ospfd.blocks["interface wg0"][""]; }
    std::vector<std::string>& weights() { return bgpd.blocks["router bgp 65001"]["address-family ipv4 unicast"]; }

    test::TemporaryDirectory directory;
    test::FakeFrr ospfd{directory.path / "ospfd.vty"}, bgpd{directory.path / "bgpd.vty"};
    bool recorded = true;  // whenever something was changed
    boost::asio::io_context context{1};
    io::UndoLog undo{directory.path / "undo"};
    std::optional<Peers> peers;
    std::optional<VtyFeed> feed;
};

const std::vector<std::string> untouched{"ip ospf area 0"}, raised{"ip ospf area 0", "ip ospf cost 65535"};
const std::string both = "BGP below the others, OSPF cost 65535";

}  // namespace

TEST_CASE("down is told to every daemon, with the record first; up puts everything back, and forgets the records") {
    Talk t;
    const auto ospfd = t.ospfd.running(), bgpd = t.bgpd.running();
    t.apply(down);
    REQUIRE(t.until([&] { return t.told() == both; }));
    REQUIRE(t.until([&] { return t.feed->is_settled(); }));
    CHECK(t.ospf() == raised);
    CHECK(t.weights() == std::vector<std::string>{"neighbor 10.8.0.2 weight 1"});
    CHECK(t.recorded);
    REQUIRE(t.undo.records().size() == 2);
    t.apply(up);
    REQUIRE(t.until([&] { return t.told() == "nothing"; }));
    REQUIRE(t.until([&] { return t.feed->is_clear(); }));
    CHECK(t.ospfd.running() == ospfd);
    CHECK(t.bgpd.running() == bgpd);
    CHECK(t.undo.records().empty());
    CHECK(t.feed->status().healthy);
}

TEST_CASE("nobody is asked while no peer names the feed, and telling twice does nothing twice") {
    Talk t;
    t.feed->apply({});
    int turns = 0;
    REQUIRE(t.until([&] { return ++turns > 20; }));
    CHECK(t.ospfd.socket.connections == 0);
    for (int i = 0; i < 3; ++i) t.apply(down);
    REQUIRE(t.until([&] { return t.told() == both; }));
    for (int i = 0; i < 3; ++i) t.apply(down);
    REQUIRE(t.looked_again());
    CHECK(t.ospfd.changes == 1);
    CHECK(t.bgpd.changes == 1);
}

TEST_CASE("a verdict that turns while FRR is being told is carried out all the same") {
    Talk t;
    for (int i = 0; i < 5; ++i) {
        for (const auto state : {down, up, down}) t.apply(state);
        REQUIRE(t.until([&] { return t.told() == both; }));
        for (const auto state : {up, down, up}) t.apply(state);
        REQUIRE(t.until([&] { return t.told() == "nothing" && t.feed->is_settled(); }));
        CHECK(t.ospf() == untouched);
    }
    CHECK(t.undo.records().empty());
}

TEST_CASE("degraded follows the verdict's cost, and down after it still goes back to what stood before") {
    Talk t;
    t.ospf() = {"ip ospf area 0", "ip ospf cost 20"};
    t.apply(degraded, 25);
    REQUIRE(t.until([&] { return t.ospf().back() == "ip ospf cost 50"; }));
    t.apply(degraded, 40);
    REQUIRE(t.until([&] { return t.ospf().back() == "ip ospf cost 80"; }));
    t.apply(down);
    REQUIRE(t.until([&] { return t.ospf().back() == "ip ospf cost 65535"; }));
    t.apply(up);
    REQUIRE(t.until([&] { return t.feed->is_clear(); }));
    CHECK(t.ospf().back() == "ip ospf cost 20");
}

TEST_CASE("from FRR 8.5 on a degraded neighbour is shut down gracefully, and nobody else is touched") {
    Talk t;
    t.bgpd.version = "10.4.1";
    t.apply(degraded, 25);
    REQUIRE(t.until([&] { return t.told().starts_with("BGP below the others") && t.feed->is_settled(); }));
    const auto& lines = t.bgpd.blocks["router bgp 65001"][""];
    CHECK(std::ranges::find(lines, "neighbor 10.8.0.1 graceful-shutdown") != lines.end());
    CHECK(t.weights().empty());
    t.apply(up);
    REQUIRE(t.until([&] { return t.feed->is_clear(); }));
    CHECK(lines.size() == 2);
}

TEST_CASE("what the operator changes while we hold it is his, until its peer is back; the rest stays ours") {
    Talk t;
    t.apply(down);
    REQUIRE(t.until([&] { return t.told() == both && t.feed->is_settled(); }));
    SUBCASE("another cost") { t.ospf() = {"ip ospf area 0", "ip ospf cost 70"}; }
    SUBCASE("none") { t.ospf() = untouched; }
    const auto his = t.ospf();
    REQUIRE(t.until([&] { return t.says("wg0's OSPF cost was changed to"); }));
    REQUIRE(t.until([&] { return t.told() == "BGP below the others" && t.feed->is_settled(); }));
    CHECK(t.ospf() == his);
    t.feed.emplace(
        t.context, t.undo, [] { return base::Now{}; }, t.where());  // whoever comes after us, too
    t.apply(down);
    REQUIRE(t.until([&] { return t.told() == "BGP below the others" && t.feed->is_settled(); }));
    CHECK(t.ospf() == his);
    CHECK(t.says("wg0's OSPF cost was changed to"));
    t.apply(up);
    REQUIRE(t.until([&] { return t.feed->is_clear() && t.problem().empty(); }));
    CHECK(t.ospf() == his);
    CHECK(t.undo.records().empty());
    t.apply(down);  // the next failure is a new one
    REQUIRE(t.until([&] { return t.ospf() == raised; }));
    t.apply(up);
    REQUIRE(t.until([&] { return t.feed->is_clear(); }));
    CHECK(t.ospf() == his);
}

TEST_CASE("a daemon that was restarted has forgotten, and is told again; another value of its file is not against us") {
    Talk t;
    t.apply(down);
    REQUIRE(t.until([&] { return t.told() == both && t.feed->is_settled(); }));
    t.ospfd.stop();
    SUBCASE("the same file") { t.ospf() = untouched; }
    SUBCASE("another value") { t.ospf() = {"ip ospf area 0", "ip ospf cost 70"}; }
    const auto file = t.ospf();
    REQUIRE(t.until([&] { return t.says("ospfd is not running"); }));
    t.ospfd.start();
    REQUIRE(t.until([&] { return t.ospf() == raised && t.problem().empty(); }));
    t.apply(up);
    REQUIRE(t.until([&] { return t.feed->is_clear(); }));
    CHECK(t.ospf() == file);
}

TEST_CASE("a daemon that hung: restarted since, its own value is nobody's decision; the same one, somebody's") {
    Talk t;
    t.apply(down);
    REQUIRE(t.until([&] { return t.told() == both && t.feed->is_settled(); }));
    t.ospfd.hangs = true;
    REQUIRE(t.until([&] { return t.says("ospfd does not answer within 3 s"); }));
    const auto thaw = [&] {
        t.ospfd.hangs = false;
        return t.until(
            [&] { return t.problem().find("does not answer") == std::string::npos && t.feed->is_settled(); });
    };
    SUBCASE("restarted before it is looked at again") {
        SUBCASE("the same file") { t.ospf() = untouched; }
        SUBCASE("another value") { t.ospf() = {"ip ospf area 0", "ip ospf cost 70"}; }
        const auto file = t.ospf();
        t.ospfd.stop();
        t.ospfd.start();
        REQUIRE(thaw());
        CHECK(t.problem().empty());
        CHECK(t.ospf() == raised);
        t.apply(up);
        REQUIRE(t.until([&] { return t.feed->is_clear(); }));
        CHECK(t.ospf() == file);
    }
    SUBCASE("the same one, in which the operator has put back what stood before") {
        t.ospf() = untouched;
        REQUIRE(thaw());
        CHECK(t.says("wg0's OSPF cost was changed to none against us"));
        CHECK(t.ospf() == untouched);
    }
    SUBCASE("the same one, untouched") {
        const auto changes = t.ospfd.changes;
        REQUIRE(thaw());
        CHECK(t.problem().empty());
        CHECK(t.ospfd.changes == changes);
    }
}

TEST_CASE("a daemon that hung before it heard what was to be entered is told again: nobody has decided against us") {
    Talk t;
    bool hung = false;
    t.ospfd.socket.on_command = [&](const std::string& command) {
        if (command == "interface wg0" && !std::exchange(hung, true)) return;  // without an answer
        t.ospfd.answer(command);
    };
    t.apply(down);
    REQUIRE(t.until([&] { return t.says("ospfd does not answer within 3 s"); }));
    CHECK(t.ospf() == untouched);
    REQUIRE(t.until([&] { return t.ospf() == raised && t.feed->is_settled(); }));
    CHECK(t.problem().empty());
    t.apply(up);
    REQUIRE(t.until([&] { return t.feed->is_clear(); }));
    CHECK(t.ospf() == untouched);
}

TEST_CASE("what an earlier process changed stands until the first apply, then is judged") {
    Talk t{true};
    t.ospf() = raised;
    int turns = 0;
    REQUIRE(t.until([&] { return ++turns > 20; }));
    CHECK(t.ospfd.socket.commands.empty());
    SUBCASE("its peer lives") { t.apply(up); }
    SUBCASE("nobody names it any more") { t.feed->apply({}); }
    SUBCASE("its peer is down: it stands as it is") {
        t.apply(down);
        REQUIRE(t.until([&] { return t.told() == both && t.feed->is_settled(); }));
        CHECK(t.ospfd.changes == 0);
        CHECK(t.undo.records().size() == 2);
        return;
    }
    SUBCASE("its peer is degraded: by its own cost, which the record tells") {
        t.apply(degraded, 25);
        REQUIRE(t.until([&] { return t.ospf().back() == "ip ospf cost 25"; }));
        t.apply(up);
    }
    REQUIRE(t.until([&] { return t.feed->is_clear(); }));
    CHECK(t.ospf() == untouched);
    CHECK(t.undo.records().empty());
}

TEST_CASE("stop takes everything back and says when it is done; an FRR that is gone or hangs does not hold it") {
    Talk t;
    bool left = false;
    const auto leave = [&] {
        t.feed->withdraw_all([&] { left = true; });
        REQUIRE(t.until([&] { return left; }));
    };
    SUBCASE("nothing is ours") {
        leave();
        return;
    }
    t.apply(down);
    REQUIRE(t.until([&] { return t.told() == both && t.feed->is_settled(); }));
    SUBCASE("FRR answers") {
        leave();
        CHECK(t.ospf() == untouched);
        CHECK(t.weights().empty());
        CHECK(t.undo.records().empty());
    }
    SUBCASE("ospfd hangs: its record stays, for whoever undoes") {
        t.ospfd.hangs = true;
        leave();
        CHECK(t.undo.records() == std::vector{record_of(t.where())});
        CHECK(t.weights().empty());
    }
    SUBCASE("ospfd does not run: nothing of ours stands") {
        t.ospfd.stop();
        leave();
        CHECK(t.undo.records().empty());
    }
}

TEST_CASE("a line that is refused is told, is not ours, and does not keep the other daemon from being told") {
    Talk t;
    t.ospfd.refuses = "ip ospf cost";
    SUBCASE("as any") {
        t.apply(down);
        REQUIRE(t.until([&] { return t.says("ospfd refuses to change wg0's OSPF cost: % Unknown command"); }));
    }
    SUBCASE("by a version with mgmtd") {
        t.ospfd.version = "11.0";
        t.apply(down);
        REQUIRE(t.until([&] { return t.says("this version keeps it in mgmtd, which wgbfd does not reach"); }));
    }
    REQUIRE(t.until([&] { return t.told() == "BGP below the others" && t.feed->is_settled(); }));
    CHECK(t.undo.records().size() == 1);
    CHECK(t.ospf() == untouched);
}

TEST_CASE("without a record nothing is changed; what cannot be forgotten any more is harmless") {
    Talk t;
    std::filesystem::create_directory(t.directory.path / "undo.tmp");  // no file can be written there
    t.apply(down);
    REQUIRE(t.until([&] { return t.says("its undo record cannot be written"); }));
    CHECK(t.ospfd.changes == 0);
    CHECK(t.bgpd.changes == 0);
    std::filesystem::remove(t.directory.path / "undo.tmp");
    REQUIRE(t.until([&] { return t.told() == both && t.problem().empty(); }));
}

TEST_CASE("no FRR at all, and one that has neither OSPF nor the neighbour, are told with the fix") {
    Talk t;
    SUBCASE("none") {
        t.ospfd.stop();
        t.bgpd.stop();
        t.apply(up);
        REQUIRE(t.until([&] { return t.says("neither bgpd, ospfd nor ospf6d runs in "); }));
        return;
    }
    t.ospfd.costs.clear();
    t.bgpd.blocks["router bgp 65001"][""].clear();
    t.apply(up);
    REQUIRE(t.until([&] { return t.says("FRR neither runs OSPF on wg0 nor has it as a BGP neighbour"); }));
}

TEST_CASE("undo puts back what still stands, and leaves what somebody changed since") {
    Talk t{true};
    t.ospf() = raised;
    t.feed.reset();
    base::Result<bool, std::string> reverted = false;
    const auto revert = [&] {  // it waits, so the daemon answers in a thread of its own
        VtyReverter reverter;
        std::atomic<bool> done{false};
        std::thread daemon{[&] {
            while (!done) {
                t.ospfd.socket.turn();
                std::this_thread::yield();
            }
        }};
        reverted = reverter.revert(t.undo.records()[0]);
        done = true;
        daemon.join();
    };
    SUBCASE("it stands") {
        revert();
        CHECK(reverted.value() == true);
        CHECK(t.ospf() == untouched);
    }
    SUBCASE("somebody changed it") {
        t.ospf() = {"ip ospf area 0", "ip ospf cost 70"};
        revert();
        CHECK(reverted.value() == false);
        CHECK(t.ospfd.changes == 0);
    }
    SUBCASE("it is refused") {
        t.ospfd.refuses = "no ip ospf cost";
        revert();
        REQUIRE_FALSE(reverted.has_value());
        CHECK(reverted.error().find("wg0's OSPF cost cannot be put back") == 0);
    }
    SUBCASE("the daemon runs no more") {
        t.ospfd.stop();
        revert();
        CHECK(reverted.value() == false);
    }
}

TEST_CASE("undo knows its own records alone") {
    CHECK_FALSE(VtyReverter{}.revert({"link", "wg0 3", "up", "dormant"}).has_value());
}
