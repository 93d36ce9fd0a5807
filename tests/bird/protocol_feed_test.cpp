#include "bird/protocol_feed.hpp"

#include <doctest/doctest.h>

#include "fake_bird.hpp"
#include "peers.hpp"

using namespace bird;
using namespace std::chrono_literals;
using policy::Cause;
using policy::VerdictState;

namespace {

const std::string ours = "wgbfd: paris is down (detect-timeout)";

// A BIRD with one protocol, `paris`, that can be disabled and enabled.
struct Talk {
    explicit Talk(bool adopts = false) {
        if (adopts) undo.record({"bird-protocol", path.string() + " paris", "enabled", ours});
        bird.on_command = [this](const std::string& command) { return answer(command); };
        feed.emplace(
            context, undo, [] { return base::Now{}; }, control);
    }
    std::string answer(const std::string& command) {
        if (command.find("'paris'") == std::string::npos) return captures::unknown_name;
        if (command.starts_with("show"))
            return "2002-Name Proto Table State Since Info\n1002-paris BGP --- " + state + " 1 x\n" +
                   (message.empty() ? "" : "1006-  Message:        " + message + "\n") + "0000 \n";
        ++changes;
        recorded = !undo.records().empty();
        if (denies) return captures::restricted;
        if (command.starts_with("disable")) {
            if (state == "down") return captures::already_disabled;
            state = "down";
            message = command.substr(command.find('"') + 1);
            message.pop_back();
            return captures::disabled;
        }
        if (state != "down") return captures::already_enabled;
        state = "up";
        message.clear();
        return captures::enabled;
    }
    void apply(VerdictState verdict, const char* protocol = "paris") {
        peers.emplace();
        peers->add("paris", protocol, verdict, Cause::detect_timeout);
        feed->apply(peers->all);
    }
    bool until(const std::function<bool()>& done) { return bird.until(context, done); }
    bool asked_again() {  // it has looked since, and has heard the answer
        const auto before = bird.commands.size();
        int turns = 0;
        return until([&] { return bird.commands.size() > before; }) && until([&] { return ++turns > 5; });
    }
    std::string told() const {
        const auto status = feed->status();
        return status.told.empty() ? "" : status.told[0].told;
    }
    std::string problem() const { return feed->status().problem; }

    bird_test::TemporaryDirectory directory;
    std::filesystem::path path = directory.path / "bird.ctl";
    bird_test::FakeBird bird{path};
    std::string state = "up", message;
    int changes = 0;
    bool recorded = false, denies = false;
    boost::asio::io_context context{1};
    io::UndoLog undo{directory.path / "undo"};
    SharedControl control{context, path.string()};
    std::optional<Peers> peers;
    std::optional<ProtocolFeed> feed;
};

}  // namespace

TEST_CASE("down disables, with the record first and the cause as the message; up enables, and forgets the record") {
    Talk t;
    t.apply(VerdictState::down);
    REQUIRE(t.until([&] { return t.told() == "disabled"; }));
    CHECK(t.state == "down");
    CHECK(t.message == ours);
    CHECK(t.recorded);
    CHECK(t.undo.records() ==
          std::vector{io::UndoRecord{"bird-protocol", t.path.string() + " paris", "enabled", ours}});
    t.apply(VerdictState::up);
    REQUIRE(t.until([&] { return t.told() == "nothing"; }));
    CHECK(t.state == "up");
    CHECK(t.undo.records().empty());
    CHECK(t.feed->status().healthy);
}

TEST_CASE("nothing is asked of BIRD while no protocol is named, and telling twice does nothing twice") {
    Talk t;
    t.feed->apply({});
    int turns = 0;
    REQUIRE(t.until([&] { return ++turns > 20; }));
    CHECK(t.bird.connections == 0);
    for (int i = 0; i < 3; ++i) t.apply(VerdictState::down);
    REQUIRE(t.until([&] { return t.told() == "disabled"; }));
    for (int i = 0; i < 3; ++i) t.apply(VerdictState::down);
    REQUIRE(t.asked_again());
    CHECK(t.changes == 1);
}

TEST_CASE("a verdict that turns while BIRD is being asked is carried out all the same") {
    Talk t;
    for (int i = 0; i < 5; ++i) {
        t.apply(VerdictState::down);
        t.apply(VerdictState::up);
        t.apply(VerdictState::down);
        REQUIRE(t.until([&] { return t.told() == "disabled"; }));
        t.apply(VerdictState::up);
        t.apply(VerdictState::down);
        t.apply(VerdictState::up);
        REQUIRE(t.until([&] { return t.told() == "nothing" && t.state == "up"; }));
    }
    CHECK(t.undo.records().empty());
}

TEST_CASE("what the operator disabled stays so, before and after") {
    Talk t;
    t.state = "down";
    t.message = "maintenance";
    t.apply(VerdictState::down);
    REQUIRE(t.until([&] { return t.told() == "left alone"; }));
    t.apply(VerdictState::up);
    REQUIRE(t.until([&] { return t.told() == "nothing"; }));
    CHECK(t.changes == 0);
    CHECK(t.undo.records().empty());
}

