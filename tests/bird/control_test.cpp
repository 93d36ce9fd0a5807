#include "bird/control.hpp"

#include <sys/stat.h>
#include <sys/wait.h>

#include <doctest/doctest.h>

#include "fake_bird.hpp"

using namespace bird;

namespace {

struct Talk {
    bird_test::TemporaryDirectory directory;
    std::filesystem::path path = directory.path / "bird.ctl";
    bird_test::FakeBird bird{path};
    boost::asio::io_context context{1};
    std::vector<Version> versions;
    std::vector<ControlError> losses;
    std::vector<base::Result<Reply, ControlError>> answers;
    Control control{context,
                    path.string(),
                    {.ready = [this](const Version& v) { versions.push_back(v); },
                     .lost = [this](const ControlError& e) { losses.push_back(e); }}};

    void ask(const std::string& text) {
        control.command(text,
                        [this](base::Result<Reply, ControlError> answer) { answers.push_back(std::move(answer)); });
    }
    bool until(const std::function<bool()>& done) { return bird.until(context, done); }
    bool ready() {
        return until([&] { return control.is_ready(); });
    }
};

}  // namespace

TEST_CASE("the greeting makes it ready, and commands go one at a time, in order, over one connection") {
    Talk t;
    CHECK_FALSE(t.control.is_ready());
    REQUIRE(t.ready());
    CHECK(t.versions == std::vector{Version{2, 0, 12}});
    t.bird.on_command = [&](const std::string& command) {
        CHECK(t.bird.commands.size() == t.answers.size() + 1);  // the next comes after the answer to this
        return command == "disable 'x'" ? captures::unknown_name : captures::disabled;
    };
    for (const auto* text : {"disable 'paris'", "disable 'x'", "disable 'paris'"}) t.ask(text);
    CHECK(t.answers.empty());
    REQUIRE(t.until([&] { return t.answers.size() == 3; }));
    CHECK(t.answers[0]->ok());
    CHECK_FALSE(t.answers[1]->ok());
    CHECK(t.answers[2]->ok());
    CHECK(t.bird.connections == 1);
}

TEST_CASE("a BIRD that is restarted is greeted again; what was asked is answered with the reason") {
    Talk t;
    REQUIRE(t.ready());
    t.ask("show status");
    t.ask("show status");
    REQUIRE(t.until([&] { return t.bird.commands.size() == 1; }));
    t.bird.stop();
    REQUIRE(t.until([&] { return t.answers.size() == 2 && !t.losses.empty(); }));
    for (const auto& answer : t.answers) CHECK(answer.error().failure == ControlFailure::closed);
    CHECK_FALSE(t.control.is_ready());
    REQUIRE(t.until([&] { return t.losses.back().failure == ControlFailure::not_running; }));
    t.bird.greeting = captures::facts_greeting_3;
    t.bird.start();
    REQUIRE(t.until([&] { return t.versions.size() == 2; }));
    CHECK(t.versions[1] == Version{3, 3, 2});
    CHECK(t.control.is_ready());
}

TEST_CASE("a BIRD that never answers costs 3 s, and its late answer is nobody's") {
    Talk t;
    REQUIRE(t.ready());
    t.bird.on_command = [&](const std::string& command) { return command == "b" ? captures::disabled : ""; };
    t.ask("a");
    REQUIRE(t.until([&] { return t.answers.size() == 1; }));
    CHECK(t.answers[0].error().failure == ControlFailure::timeout);
    REQUIRE(t.until([&] { return t.versions.size() == 2; }));
    t.ask("b");
    REQUIRE(t.until([&] { return t.answers.size() == 2; }));
    CHECK(t.answers[1]->ok());
    CHECK(t.bird.connections == 2);
}

TEST_CASE("asynchronous lines in the middle of an answer are not the answer") {
    Talk t;
    REQUIRE(t.ready());
    t.bird.on_command = [](const std::string&) { return std::string{"+bird: Started\n"} + captures::disabled; };
    t.bird.send("+bird: hello\n");
    t.ask("disable 'paris'");
    REQUIRE(t.until([&] { return t.answers.size() == 1; }));
    CHECK(t.answers[0]->lines[0] == Line{9, "paris: disabled"});
}

TEST_CASE("somebody else behind the socket, and a command that is too long, are said so") {
    Talk t;
    SUBCASE("another greeting") { t.bird.greeting = "0001 quagga 1 ready.\n"; }
    SUBCASE("another language") { t.bird.greeting = "220 mail ESMTP\r\n"; }
    if (t.bird.greeting != captures::greeting) {
        REQUIRE(t.until([&] { return !t.losses.empty(); }));
        CHECK(t.losses[0].failure == ControlFailure::no_bird);
        CHECK(t.losses[0].text.find("bird.ctl") != std::string::npos);
        return;
    }
    REQUIRE(t.ready());
    t.ask(std::string(4094, 'x'));
    t.ask(std::string(4095, 'x'));
    t.bird.on_command = [](const std::string&) { return captures::disabled; };
    REQUIRE(t.until([&] { return t.answers.size() == 2; }));
    CHECK(t.answers[0].has_value());
    CHECK(t.answers[1].error().failure == ControlFailure::too_long);
}

TEST_CASE("a socket that may not be used is told with the fix" * doctest::skip(::geteuid() != 0)) {
    bird_test::TemporaryDirectory directory;
    const auto path = directory.path / "bird.ctl";
    const bird_test::FakeBird bird{path};
    REQUIRE(::chmod(directory.path.c_str(), 0755) == 0);
    REQUIRE(::chmod(path.c_str(), 0660) == 0);
    const auto child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        if (::setresgid(65534, 65534, 65534) != 0 || ::setresuid(65534, 65534, 65534) != 0) ::_exit(2);
        const auto refused = ask(path.string(), "show status");
        const bool told = !refused && refused.error().failure == ControlFailure::no_permission &&
                          refused.error().text.find("in BIRD's group") != std::string::npos;
        ::_exit(told ? 42 : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WEXITSTATUS(status) == 42);
}

TEST_CASE("the blocking form gives the reply or one reason with its fix") {
    bird_test::TemporaryDirectory directory;
    const auto path = (directory.path / "bird.ctl").string();
    const auto none = ask(path, "show status");
    REQUIRE_FALSE(none);
    CHECK(none.error().failure == ControlFailure::not_running);
    CHECK(none.error().text.find("start BIRD") != std::string::npos);
    CHECK(ask_version(path).error().failure == ControlFailure::not_running);
}
