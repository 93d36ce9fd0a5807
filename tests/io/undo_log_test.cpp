#include "io/undo_log.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <system_error>

namespace {

struct Folder {
    Folder() {
        char name[] = "/dev/shm/wgbfd-undo-XXXXXX";
        path = ::mkdtemp(name);
    }
    ~Folder() { std::filesystem::remove_all(path); }
    std::filesystem::path path;
};

const io::UndoRecord wg0{"link", "wg0/7", "unknown", "dormant"};
const io::UndoRecord wg1{"link", "wg1/8", "up", "dormant"};
const io::UndoRecord odd{"frr-vty", "a\tb\nc\\d", "", "x\\t"};

}  // namespace

TEST_CASE("records survive the process that wrote them, whatever characters they hold") {
    const Folder folder;
    const auto path = folder.path / "undo";
    {
        io::UndoLog log{path};
        CHECK_FALSE(log.problem());
        log.record(wg0);
        log.record(odd);
    }
    const io::UndoLog again{path};
    CHECK_FALSE(again.problem());
    CHECK(again.records() == std::vector{wg0, odd});
    CHECK(again.records("link") == std::vector{wg0});
}

TEST_CASE("a second change of one subject keeps the value before the first") {
    const Folder folder;
    io::UndoLog log{folder.path / "undo"};
    log.record({"link", "wg0/7", "unknown", "dormant"});
    log.record({"link", "wg0/7", "dormant", "testing"});
    CHECK(log.records() == std::vector{io::UndoRecord{"link", "wg0/7", "unknown", "testing"}});
}

TEST_CASE("where `before` is a word for undo the last one stands") {
    const Folder folder;
    io::UndoLog log{folder.path / "undo"};
    log.record(wg0);
    const io::UndoRecord kept{"link", "wg0/7", "kept", "dormant"};
    log.rewrite(std::vector{kept, odd});
    CHECK(io::UndoLog{folder.path / "undo"}.records() == std::vector{kept, odd});
}

TEST_CASE("several are recorded and forgotten at once; when that cannot be written, none is") {
    const Folder folder;
    io::UndoLog log{folder.path / "undo"};
    log.record(std::vector{wg0, odd});
    log.record(std::vector{wg1, io::UndoRecord{"link", "wg0/7", "dormant", "testing"}});
    const std::vector all{io::UndoRecord{"link", "wg0/7", "unknown", "testing"}, odd, wg1};
    CHECK(io::UndoLog{folder.path / "undo"}.records() == all);
    std::filesystem::create_directory(folder.path / "undo.tmp");
    CHECK_THROWS_AS(log.record(std::vector{io::UndoRecord{"link", "wg2/9", "up", "dormant"}}), std::system_error);
    CHECK(log.records() == all);
    std::filesystem::remove(folder.path / "undo.tmp");
    log.forget("link", std::vector<std::string>{"wg1/8", "wg0/7", "wg9/9"});
    CHECK(io::UndoLog{folder.path / "undo"}.records() == std::vector{odd});
}

TEST_CASE("what is forgotten is gone for the next process too, and forgetting the unknown is harmless") {
    const Folder folder;
    io::UndoLog log{folder.path / "undo"};
    log.record(wg0);
    log.record(wg1);
    log.forget("link", "wg0/7");
    log.forget("link", "wg0/7");
    CHECK(io::UndoLog{folder.path / "undo"}.records() == std::vector{wg1});
}

TEST_CASE("a file cut at any byte gives every whole line and a problem, never a half record") {
    const Folder folder;
    const auto path = folder.path / "undo";
    io::UndoLog log{path};
    log.record(wg0);
    const auto one = std::filesystem::file_size(path);
    log.record(wg1);
    const auto two = std::filesystem::file_size(path);
    for (auto length = two; length-- > 0;) {
        CAPTURE(length);
        std::filesystem::resize_file(path, length);
        const io::UndoLog cut{path};
        CHECK(cut.records().size() == (length >= one ? 1 : 0));
        CHECK(cut.problem().has_value() == (length != 0 && length != one));
    }
}

TEST_CASE("garbage lines are left out and told, the others stand") {
    const Folder folder;
    const auto path = folder.path / "undo";
    std::ofstream{path} << "garbage\nlink\twg0/7\tunknown\tdormant\t.\nlink\twg1\\q\tup\tdormant\t.\n\n"
                        << std::string(5000, '\0') << "\n";
    const io::UndoLog log{path};
    CHECK(log.records() == std::vector{wg0});
    REQUIRE(log.problem());
    CHECK(log.problem()->find("4 unreadable") != std::string::npos);
}

TEST_CASE("a record that cannot be written is an error, and is not kept as if it were") {
    io::UndoLog log{"/proc/no-such-folder/undo"};
    CHECK_THROWS_AS(log.record(wg0), std::system_error);
    CHECK(log.records().empty());
}

TEST_CASE("a writer killed at any moment leaves a file that reads without a problem") {
    const Folder folder;
    const auto path = folder.path / "undo";
    for (int round = 0; round < 20; ++round) {
        int ready[2];
        REQUIRE(::pipe(ready) == 0);
        const pid_t child = ::fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            io::UndoLog log{path};
            for (char c = 0;; ++c) {
                log.record(wg0);
                log.record(wg1);
                if (c == static_cast<char>(round)) (void)!::write(ready[1], "x", 1);
                log.forget("link", "wg1/8");
            }
        }
        char byte = 0;
        CHECK(::read(ready[0], &byte, 1) == 1);
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
        ::close(ready[0]);
        ::close(ready[1]);
        const io::UndoLog after{path};
        CHECK_FALSE(after.problem());
        REQUIRE_FALSE(after.records().empty());
        CHECK(after.records().front() == wg0);
    }
}
