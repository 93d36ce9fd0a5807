#include "frr/vty_directories.hpp"

#include <array>

#include <doctest/doctest.h>

#include "fake_vty.hpp"
#include "wanted_peers.hpp"

using namespace frr;
using enum policy::VerdictState;
using test::Peers;

namespace {

const std::vector<std::string> untouched{"ip ospf area 0"}, raised{"ip ospf area 0", "ip ospf cost 65535"};

struct Talk {
    Talk() {
        for (auto* daemon : {&here, &there}) {
            daemon->blocks["interface wg0"][""] = untouched;
            daemon->costs["wg0"] = 10;
        }
    }
    void follow(const test::TemporaryDirectory& directory) { feeds.follow(directory.path.string()); }
    void apply(policy::VerdictState verdict) {
        peers.emplace().add("wg0", "10.8.0.1", verdict);
        feeds.apply(peers->wanted());
    }
    void leave_behind(const std::string& directory) {
        undo.record({"frr-vty", directory + " wg0 ospf-cost", "none 10", "65535"});
    }
    bool until(const std::function<bool()>& done) {
        return test::run_until(context, [&] {
            here.socket.turn();
            there.socket.turn();
            return done();
        });
    }
    static std::vector<std::string>& ospf(test::FakeFrr& daemon) { return daemon.blocks["interface wg0"][""]; }
    bool is_told(test::FakeFrr& daemon) {
        return until([&] { return ospf(daemon) == raised && !feeds.status().told.empty(); });
    }
    bool says(const std::string& text) const { return feeds.status().problem.find(text) != std::string::npos; }

    test::TemporaryDirectory one, other;
    test::FakeFrr here{one.path / "ospfd.vty"}, there{other.path / "ospfd.vty"};
    boost::asio::io_context context{1};
    io::UndoLog undo{one.path / "undo"};
    std::optional<Peers> peers;
    int begun = 0;
    VtyDirectories feeds{context, undo, [] { return base::Now{}; },
                         [this] {
                             ++begun;
                             feeds.apply(peers->wanted());
                         }};
};

}  // namespace

TEST_CASE("another directory: the old one is taken back while the new one is told; none: it is taken back") {
    Talk t;
    t.follow(t.one);
    t.apply(down);
    REQUIRE(t.is_told(t.here));
    SUBCASE("another") {
        t.follow(t.other);
        t.apply(down);
        REQUIRE(t.is_told(t.there));
    }
    SUBCASE("none") {
        t.feeds.follow(std::nullopt);
        REQUIRE(t.until([&] { return t.feeds.is_clear() && t.undo.records().empty(); }));
    }
    REQUIRE(t.until([&] { return Talk::ospf(t.here) == untouched; }));
}

TEST_CASE("a daemon that hangs when its directory goes is taken back once it answers, and told of until then") {
    Talk t;
    t.follow(t.one);
    t.apply(down);
    REQUIRE(t.is_told(t.here));
    t.here.hangs = true;
    SUBCASE("another directory is served meanwhile") {
        t.follow(t.other);
        t.apply(down);
        REQUIRE(t.is_told(t.there));
    }
    SUBCASE("none") { t.feeds.follow(std::nullopt); }
    REQUIRE(t.until([&] { return t.says("which is to be as it was: ospfd does not answer within 3 s"); }));
    t.here.hangs = false;
    REQUIRE(t.until([&] { return Talk::ospf(t.here) == untouched && !t.says("as it was"); }));
    REQUIRE(t.until([&] {
        return std::ranges::none_of(
            t.undo.records(), [&](const auto& record) { return record.subject.starts_with(t.one.path.string()); });
    }));
}

TEST_CASE("a directory that comes back before its daemon does is served again, and nothing was lost") {
    Talk t;
    t.follow(t.one);
    t.apply(down);
    REQUIRE(t.is_told(t.here));
    t.here.hangs = true;
    t.feeds.follow(std::nullopt);
    REQUIRE(t.until([&] { return t.says("does not answer within 3 s"); }));
    t.follow(t.one);
    t.apply(down);
    t.here.hangs = false;
    REQUIRE(t.until([&] { return t.feeds.status().problem.empty(); }));
    CHECK(Talk::ospf(t.here) == raised);
    t.here.stop();  // with ours saved by a `write`: a feed that left for good would be done with it
    REQUIRE(t.until([&] { return t.says("ospfd is not running"); }));
    t.here.start();
    t.apply(up);
    REQUIRE(t.until([&] { return t.feeds.is_clear(); }));
    CHECK(Talk::ospf(t.here) == untouched);
    CHECK(t.undo.records().empty());
}

TEST_CASE("what an earlier process left in another directory goes back, and a start waits for no daemon") {
    Talk t;
    t.leave_behind(t.one.path.string());
    Talk::ospf(t.here) = raised;
    t.here.hangs = true;
    SUBCASE("another is configured") {
        t.follow(t.other);
        t.apply(down);
        REQUIRE(t.is_told(t.there));  // while the first one hangs
    }
    SUBCASE("none is") { t.feeds.follow(std::nullopt); }
    t.here.hangs = false;
    REQUIRE(t.until([&] { return Talk::ospf(t.here) == untouched; }));
    REQUIRE(t.until([&] {
        return std::ranges::none_of(
            t.undo.records(), [&](const auto& record) { return record.subject.starts_with(t.one.path.string()); });
    }));
    CHECK(t.feeds.status().problem.empty());
}

TEST_CASE("two names of one directory are not served at once") {
    Talk t;
    const auto link = t.other.path / "link";
    std::filesystem::create_directory_symlink(t.one.path, link);
    t.leave_behind(link.string());
    Talk::ospf(t.here) = raised;
    t.follow(t.one);
    t.apply(down);
    REQUIRE(t.until([&] { return t.begun == 1; }));
    REQUIRE(t.is_told(t.here));
    t.apply(up);
    REQUIRE(t.until([&] { return t.feeds.is_clear(); }));
    CHECK(Talk::ospf(t.here) == untouched);
    CHECK(t.undo.records().empty());
}

TEST_CASE("stop takes everything back in every directory, and does not wait for one that hangs") {
    Talk t;
    bool left = false;
    SUBCASE("nothing was ever told") {
        t.feeds.withdraw_all([&] { left = true; });
        CHECK(left);
        return;
    }
    t.follow(t.one);
    t.apply(down);
    REQUIRE(t.is_told(t.here));
    t.here.hangs = true;
    t.follow(t.other);
    t.apply(down);
    REQUIRE(t.is_told(t.there));
    t.feeds.withdraw_all([&] { left = true; });
    REQUIRE(t.until([&] { return left; }));
    CHECK(Talk::ospf(t.there) == untouched);
    CHECK(t.undo.records().size() == 1);
}

TEST_CASE("a record that cannot be read stays, and is told") {
    Talk t;
    t.undo.record({"frr-vty", "nonsense", "", ""});
    t.feeds.follow(std::nullopt);
    CHECK(t.says("the undo record of nonsense cannot be read"));
    CHECK(t.undo.records().size() == 1);
}
