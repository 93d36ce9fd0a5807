#include "bird/include_feed.hpp"

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include <doctest/doctest.h>

#include "fake_bird.hpp"
#include "peers.hpp"

using namespace bird;
using namespace std::chrono_literals;
using policy::VerdictState;

namespace {

// A BIRD whose configuration includes the file, and that may have a mistake of its operator's.
struct Talk {
    explicit Talk(const std::string& before = "") {
        if (!before.empty()) write(before);
        bird.on_command = [this](const std::string& command) { return answer(command); };
        restart_feed();
        active = on_disk();  // BIRD has started with what it found
    }
    void restart_feed() {
        bird.hang_up();
        feed.reset();
        kept.reset();
        control.emplace(context, path.string());  // as a new process has it
        kept.emplace(undo, *control);
        feed.emplace(
            context, undo,
            [this] {
                return base::Now{base::TimePoint{} + clock, {}};
            },
            *control, *kept, file.string(), settings);
    }
    std::string answer(const std::string& command) {
        if (command == "eval wgbfd_content")
            return active ? "0023 " + std::to_string(content_of(*active)) + "\n" : captures::unknown_constant;
        if (command == "show protocols") return protocols;
        if (command == "show protocols all 'paris'") return captures::show_disabled;
        if (command.starts_with("disable")) {
            disables.push_back(command);
            return captures::disabled;
        }
        if (command == "configure status") return on_trial ? captures::configure_on_trial : captures::configure_status;
        if (denied) return captures::restricted;
        if (command == "configure check") {
            ++checks;
            return passes() ? captures::configure_check : captures::configure_error;
        }
        if (!passes()) return captures::configure_error;
        ++configured;
        recorded = !undo.records().empty();
        if (!ignores) active = on_disk();
        return captures::reconfigured;
    }
    bool passes() const {
        const auto stands = on_disk();
        if (mistake || !stands) return false;
        std::set<std::string> names;
        for (const auto& define : *stands) {
            names.insert(define.name);
            if (define.value == refused_value) return false;
        }
        for (const auto& name : uses)
            if (!names.contains(name)) return false;
        return true;
    }
    std::optional<Defines> on_disk() const { return parse_defines(text()); }
    std::string text() const {
        std::ifstream in{file};
        std::ostringstream out;
        out << in.rdbuf();
        return out.str();
    }
    void write(const std::string& what) const { std::ofstream{file} << what; }
    void apply(VerdictState paris, VerdictState berlin = VerdictState::up) {
        peers.emplace();
        peers->add("paris", "", paris);
        peers->add("berlin", "", berlin);
        feed->apply(peers->all);
    }
    bool until(const std::function<bool()>& done) { return bird.until(context, done); }
    void a_while() {  // long enough for what was to come
        int turns = 0;
        until([&] { return ++turns > 300; });
    }
    // Of the constants that BIRD runs, or that stand in the file.
    static std::string value(const std::optional<Defines>& defines, const std::string& name) {
        if (!defines) return "no file";
        for (const auto& define : *defines)
            if (define.name == "wgbfd_" + name) return define.value;
        return "none";
    }
    bool runs(const std::string& name, const std::string& wanted) {
        return until([&] { return value(active, name) == wanted; });
    }
    bool says(const std::string& part) {
        return until([&] { return feed->status().problem.find(part) != std::string::npos; });
    }
    bool is_well() {
        return until([&] { return feed->status().healthy; });
    }

    bird_test::TemporaryDirectory directory;
    std::filesystem::path path = directory.path / "bird.ctl", file = directory.path / "wgbfd.conf";
    bird_test::FakeBird bird{path};
    std::optional<Defines> active;
    int configured = 0, checks = 0;
    bool mistake = false, on_trial = false, denied = false, recorded = false, ignores = false;
    std::string refused_value, protocols = captures::show_all;
    std::vector<std::string> disables;
    std::set<std::string> uses{"wgbfd_paris_up", "wgbfd_berlin_up"};
    boost::asio::io_context context{1};
    io::UndoLog undo{directory.path / "undo"};
    std::optional<SharedControl> control;
    std::optional<KeptDisabled> kept;
    base::Duration clock{};
    IncludeSettings settings{.entries = {{.adjacency = "paris", .dn42_latency = 3}, {.adjacency = "berlin"}},
                             .interval = 0s,
                             .communities_interval = 1h,
                             .look_again = 20ms};
    std::optional<Peers> peers;
    std::optional<IncludeFeed> feed;
};

}  // namespace

