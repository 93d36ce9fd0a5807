#include "bird/kept_disabled.hpp"

#include <algorithm>
#include <atomic>
#include <fstream>
#include <map>
#include <sstream>
#include <thread>

#include <doctest/doctest.h>

#include "bird/former_include.hpp"
#include "bird/include_feed.hpp"
#include "bird/protocol_feed.hpp"
#include "fake_bird.hpp"
#include "io/socket_life.hpp"
#include "peers.hpp"

using namespace bird;
using namespace std::chrono_literals;
using policy::VerdictState;

namespace {

constexpr const char* maintenance = "maintenance";

// A BIRD with two protocols, whose operator has disabled paris; its `configure` enables it, as BIRD's does.
struct Operated {
    Operated() {
        bird.on_command = [this](const std::string& command) { return answer(command); };
        start();
        active = on_disk(file);
    }
    void start(bool with_feed = true) {  // as a new process has it
        bird.hang_up();
        former.reset();
        feed.reset();
        kept.reset();
        control.emplace(context, path.string());
        kept.emplace(undo, *control);
        if (with_feed)
            feed.emplace(
                context, undo, [] { return base::Now{}; }, *control, *kept, file.string(), settings);
    }
    void adopt(const std::optional<std::string>& include) {
        former.emplace(context, undo, *control, *kept);
        former->adopt(include);
    }
    void apply(VerdictState paris) {
        peers.emplace();
        peers->add("paris", "", paris);
        feed->apply(peers->all);
    }
    void restart_bird() {
        bird.stop();
        disabled.clear();
        bird.start();
    }
    std::string answer(const std::string& command) {
        if (on_command)
            if (const auto other = on_command(command)) return *other;
        if (command == "eval wgbfd_content")
            return active ? "0023 " + std::to_string(content_of(*active)) + "\n" : captures::unknown_constant;
        if (command == "show protocols") return heading + row("paris") + row("rome") + "0000 \n";
        if (command.starts_with("show protocols all '")) return details(command.substr(20, command.size() - 21));
        if (command.starts_with("disable '")) return disable_it(command);
        if (command == "configure status") return captures::configure_status;
        if (mistake) return captures::configure_error;
        if (command == "configure check") return captures::configure_check;
        configure();
        return captures::reconfigured;
    }
    void configure() {
        ++configured;
        disabled.clear();
        const auto stands = on_disk(reads.empty() ? file : reads);
        if (active) active = stands;
    }
    std::string row(const std::string& name) const {
        return "1002-" + name + " BGP --- " + (disabled.contains(name) ? "down" : "up") + " 10:00:00.000\n";
    }
    std::string details(const std::string& name) const {
        const auto found = disabled.find(name);
        const auto message = found == disabled.end() || found->second.empty() ? "" : "  Message: " + found->second;
        return heading + row(name) + "1006-" + message + "\n0000 \n";
    }
    std::string disable_it(const std::string& command) {
        const auto name_end = command.find('\'', 9);
        const auto name = command.substr(9, name_end - 9);
        if (disabled.contains(name)) return "0008-" + name + ": already disabled\n0000 \n";
        const auto quote = command.find('"');
        disabled[name] = quote == std::string::npos ? "" : command.substr(quote + 1, command.size() - quote - 2);
        return "0009-" + name + ": disabled\n0000 \n";
    }
    static std::optional<Defines> on_disk(const std::filesystem::path& path) {
        std::ifstream in{path};
        std::ostringstream out;
        out << in.rdbuf();
        return parse_defines(out.str());
    }
    bool until(const std::function<bool()>& done) { return bird.until(context, done); }
    bool runs(const char* value) {
        return until([&] { return active && active->front().value == value; });
    }
    bool is_kept() const { return disabled == std::map<std::string, std::string>{{"paris", maintenance}}; }
    std::vector<io::UndoRecord> records() const { return undo.records(disabled_feed); }
    io::UndoRecord record() const {
        return {disabled_feed, path.string() + " paris", "disabled", life() + " maintenance"};
    }
    std::string life() const { return io::socket_life(path.string()); }
    // What waits is asked while BIRD answers in a thread of its own.
    template <class F>
    auto meanwhile(F ask) {
        std::atomic<bool> done{false};
        std::thread answers{[&] {
            while (!done) {
                bird.turn();
                std::this_thread::yield();
            }
        }};
        auto out = ask();
        done = true;
        answers.join();
        return out;
    }
    bool is_feed_record_gone() const { return undo.records(include_feed).empty(); }

