// What every subcommand makes of its arguments. The exit statuses of the whole program: tests/lab/test_daemon.py.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "cli/commands.hpp"
#include "cli/options.hpp"

namespace {

struct Folder {
    Folder() {
        char name[] = "/tmp/wgbfd-cli-XXXXXX";
        path = ::mkdtemp(name);
    }
    ~Folder() { std::filesystem::remove_all(path); }
    std::string file(const char* name, const char* text) const {
        std::ofstream{path / name} << text;
        return (path / name).string();
    }
    std::filesystem::path path;
};

// What a command prints on standard output.
struct Captured {
    Captured() : before{std::cout.rdbuf(text.rdbuf())} {}
    ~Captured() { std::cout.rdbuf(before); }
    std::ostringstream text;
    std::streambuf* before;
};

std::string error_of(int (*command)(const cli::Arguments&), const cli::Arguments& arguments) {
    try {
        static_cast<void>(command(arguments));
    } catch (const std::exception& error) {
        return error.what();
    }
    return "";
}

using Command = int (*)(const cli::Arguments&);
constexpr Command commands[] = {cli::run,  cli::status, cli::events, cli::check,    cli::reload,
                                cli::undo, cli::doctor, cli::init,   cli::snippets, cli::bench};

}  // namespace

TEST_CASE("every command refuses an unknown option as a usage error of one line that names it") {
    for (const auto command : commands) {
        CHECK_THROWS_AS(static_cast<void>(command({"--nonsense"})), cli::UsageError);
        const auto text = error_of(command, {"--nonsense"});
        CAPTURE(text);
        CHECK(text.find("--nonsense") != std::string::npos);
        CHECK(text.find("--help") != std::string::npos);
        CHECK(text.find('\n') == std::string::npos);
    }
}

TEST_CASE("an abbreviated option, a missing value and a word too many are usage errors") {
    for (const auto command : commands) {
        CHECK_THROWS_AS(static_cast<void>(command({"--conf=/dev/null"})), cli::UsageError);
        CHECK_THROWS_AS(static_cast<void>(command({"--run-dir"})), cli::UsageError);
        CHECK_THROWS_AS(static_cast<void>(command({"one", "two"})), cli::UsageError);
    }
}

TEST_CASE("--help and --version end well for every command, and touch nothing") {
    for (const auto command : commands) {
        std::string help, version;
        int status = 0;
        {
            const Captured out;
            status = command({"--help"});
            help = out.text.str();
            status += command({"--version"});
            version = out.text.str().substr(help.size());
        }
        CHECK(status == cli::ok);
        CHECK(help.find("--run-dir") != std::string::npos);
        CHECK(help.find("worker-") == std::string::npos);  // what only the guardian says to its worker
        CHECK(version == "wgbfd " + cli::version_text() + "\n");
    }
}

TEST_CASE("a --config file that does not exist fails, and is no usage error") {
    for (const auto command : {cli::run, cli::check}) {
        CHECK_THROWS_AS(static_cast<void>(command({"--config=/nowhere/x.toml"})), std::runtime_error);
        CHECK(error_of(command, {"--config=/nowhere/x.toml"}).find("/nowhere/x.toml: no such file") !=
              std::string::npos);
    }
}

TEST_CASE("check says ok of a good file") {
    const Folder folder;
    for (const auto& arguments :
         {cli::Arguments{folder.file("good.toml", "[probe]\ninterval = \"300ms\"\n")},
          cli::Arguments{folder.file("empty.toml", "")}, cli::Arguments{"--config", folder.file("other.toml", "")}}) {
        int status = cli::failed;
        {
            const Captured out;  // doctest prints there too
            status = cli::check(arguments);
        }
        CHECK(status == cli::ok);
    }
}

TEST_CASE("check tells every error of a bad file, each with its place") {
    const Folder folder;
    const auto file = folder.file("bad.toml", "[probe]\ninterval = \"1ms\"\nmultiplicator = 3\n");
    const auto text = error_of(cli::check, {file});
    CAPTURE(text);
    CHECK(text.find(file + ":2:") != std::string::npos);
    CHECK(text.find(file + ":3:") != std::string::npos);
}

TEST_CASE("check fails on what is no file, and says so") {
    const Folder folder;
    CHECK(error_of(cli::check, {folder.path.string()}).find("no readable file") != std::string::npos);
    CHECK(error_of(cli::check, {"/nowhere/x.toml"}).find("cannot be read") != std::string::npos);
}

TEST_CASE("what asks a daemon says how to start one where none answers") {
    const Folder folder;
    for (const auto command : {cli::status, cli::events, cli::reload})
        CHECK(error_of(command, {"--run-dir", folder.path.string()}).find("no daemon answers") != std::string::npos);
}

TEST_CASE("a run directory too long for a socket is told, not cut") {
    const std::string deep = "/tmp/" + std::string(120, 'x');
    for (const auto command : {cli::status, cli::events, cli::reload})
        CHECK(error_of(command, {"--run-dir", deep}).find("too long") != std::string::npos);
}

TEST_CASE("undo where no daemon ever ran has nothing to do, and where the records are unreadable it fails") {
    const Folder folder;
    CHECK(cli::undo({"--run-dir", (folder.path / "never").string()}) == cli::ok);
    CHECK(!std::filesystem::exists(folder.path / "never"));
    CHECK(cli::undo({"--run-dir", folder.path.string()}) == cli::ok);
    folder.file("undo", "garbage");
    CHECK(cli::undo({"--run-dir", folder.path.string()}) == cli::failed);
}

TEST_CASE("undo is refused while a daemon holds the run directory") {
    const Folder folder;
    const auto lock = wgbfd::RunDir{folder.path}.try_lock();
    REQUIRE(lock);
    CHECK(error_of(cli::undo, {"--run-dir", folder.path.string()}).find("a daemon runs in") != std::string::npos);
}