TEST_CASE("a file that BIRD can start with stands before anything is said to BIRD, and all its values are at rest") {
    Talk t;
    REQUIRE(t.on_disk());
    CHECK(t.on_disk()->size() == 12);
    CHECK(is_at_rest(*t.on_disk()));
    CHECK(std::filesystem::status(t.file).permissions() == std::filesystem::perms{0644});
    CHECK(t.undo.records().empty());
    t.a_while();
    CHECK(t.bird.connections == 0);
    t.apply(VerdictState::up);
    REQUIRE(t.until([&] { return t.feed->status().told.size() == 2; }));
    CHECK(t.configured == 0);  // nothing is new
}

TEST_CASE("down is written, checked, configured and seen to run, with the record first; up again forgets it") {
    Talk t;
    t.apply(VerdictState::down);
    REQUIRE(t.until([&] { return !t.feed->status().told.empty(); }));
    CHECK(Talk::value(t.active, "paris_up") == "false");
    CHECK(Talk::value(t.active, "berlin_up") == "true");
    CHECK(t.recorded);
    CHECK(t.undo.records() == std::vector{io::UndoRecord{"bird-include", t.path.string() + " " + t.file.string(),
                                                         "at rest", "written by wgbfd"}});
    CHECK(t.feed->status().told[0].told == "down");
    t.apply(VerdictState::up);
    REQUIRE(t.runs("paris_up", "true"));
    REQUIRE(t.until([&] { return t.undo.records().empty(); }));
    CHECK(t.configured == 2);
    CHECK(t.checks == 2);
    CHECK(t.bird.connections == 1);
    CHECK(t.is_well());
    CHECK_FALSE(std::filesystem::exists(t.directory.path / ".wgbfd.conf.tmp"));
}

TEST_CASE("what somebody has disabled is disabled again behind BIRD's `configure`, with nothing of ours between") {
    Talk t;
    t.protocols =
        "2002-Name Proto Table State Since Info\n1002-paris BGP --- down 1 \n berlin BGP --- up 1 Established\n"
        " rome BGP --- stop 1 \n ber-lin.x BGP --- down 1 \n0000 \n";
    t.apply(VerdictState::down);
    REQUIRE(t.until([&] { return t.disables.size() == 2; }));
    CHECK(t.disables ==
          std::vector<std::string>{"disable 'paris' \"wgbfd: paris down (detect-timeout)\"", "disable 'ber-lin.x'"});
    const auto at = std::ranges::find(t.bird.commands, "configure");
    REQUIRE(t.bird.commands.end() - at > 2);
    CHECK(at[1] == t.disables[0]);
    CHECK(at[2] == t.disables[1]);
    CHECK(t.is_well());
}

TEST_CASE(
    "what another feed decides while it is seen who is disabled comes behind the `configure`, and is not undone") {
    Talk t;
    bool asked = false, answered = false, lost = false;
    SUBCASE("BIRD goes on") {}
    SUBCASE("BIRD goes away: the other hears of it") { lost = true; }
    t.bird.on_command = [&](const std::string& command) {
        if (command == "show protocols" && !std::exchange(asked, true)) {
            t.control->command("enable 'paris'", [&](const auto& answer) { answered = answer.has_value() != lost; });
            if (lost) {
                t.bird.hang_up();
                return std::string{};
            }
        }
        return t.answer(command);
    };
    t.apply(VerdictState::down);
    REQUIRE(t.runs("paris_up", "false"));
    REQUIRE(t.until([&] { return answered; }));
    const auto configure = std::ranges::find(t.bird.commands, "configure");
    const auto enable = std::ranges::find(t.bird.commands, "enable 'paris'");
    CHECK((lost ? enable == t.bird.commands.end() : configure < enable));
}