    static constexpr const char* heading = "2002-Name Proto Table State Since Info\n";
    bird_test::TemporaryDirectory directory;
    std::filesystem::path path = directory.path / "bird.ctl", file = directory.path / "wgbfd.conf", reads;
    bird_test::FakeBird bird{path};
    std::optional<Defines> active;
    std::map<std::string, std::string> disabled{{"paris", maintenance}};
    int configured = 0;
    bool mistake = false;
    std::function<std::optional<std::string>(const std::string&)> on_command;
    boost::asio::io_context context{1};
    io::UndoLog undo{directory.path / "undo"};
    std::optional<SharedControl> control;
    std::optional<KeptDisabled> kept;
    IncludeSettings settings{.entries = {{.adjacency = "paris"}}, .interval = 0s, .look_again = 20ms};
    std::optional<Peers> peers;
    std::optional<IncludeFeed> feed;
    std::optional<FormerIncludes> former;
};

}  // namespace

TEST_CASE("what is disabled is on record while BIRD's `configure` has it enabled, and not a moment longer") {
    Operated t;
    bool recorded = false;
    t.on_command = [&](const std::string& command) -> std::optional<std::string> {
        if (command == "configure") recorded = t.records() == std::vector{t.record()};
        return std::nullopt;
    };
    t.apply(VerdictState::down);
    REQUIRE(t.runs("false"));
    REQUIRE(t.until([&] { return t.feed->status().told.size() == 1; }));
    CHECK(recorded);
    CHECK(t.is_kept());
    CHECK(t.records().empty());
}

TEST_CASE(
    "killed between `configure` and the disabling: whoever comes next disables it, and no other, with its message") {
    Operated t;
    bool killed = false;
    t.on_command = [&](const std::string& command) -> std::optional<std::string> {
        if (command.starts_with("disable '") && !killed) return "";  // it is not read any more
        return std::nullopt;
    };
    t.apply(VerdictState::down);
    REQUIRE(t.until([&] { return !t.bird.commands.empty() && t.bird.commands.back().starts_with("disable '"); }));
    REQUIRE(t.disabled.empty());
    killed = true;
    SUBCASE("the next start, before the first verdict") {
        SUBCASE("with the feed") { t.start(); }
        SUBCASE("without") { t.start(false); }
        REQUIRE(t.until([&] { return t.records().empty(); }));
        CHECK(t.is_kept());
    }
    SUBCASE("the operator has decided meanwhile") {
        t.disabled["paris"] = "another reason";
        t.start();
        REQUIRE(t.until([&] { return t.records().empty(); }));
        CHECK(t.disabled["paris"] == "another reason");
    }
    SUBCASE("BIRD was restarted meanwhile: it has enabled it by itself") {
        SUBCASE("for the next start") {
            t.restart_bird();
            t.start();
            REQUIRE(t.until([&] { return t.records().empty(); }));
        }
        SUBCASE("for undo") {
            t.restart_bird();
            const auto left = t.records();
            REQUIRE(left.size() == 1);
            CHECK_FALSE(t.meanwhile([&] { return revert_disabled(left[0]); }).value());
        }
        CHECK(t.disabled.empty());
    }
    SUBCASE("BIRD does not run: nothing is left to do") {
        t.bird.stop();
        t.start();
        REQUIRE(t.until([&] { return t.records().empty(); }));
    }
    SUBCASE("undo") {
        t.bird.hang_up();
        CHECK(t.meanwhile([&] { return revert_disabled(t.records()[0]); }).value());
        CHECK(t.is_kept());
        CHECK_FALSE(t.meanwhile([&] { return revert_disabled(t.records()[0]); }).value());
    }
}