TEST_CASE("what the operator decides while we hold it is his: another message, or enabled against us") {
    Talk t;
    t.apply(VerdictState::down);
    REQUIRE(t.until([&] { return t.told() == "disabled"; }));
    SUBCASE("another message") {
        t.message = "maintenance";
        REQUIRE(t.until([&] { return t.undo.records().empty(); }));
        t.apply(VerdictState::up);
        REQUIRE(t.until([&] { return t.told() == "nothing"; }));
        CHECK(t.state == "down");
        CHECK(t.message == "maintenance");
    }
    SUBCASE("enabled") {
        t.state = "up";
        t.message.clear();
        REQUIRE(t.until([&] { return t.told() == "left alone"; }));
        CHECK(t.problem().find("was enabled while its peer is down") != std::string::npos);
        t.apply(VerdictState::up);
        REQUIRE(t.until([&] { return t.told() == "nothing"; }));
        CHECK(t.changes == 1);
        t.apply(VerdictState::down);  // the next failure is a new one
        REQUIRE(t.until([&] { return t.told() == "disabled"; }));
    }
}

TEST_CASE("a BIRD that was restarted has forgotten, and is told again") {
    Talk t;
    t.apply(VerdictState::down);
    REQUIRE(t.until([&] { return t.told() == "disabled"; }));
    t.bird.stop();
    t.state = "start";
    t.message.clear();
    REQUIRE(t.until([&] { return t.problem().find("is not there: start BIRD") != std::string::npos; }));
    t.bird.start();
    REQUIRE(t.until([&] { return t.changes == 2; }));
    CHECK(t.state == "down");
    REQUIRE(t.until([&] { return t.problem().empty(); }));
    CHECK(t.undo.records().size() == 1);
}

TEST_CASE("what an earlier process disabled stands until the first apply, then is judged") {
    Talk t{true};
    t.state = "down";
    t.message = ours;
    REQUIRE(t.until([&] { return t.bird.connections == 1; }));
    CHECK(t.bird.commands.empty());
    SUBCASE("its peer lives") {
        t.apply(VerdictState::up);
        REQUIRE(t.until([&] { return t.state == "up"; }));
    }
    SUBCASE("nobody names it any more") {
        t.feed->apply({});
        REQUIRE(t.until([&] { return t.state == "up"; }));
    }
    SUBCASE("its peer is down: the old message stands") {
        t.apply(VerdictState::down);
        REQUIRE(t.asked_again());
        CHECK(t.changes == 0);
        CHECK(t.undo.records().size() == 1);
        return;
    }
    REQUIRE(t.until([&] { return t.undo.records().empty(); }));
}

TEST_CASE("stop enables what is ours and says when it is done; a BIRD that is gone or hangs does not hold it") {
    Talk t;
    bool left = false;
    SUBCASE("nothing is ours") {
        t.feed->withdraw_all([&] { left = true; });
        REQUIRE(t.until([&] { return left; }));
        return;
    }
    t.apply(VerdictState::down);
    REQUIRE(t.until([&] { return t.told() == "disabled"; }));
    SUBCASE("BIRD answers") {
        t.feed->withdraw_all([&] { left = true; });
        REQUIRE(t.until([&] { return left; }));
        CHECK(t.state == "up");
        CHECK(t.undo.records().empty());
    }
    SUBCASE("BIRD hangs: the record stays, for whoever undoes") {
        t.bird.on_command = [](const std::string&) { return std::string{}; };
        t.feed->withdraw_all([&] { left = true; });
        REQUIRE(t.until([&] { return left; }));
        CHECK(t.undo.records().size() == 1);
    }
    SUBCASE("BIRD does not run: nothing is disabled") {
        t.bird.stop();
        REQUIRE(t.until([&] { return t.problem().find("start BIRD") != std::string::npos; }));
        t.feed->withdraw_all([&] { left = true; });
        REQUIRE(t.until([&] { return left; }));
        CHECK(t.undo.records().empty());
    }
}

TEST_CASE("a name that BIRD does not know, a peer without one, and a socket that is restricted are told") {
    Talk t;
    SUBCASE("unknown") {
        t.apply(VerdictState::down, "pariss");
        REQUIRE(t.until([&] { return t.problem().find("BIRD has no protocol pariss") != std::string::npos; }));
    }
    SUBCASE("none") {
        t.apply(VerdictState::down, "");
        CHECK(t.problem().find("paris has the feed bird-protocol and no protocol") == 0);
        CHECK(t.bird.connections == 0);
    }
    SUBCASE("restricted") {
        t.denies = true;
        t.apply(VerdictState::down);
        REQUIRE(t.until([&] { return t.problem().find("is a restricted control socket") != std::string::npos; }));
    }
    CHECK(t.undo.records().empty());
    CHECK_FALSE(t.feed->status().healthy);
}

TEST_CASE("a record is reverted where our message still stands, and nowhere else") {
    Talk t;
    const auto subject = to_subject(t.path.string(), "paris");
    CHECK(parse_protocol_subject("/run/my bird/bird.ctl paris")->path == "/run/my bird/bird.ctl");
    for (const char* bad : {"", "paris", " paris", "/run/bird.ctl ", "/run/bird.ctl a'b"})
        CHECK_FALSE(parse_protocol_subject(bad));
    CHECK_FALSE(revert_protocol({"link", subject, "", ours}));
    t.bird.stop();
    CHECK_FALSE(revert_protocol({"bird-protocol", subject, "enabled", ours}).value());  // BIRD runs no more
}