TEST_CASE("verdicts that come together, or too soon, make one configure; the last one is never lost") {
    Talk t;
    t.settings.interval = 1s;
    t.feed->configure(t.settings);
    t.apply(VerdictState::down);
    t.apply(VerdictState::down, VerdictState::down);
    REQUIRE(t.runs("berlin_up", "false"));
    CHECK(t.configured == 1);
    for (int i = 0; i < 5; ++i) t.apply(i % 2 == 0 ? VerdictState::up : VerdictState::down);
    t.a_while();
    CHECK(t.configured == 1);  // the clock stands still
    t.clock = 1s;
    REQUIRE(t.runs("paris_up", "true"));
    CHECK(t.configured == 2);
}

TEST_CASE("communities change at most once in their own interval, while the rest goes on") {
    Talk t;
    t.apply(VerdictState::up);
    REQUIRE(t.is_well());
    const auto reload = [&](std::uint32_t latency, VerdictState paris) {
        t.settings.entries[0].dn42_latency = latency;
        t.feed->configure(t.settings);
        t.apply(paris);
    };
    reload(4, VerdictState::up);
    REQUIRE(t.runs("paris_latency", "4"));  // the first change comes at once
    reload(5, VerdictState::down);
    REQUIRE(t.runs("paris_up", "false"));
    CHECK(Talk::value(t.active, "paris_latency") == "4");
    t.clock = 1h - 1ns;
    t.apply(VerdictState::up);
    REQUIRE(t.runs("paris_up", "true"));
    CHECK(Talk::value(t.active, "paris_latency") == "4");
    t.clock = 1h;
    REQUIRE(t.runs("paris_latency", "5"));
}

TEST_CASE("a mistake of the operator's: told as his, BIRD runs on, the file is as it was, and nothing is lost") {
    Talk t;
    t.mistake = true;
    const auto before = t.text();
    t.apply(VerdictState::down);
    REQUIRE(t.says("BIRD's own configuration has a mistake, bird.conf:5:1 syntax error"));
    CHECK(t.text() == before);
    CHECK(t.configured == 0);
    CHECK(Talk::value(t.active, "paris_up") == "true");
    SUBCASE("he mends it: told by the next attempt") { t.mistake = false; }
    SUBCASE("another verdict is an attempt of its own") {
        t.mistake = false;
        t.apply(VerdictState::down, VerdictState::down);
    }
    REQUIRE(t.runs("paris_up", "false"));
    CHECK(t.is_well());
}

TEST_CASE("values that BIRD refuses are told as ours, and those before them are put back") {
    Talk t;
    t.refused_value = "65535";
    const auto before = t.text();
    t.apply(VerdictState::down);
    REQUIRE(t.says("BIRD refuses the new values, and keeps the old ones: bird.conf:5:1 syntax error"));
    CHECK(t.text() == before);
    t.apply(VerdictState::up);
    CHECK(t.is_well());
    CHECK(t.configured == 0);
}

TEST_CASE("what wgbfd's configuration names no more stays while BIRD's uses it, and leaves when it does not") {
    Talk t;
    t.apply(VerdictState::down);
    REQUIRE(t.runs("paris_up", "false"));
    t.settings.entries.erase(t.settings.entries.begin());
    t.feed->configure(t.settings);
    SUBCASE("still used: at rest, and told") {
        t.apply(VerdictState::down);
        REQUIRE(t.runs("paris_up", "true"));
        REQUIRE(t.says("uses constants of adjacencies that wgbfd's no longer names"));
        t.apply(VerdictState::down, VerdictState::down);
        REQUIRE(t.runs("berlin_up", "false"));
        CHECK(Talk::value(t.active, "paris_up") == "true");
    }
    SUBCASE("not used: gone") {
        t.uses.erase("wgbfd_paris_up");
        t.apply(VerdictState::up);
        REQUIRE(t.runs("paris_up", "none"));
    }
}