TEST_CASE(
    "a BIRD that does not answer `configure` in time: disabled again once it does, unless it was restarted by then") {
    Operated t;
    bool slow = true;
    t.on_command = [&](const std::string& command) -> std::optional<std::string> {
        if (command != "configure" || !std::exchange(slow, false)) return std::nullopt;
        t.configure();
        return "";
    };
    t.apply(VerdictState::down);
    REQUIRE(t.until([&] { return t.configured == 1; }));
    CHECK(t.disabled.empty());
    SUBCASE("slow") {
        REQUIRE(t.until([&] { return t.bird.connections == 2 && t.is_kept(); }));
        REQUIRE(t.until([&] { return t.feed->status().told.size() == 1; }));
        CHECK(t.is_kept());
    }
    SUBCASE("restarted by hand") {
        t.restart_bird();
        REQUIRE(t.until([&] { return t.feed->status().told.size() == 1; }));
        CHECK(t.disabled.empty());
        CHECK(std::ranges::none_of(t.bird.commands, [](const auto& c) { return c.starts_with("disable"); }));
    }
    CHECK(t.records().empty());
}

TEST_CASE("a stop that ends before the disabling leaves the record, for whoever undoes") {
    Operated t;
    t.apply(VerdictState::down);
    REQUIRE(t.runs("false"));
    REQUIRE(t.until([&] { return t.records().empty() && t.is_kept(); }));
    t.on_command = [&](const std::string& command) -> std::optional<std::string> {
        return command.starts_with("disable '") ? std::optional{""} : std::nullopt;
    };
    bool left = false;
    t.feed->withdraw_all([&] { left = true; });
    REQUIRE(t.until([&] { return left; }));
    CHECK(t.disabled.empty());
    REQUIRE(t.records() == std::vector{t.record()});
    t.on_command = {};
    t.bird.hang_up();
    CHECK(t.meanwhile([&] { return revert_disabled(t.records()[0]); }).value());
    CHECK(t.is_kept());
}

TEST_CASE("a `configure` that BIRD carries out later: what it enables then is disabled when it is seen to run") {
    Operated t;
    bool queued = false;
    t.on_command = [&](const std::string& command) -> std::optional<std::string> {
        if (command != "configure") return std::nullopt;
        queued = true;
        return "0002-Reading configuration from bird.conf\n0005 Reconfiguration already in progress, queueing new "
               "config\n";
    };
    t.apply(VerdictState::down);
    REQUIRE(t.until([&] { return queued; }));
    REQUIRE(t.until([&] { return std::ranges::count(t.bird.commands, "eval wgbfd_content") > 3; }));
    CHECK(t.records().size() == 1);
    t.configure();
    CHECK(t.disabled.empty());
    REQUIRE(t.until([&] { return t.records().empty(); }));
    CHECK(t.is_kept());
}

TEST_CASE("what the feed bird-protocol has disabled is its own to put back") {
    Operated t;
    t.disabled["rome"] = "wgbfd: rome is down";
    t.undo.record({protocol_feed, to_subject(t.path.string(), "rome"), "enabled", "wgbfd: rome is down"});
    std::vector<io::UndoRecord> recorded;
    t.on_command = [&](const std::string& command) -> std::optional<std::string> {
        if (command == "configure") recorded = t.records();
        return std::nullopt;
    };
    t.apply(VerdictState::down);
    REQUIRE(t.runs("false"));
    REQUIRE(t.until([&] { return t.disabled.size() == 2; }));
    CHECK(recorded == std::vector{t.record()});
}

TEST_CASE("what cannot be recorded is not risked: BIRD is not told, the file is as it was, and the problem is") {
    Operated t;
    const auto before = Operated::on_disk(t.file);
    t.on_command = [&](const std::string& command) -> std::optional<std::string> {
        if (command == "show protocols") std::filesystem::create_directory(t.directory.path / "undo.tmp");
        return std::nullopt;
    };
    t.apply(VerdictState::down);
    REQUIRE(t.until([&] { return t.feed->status().problem.find("cannot be recorded") != std::string::npos; }));
    CHECK(t.configured == 0);
    CHECK(t.is_kept());
    CHECK(Operated::on_disk(t.file) == before);
    std::filesystem::remove(t.directory.path / "undo.tmp");
    t.on_command = {};
    REQUIRE(t.runs("false"));
    REQUIRE(t.until([&] { return t.feed->status().healthy; }));
}

