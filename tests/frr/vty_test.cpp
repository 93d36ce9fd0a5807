#include "frr/vty.hpp"

#include <doctest/doctest.h>

#include "fake_vty.hpp"

using namespace frr;
using namespace std::string_literals;

namespace {

struct Talk {
    test::TemporaryDirectory directory;
    test::VtyDaemon daemon{directory.path / "bfdd.vty"};
    boost::asio::io_context context{1};
    Vty vty{context, directory.path.string(), "bfdd"};
    std::vector<base::Result<VtyReply, VtyError>> answers;

    void ask(const std::string& text) {
        vty.command(text, [this](base::Result<VtyReply, VtyError> answer) { answers.push_back(std::move(answer)); });
    }
    bool until(const std::function<bool()>& done) {
        return test::run_until(context, [&] {
            daemon.turn();
            return done();
        });
    }
};

}  // namespace

TEST_CASE("a reply is its text and its status, in one piece or byte by byte") {
    const auto bytes = "% [BFD] Unknown command: show nonsense\n\0\0\0\2"s;
    CHECK(VtyReader{}.feed(bytes) == VtyReply{2, "% [BFD] Unknown command: show nonsense\n"});
    VtyReader reader;
    for (std::size_t i = 0; i + 1 < bytes.size(); ++i) CHECK_FALSE(reader.feed(bytes.substr(i, 1)).has_value());
    CHECK(reader.feed("\2") == VtyReply{2, "% [BFD] Unknown command: show nonsense\n"});
}

TEST_CASE("an empty reply is four zeros; three are not enough") {
    VtyReader reader;
    CHECK_FALSE(reader.feed("\0\0\0"s).has_value());
    CHECK(reader.feed("\0"s) == VtyReply{0, ""});
    CHECK(VtyReader{}.feed("\0\0\0\xff"s) == VtyReply{255, ""});
}

TEST_CASE("commands are sent one at a time, in order, after `enable`, over one connection") {
    Talk t;
    t.daemon.on_command = [&](const std::string& command) {
        CHECK(t.daemon.commands.size() == t.answers.size() + 1);  // the next comes after the answer to this
        t.daemon.send(command == "b" ? "no\n\0\0\0\2"s : command + "!\0\0\0\0"s);
    };
    for (const auto* text : {"a", "b", "c"}) t.ask(text);
    CHECK(t.answers.empty());
    REQUIRE(t.until([&] { return t.answers.size() == 3; }));
    CHECK(*t.answers[0] == VtyReply{0, "a!"});
    CHECK(*t.answers[1] == VtyReply{2, "no\n"});
    CHECK(*t.answers[2] == VtyReply{0, "c!"});
    CHECK(t.daemon.connections == 1);
}

TEST_CASE("a daemon that was restarted is connected to again, without losing the command") {
    Talk t;
    t.daemon.on_command = [&](const std::string&) { t.daemon.send("x\0\0\0\0"s); };
    t.ask("a");
    REQUIRE(t.until([&] { return t.answers.size() == 1; }));
    t.daemon.connection.reset();
    t.context.restart();
    t.context.poll();
    t.ask("b");
    REQUIRE(t.until([&] { return t.answers.size() == 2; }));
    CHECK(t.answers[1].has_value());
    CHECK(t.daemon.connections == 2);
}

TEST_CASE("a daemon that closes in the middle of a reply is an error for that command alone") {
    Talk t;
    t.daemon.on_command = [&](const std::string& command) {
        if (command == "a") {
            t.daemon.send("half");
            t.daemon.connection.reset();
        } else {
            t.daemon.send("x\0\0\0\0"s);
        }
    };
    t.ask("a");
    t.ask("b");
    REQUIRE(t.until([&] { return t.answers.size() == 2; }));
    REQUIRE_FALSE(t.answers[0].has_value());
    CHECK(t.answers[0].error().failure == VtyFailure::closed);
    CHECK(*t.answers[1] == VtyReply{0, "x"});
}

TEST_CASE("a daemon that never answers costs 3 s, and its late answer is nobody's") {
    Talk t;
    t.daemon.on_command = [&](const std::string& command) {
        if (command == "b") t.daemon.send("b\0\0\0\0"s);
    };
    t.ask("a");
    t.ask("b");
    REQUIRE(t.until([&] { return t.answers.size() == 2; }));
    REQUIRE_FALSE(t.answers[0].has_value());
    CHECK(t.answers[0].error().failure == VtyFailure::timeout);
    CHECK(*t.answers[1] == VtyReply{0, "b"});
    CHECK(t.daemon.connections == 2);
}

TEST_CASE("a daemon that is not there, and a command that is too long, are said so") {
    Talk t;
    t.daemon.listener.stop();
    t.ask("a");
    t.ask(std::string(4095, 'x'));
    REQUIRE(t.until([&] { return t.answers.size() == 2; }));
    CHECK(t.answers[0].error().failure == VtyFailure::not_running);
    CHECK(t.answers[0].error().text.find("bfdd.vty") != std::string::npos);
    CHECK(t.answers[1].error().failure == VtyFailure::too_long);
}

TEST_CASE("an answer may ask again, and large replies arrive whole") {
    Talk t;
    std::string large(1'000'000, 'y');
    std::size_t sent = 0;
    t.daemon.on_command = [&](const std::string& command) {
        if (command == "b") large += "\0\0\0\0"s;
        if (command == "a") t.daemon.send("\0\0\0\0"s);
    };
    t.vty.command("a", [&](base::Result<VtyReply, VtyError>) { t.ask("b"); });
    REQUIRE(t.until([&] {
        if (large.size() > 1'000'000 && sent < large.size()) {
            const auto n = ::send(t.daemon.connection.get(), large.data() + sent, large.size() - sent, MSG_NOSIGNAL);
            if (n > 0) sent += static_cast<std::size_t>(n);
        }
        return t.answers.size() == 1;
    }));
    CHECK(t.answers[0]->text.size() == 1'000'000);
}

TEST_CASE("the blocking form gives text or one line of reason") {
    test::TemporaryDirectory directory;
    const auto none = vty_read(directory.path.string(), "zebra", "show version");
    REQUIRE_FALSE(none.has_value());
    CHECK(none.error().find("zebra is not running") != std::string::npos);
}