TEST_CASE("a file that is not ours is never touched; one that somebody damaged or took away is written anew") {
    SUBCASE("not ours") {
        Talk t{"router id 10.0.0.1;\n"};
        t.apply(VerdictState::down);
        REQUIRE(t.says("is not wgbfd's file and is left as it is"));
        t.a_while();
        CHECK(t.text() == "router id 10.0.0.1;\n");
        CHECK(t.configured == 0);
        std::filesystem::remove(t.file);  // the operator moves it away
        REQUIRE(t.until([&] { return Talk::value(t.on_disk(), "paris_up") == "false"; }));
        CHECK(t.says("does not include"));
    }
    SUBCASE("empty, as `touch` leaves it") { CHECK(Talk{"\n"}.on_disk()->size() == 12); }
    SUBCASE("taken away") {
        Talk t;
        t.apply(VerdictState::down);
        REQUIRE(t.is_well());
        std::filesystem::remove(t.file);
        REQUIRE(t.until([&] { return Talk::value(t.on_disk(), "paris_up") == "false"; }));
    }
    SUBCASE("the directory cannot be written") {
        Talk t;
        t.feed.reset();
        t.file = t.directory.path / "gone/wgbfd.conf";
        t.restart_feed();
        t.apply(VerdictState::down);
        CHECK(t.says("cannot write"));
        CHECK(t.says("make its directory"));
    }
}

TEST_CASE("a BIRD that does not include the file is told what to write, and is not made to read its configuration") {
    Talk t;
    t.active.reset();
    t.apply(VerdictState::down);
    REQUIRE(t.says("write include \"" + t.file.string() + "\"; on a line of its own"));
    CHECK(Talk::value(t.on_disk(), "paris_up") == "false");
    CHECK(t.configured == 0);
    t.active = t.on_disk();  // the operator has, and has run `birdc configure`
    CHECK(t.is_well());
    CHECK(t.configured == 0);
}

TEST_CASE("a configuration on trial is not made permanent behind its operator's back") {
    Talk t;
    t.on_trial = true;
    t.apply(VerdictState::down);
    REQUIRE(t.says("BIRD has a configuration on trial"));
    CHECK(t.checks == 0);
    CHECK(is_at_rest(*t.on_disk()));
    t.on_trial = false;
    REQUIRE(t.runs("paris_up", "false"));
}

TEST_CASE("what the operator has turned away with `configure undo` is not brought back; his own configure ends that") {
    Talk t;
    const auto before = t.active;
    t.apply(VerdictState::down);
    REQUIRE(t.until([&] { return t.feed->status().told.size() == 2; }));
    t.active = before;  // configure undo
    REQUIRE(t.says("BIRD runs an earlier configuration than the one in its files"));
    t.apply(VerdictState::down, VerdictState::down);
    t.a_while();
    CHECK(t.configured == 1);
    CHECK(Talk::value(t.on_disk(), "berlin_up") == "false");
    SUBCASE("he configures: the file has the newest values") {
        t.active = t.on_disk();
        CHECK(t.is_well());
        t.apply(VerdictState::up);
        REQUIRE(t.runs("paris_up", "true"));
    }
    SUBCASE("he restarts BIRD") {
        t.bird.stop();
        t.bird.start();
        REQUIRE(t.runs("berlin_up", "false"));
    }
    SUBCASE("we stop: the file is at rest, BIRD is his") {
        bool left = false;
        t.feed->withdraw_all([&] { left = true; });
        REQUIRE(t.until([&] { return left; }));
        CHECK(is_at_rest(*t.on_disk()));
        CHECK(t.undo.records().empty());
        CHECK(t.configured == 1);
    }
}

TEST_CASE("what is new while BIRD does not run stands in the file when it starts") {
    Talk t;
    t.bird.stop();
    t.apply(VerdictState::down);
    REQUIRE(t.says("start BIRD"));
    REQUIRE(t.until([&] { return Talk::value(t.on_disk(), "paris_up") == "false"; }));
    CHECK(t.undo.records().size() == 1);
    t.active = t.on_disk();
    t.bird.start();
    CHECK(t.is_well());
    CHECK(t.configured == 0);
}