TEST_CASE("undo of the constants keeps disabled what is, also where BIRD does not answer `configure` in time") {
    Operated t;
    t.apply(VerdictState::down);
    REQUIRE(t.runs("false"));
    REQUIRE(t.until([&] { return t.is_kept(); }));
    const auto record = t.undo.records(include_feed).at(0);
    t.start(false);
    t.control.reset();
    const auto revert = [&] { return t.meanwhile([&] { return revert_include(record, t.undo); }); };
    SUBCASE("it answers") { CHECK(revert().value()); }
    SUBCASE("it does not, and then it does") {
        t.on_command = [&](const std::string& command) -> std::optional<std::string> {
            if (command != "configure") return std::nullopt;
            t.configure();
            return "";
        };
        CHECK_FALSE(revert());
    }
    SUBCASE("nor to what follows: the record is for the next undo") {
        bool hangs = false;
        t.on_command = [&](const std::string& command) -> std::optional<std::string> {
            if (command == "configure") {
                t.configure();
                hangs = true;
            }
            return hangs ? std::optional{""} : std::nullopt;
        };
        CHECK_FALSE(revert());
        REQUIRE(t.records() == std::vector{t.record()});
        t.on_command = {};
        CHECK(t.meanwhile([&] { return revert_disabled(t.records()[0]); }).value());
        CHECK(t.is_kept());
        return;
    }
    CHECK(t.is_kept());
    CHECK(t.records().empty());
}

TEST_CASE("a file that the configuration names no more is put at rest by the next start, in BIRD, too") {
    Operated t;
    t.apply(VerdictState::down);
    REQUIRE(t.runs("false"));
    REQUIRE(t.until([&] { return t.feed->status().told.size() == 1; }));
    const auto former = t.file;
    const auto is_over = [&] { return t.undo.records().empty(); };
    SUBCASE("another file") {
        t.reads = former;
        t.start(false);
        t.adopt(t.directory.path / "other.conf");
        t.file = t.directory.path / "other.conf";
        t.feed.emplace(
            t.context, t.undo, [] { return base::Now{}; }, *t.control, *t.kept, t.file.string(), t.settings);
        REQUIRE(t.until(is_over));
        CHECK(is_at_rest(*t.active));
        CHECK(t.is_kept());
    }
    SUBCASE("none") {
        t.start(false);
        t.adopt(std::nullopt);
        REQUIRE(t.until(is_over));
        CHECK(is_at_rest(*t.active));
        CHECK(t.is_kept());
    }
    SUBCASE("of another BIRD") {
        t.start(false);
        bird_test::FakeBird other{t.directory.path / "other.ctl"};
        t.control.emplace(t.context, t.directory.path / "other.ctl");
        t.kept.emplace(t.undo, *t.control);
        t.adopt(former);
        REQUIRE(t.until(is_over));
        CHECK(is_at_rest(*t.active));
        CHECK(other.connections == 0);
    }
    SUBCASE("BIRD does not run") {
        t.start(false);
        t.bird.stop();
        t.adopt(std::nullopt);
        REQUIRE(t.until(is_over));
    }
    SUBCASE("BIRD reads it no more") {
        t.start(false);
        t.active.reset();
        t.adopt(std::nullopt);
        REQUIRE(t.until(is_over));
        CHECK(t.configured == 1);
    }
    SUBCASE("the operator's edit is half done: told, and tried again") {
        t.start(false);
        t.mistake = true;
        t.adopt(std::nullopt);
        REQUIRE(t.until([&] { return !t.former->problems().empty(); }));
        CHECK(t.former->problems()[0].find("BIRD's own configuration has a mistake") == 0);
        CHECK_FALSE(is_over());
        t.mistake = false;
        REQUIRE(t.until(is_over));
        CHECK(is_at_rest(*t.active));
        CHECK(t.former->problems().empty());
    }
    SUBCASE("the file is gone") {
        std::filesystem::remove(former);
        t.start(false);
        t.adopt(std::nullopt);
        REQUIRE(t.until(is_over));
        CHECK_FALSE(std::filesystem::exists(former));
        return;
    }
    SUBCASE("a reload names it again before that: it is the feed's") {
        t.start(false);
        t.mistake = true;
        t.adopt(std::nullopt);
        REQUIRE(t.until([&] { return !t.former->problems().empty(); }));
        t.former->yield(former);
        t.feed.emplace(
            t.context, t.undo, [] { return base::Now{}; }, *t.control, *t.kept, former.string(), t.settings);
        t.mistake = false;
        t.apply(VerdictState::down);
        REQUIRE(t.until([&] { return t.feed->status().told.size() == 1; }));
        CHECK_FALSE(t.is_feed_record_gone());
        return;
    }
    CHECK(is_at_rest(*Operated::on_disk(former)));
}
