#include "daemon/run_dir.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <fstream>
#include <system_error>

#include "folder.hpp"
#include "support/private_net.hpp"

using wgbfd::RunDir;
namespace fs = std::filesystem;

namespace {

control::WasUp was_up(const char* interface, const char* remote) {
    const auto address = base::IpAddress::parse(remote).value();
    return {interface, {}, base::IpAddress::parse(address.is_v4() ? "10.8.0.1" : "fe80::1").value(), address};
}

}  // namespace

TEST_CASE("the run directory is made with its parents, and again without complaint") {
    const Folder folder;
    const RunDir run{folder.path / "a/b"};
    run.create();
    run.create();
    CHECK(fs::is_directory(folder.path / "a/b"));
}

TEST_CASE("a run directory that cannot be made fails with its name") {
    const Folder folder;
    std::ofstream{folder.path / "file"} << "x";
    CHECK_THROWS_WITH_AS(RunDir{folder.path / "file/run"}.create(), doctest::Contains("file/run"), std::system_error);
}

TEST_CASE("one daemon holds the lock, a second is refused, and the next one gets it when the first has let go") {
    const Folder folder;
    const RunDir run{folder.path};
    auto first = run.try_lock();
    REQUIRE(first);
    CHECK(!run.try_lock());
    first.reset();
    CHECK(run.try_lock());
}

TEST_CASE("the lock is its holder's, not the file's: a file left by a killed daemon does not hold it") {
    const Folder folder;
    std::ofstream{folder.path / "lock"} << "left over";
    CHECK(RunDir{folder.path}.try_lock());
}

TEST_CASE("no run directory: the lock fails rather than being granted") {
    const Folder folder;
    CHECK_THROWS_AS(static_cast<void>(RunDir{folder.path / "none"}.try_lock()), std::system_error);
}

TEST_CASE("who may not write there is told to be root") {
    if (!support::is_root()) return;
    const Folder folder;  // root's alone
    REQUIRE(::seteuid(65534) == 0);
    CHECK_THROWS_WITH_AS(RunDir{folder.path / "run"}.create(), doctest::Contains("as root"), std::system_error);
    CHECK_THROWS_WITH_AS(static_cast<void>(RunDir{folder.path}.try_lock()), doctest::Contains("as root"),
                         std::system_error);
    REQUIRE(::seteuid(0) == 0);
}

TEST_CASE("the lock can be had where nothing can be written any more: undo needs it there") {
    if (!support::is_root()) return;
    const support::PrivateNet net;
    const RunDir run{"/run"};
    REQUIRE(run.try_lock());
    support::sh("mount -o remount,ro /run");
    CHECK(run.try_lock());
}

TEST_CASE("who was up survives, in any number, and empty too") {
    const Folder folder;
    const RunDir run{folder.path};
    CHECK(run.read_were_up().empty());
    const control::WereUp all{was_up("wg0", "10.8.0.2"), was_up("wg0", "fe80::2"), was_up("wg-zürich", "10.9.0.2")};
    run.write_were_up(all);
    CHECK(RunDir{folder.path}.read_were_up() == all);
    CHECK(run.read_drained().empty());
    run.write_drained({"lyon"});
    CHECK(run.read_drained() == std::set<std::string>{"lyon"});
    CHECK(run.read_were_up().size() == 3);
    run.write_were_up({});
    CHECK(run.read_were_up().empty());
    CHECK(!fs::exists(folder.path / "were-up.new"));
}

TEST_CASE("what cannot be written leaves what stood there, and is told") {
    const Folder folder;
    const RunDir run{folder.path};
    run.write_were_up({was_up("wg0", "10.8.0.2")});
    fs::create_directory(folder.path / "were-up.new");  // in the way of the temporary file, for root too
    CHECK_THROWS_AS(run.write_were_up({was_up("wg1", "10.8.0.2")}), std::system_error);
    CHECK(run.read_were_up() == control::WereUp{was_up("wg0", "10.8.0.2")});
}

TEST_CASE("a corrupt list is read as far as it goes: lines that name nobody do no harm") {
    const Folder folder;
    std::ofstream{folder.path / "drained"} << "paris\n\n" << std::string{"\0\xff\x01", 3} << "\nlyon";
    const auto names = RunDir{folder.path}.read_drained();
    CHECK(names.contains("paris"));
    CHECK(names.contains("lyon"));
    CHECK(!names.contains(""));
    const auto good = to_string(was_up("wg0", "10.8.0.2"));
    std::ofstream{folder.path / "were-up"} << "paris\nwg0/AbCdEfGh\n" << good << "\n\n" << good << " more\nwg0 key 1 2";
    CHECK(RunDir{folder.path}.read_were_up() == control::WereUp{was_up("wg0", "10.8.0.2")});
}