TEST_CASE("a BIRD that goes away in the middle is told again, and one that takes its time is waited for") {
    Talk t;
    bool once = true;
    SUBCASE("gone after the check") {
        t.bird.on_command = [&](const std::string& command) {
            if (command == "configure" && std::exchange(once, false)) {
                t.bird.hang_up();
                return std::string{};
            }
            return t.answer(command);
        };
        t.apply(VerdictState::down);
    }
    SUBCASE("in progress: 0004, and later") {
        t.ignores = true;
        t.apply(VerdictState::down);
        REQUIRE(t.until([&] { return t.configured == 1; }));
        t.a_while();
        CHECK(t.configured == 1);
        CHECK(t.feed->status().told.empty());
        t.active = t.on_disk();
    }
    REQUIRE(t.runs("paris_up", "false"));
    REQUIRE(t.until([&] { return t.feed->status().told.size() == 2; }));
}

TEST_CASE("a restricted socket is told, and the file is as it was") {
    Talk t;
    t.denied = true;
    const auto before = t.text();
    t.apply(VerdictState::down);
    REQUIRE(t.says("is a restricted control socket"));
    CHECK(t.text() == before);
}

TEST_CASE("what an earlier process wrote stands until the first apply; after a boot it means nothing") {
    Talk t;
    t.apply(VerdictState::down);
    REQUIRE(t.runs("paris_up", "false"));
    t.feed.reset();
    SUBCASE("the record says that it is ours") {
        t.restart_feed();
        CHECK(Talk::value(t.on_disk(), "paris_up") == "false");
        t.apply(VerdictState::down);
        REQUIRE(t.until([&] { return t.feed->status().told.size() == 2; }));
        CHECK(t.configured == 1);
    }
    SUBCASE("there is no record") {
        t.undo.forget("bird-include", include_subject(t.path.string(), t.file.string()));
        t.restart_feed();
        CHECK(is_at_rest(*t.on_disk()));
    }
}

TEST_CASE("stop puts all at rest and says when it is done; a BIRD that hangs or refuses does not hold it") {
    Talk t;
    bool left = false;
    const auto stop = [&] {
        t.feed->withdraw_all([&] { left = true; });
        return t.until([&] { return left; });
    };
    SUBCASE("nothing was told") {
        CHECK(stop());
        CHECK(t.configured == 0);
        return;
    }
    t.apply(VerdictState::down);
    REQUIRE(t.until([&] { return !t.feed->status().told.empty(); }));
    SUBCASE("BIRD answers") {
        REQUIRE(stop());
        CHECK(is_at_rest(*t.active));
        CHECK(is_at_rest(*t.on_disk()));
        CHECK(t.undo.records().empty());
    }
    SUBCASE("BIRD hangs: the record stays, for whoever undoes") {
        t.bird.on_command = [](const std::string&) { return std::string{}; };
        REQUIRE(stop());
        CHECK(t.undo.records().size() == 1);
    }
    SUBCASE("the operator's edit is half done: likewise") {
        t.mistake = true;
        REQUIRE(stop());
        CHECK(t.undo.records().size() == 1);
    }
    SUBCASE("BIRD does not run: the file is enough") {
        t.bird.stop();
        REQUIRE(t.says("start BIRD"));
        REQUIRE(stop());
        CHECK(is_at_rest(*t.on_disk()));
        CHECK(t.undo.records().empty());
    }
}

TEST_CASE("a record is reverted where the file is ours still, and nowhere else") {
    Talk t;
    const auto subject = include_subject(t.path.string(), t.file.string());
    CHECK(parse_include_subject("/run/my bird/bird.ctl /etc/x")->file == "/etc/x");
    for (const char* bad : {"", "/x", " /x", "/run/bird.ctl "}) CHECK_FALSE(parse_include_subject(bad));
    CHECK_FALSE(revert_include({"link", subject, "", ""}, t.undo));
    t.bird.stop();
    const io::UndoRecord record{"bird-include", subject, "at rest", "written by wgbfd"};
    CHECK_FALSE(revert_include(record, t.undo).value());  // it is at rest
    auto other = *t.on_disk();
    other[0].value = "false";
    t.write(render(other));
    CHECK(revert_include(record, t.undo).value());
    CHECK(is_at_rest(*t.on_disk()));
    t.write("somebody else's\n");
    CHECK_FALSE(revert_include(record, t.undo));
    CHECK(t.text() == "somebody else's\n");
    std::filesystem::remove(t.file);
    CHECK_FALSE(revert_include(record, t.undo).value());
}
