#include "daemon/rp_filters.hpp"

#include <doctest/doctest.h>

#include <fstream>

#include "daemon/folder.hpp"

using quality::ReversePath;

namespace {

struct Proc : Folder {
    void set(const std::string& name, int value) {
        std::filesystem::create_directories(path / name);
        std::ofstream{path / name / "rp_filter"} << value << '\n';
    }
};

}  // namespace

TEST_CASE("strict is 1, by the greater of all and the interface's own; what is gone is forgotten") {
    Proc proc;
    proc.set("all", 0);
    proc.set("wg0", 1);
    proc.set("wg1", 2);
    wgbfd::RpFilters filters{proc.path};
    CHECK(filters.look({"wg0", "wg1", "wg2"}));  // wg2 went in this moment
    CHECK(filters.reverse_paths() == control::ReversePaths{{"wg0", ReversePath::strict}, {"wg1", ReversePath::open}});
    CHECK_FALSE(filters.is_strict("wg2"));
    CHECK_FALSE(filters.look({"wg0", "wg1", "wg2"}));
    proc.set("wg2", 0);
    proc.set("all", 1);
    CHECK(filters.look({"wg0", "wg1", "wg2"}));
    CHECK(filters.reverse_paths().at("wg2") == ReversePath::strict);
    CHECK(filters.reverse_paths().at("wg1") == ReversePath::open);
    std::filesystem::remove_all(proc.path / "wg2");
    CHECK(filters.look({"wg0", "wg1", "wg2"}));
    CHECK_FALSE(filters.reverse_paths().contains("wg2"));
    proc.set("all", 2);
    CHECK(filters.look({"wg0"}));
    CHECK(filters.reverse_paths() == control::ReversePaths{{"wg0", ReversePath::open}});
    proc.set("wg3", 0);
    CHECK(filters.look({"wg3"}));  // instead of the other
    CHECK(filters.reverse_paths() == control::ReversePaths{{"wg3", ReversePath::open}});
}

TEST_CASE("of many so many are read at a time, in turn; one that is asked for is read at once") {
    Proc proc;
    proc.set("all", 0);
    std::set<std::string> names;
    for (int i = 100; i < 100 + 2 * static_cast<int>(wgbfd::RpFilters::at_once) + 1; ++i)
        names.insert("wg" + std::to_string(i));
    for (const auto& name : names) proc.set(name, 1);
    const std::set<std::string_view> all{names.begin(), names.end()};
    wgbfd::RpFilters filters{proc.path};
    CHECK(filters.is_strict(*names.rbegin()));
    CHECK(filters.look(all));
    CHECK(filters.reverse_paths().size() == wgbfd::RpFilters::at_once + 1);
    CHECK(filters.look(all));
    CHECK(filters.reverse_paths().size() == all.size());
    static_cast<void>(filters.look(all));
    proc.set(*names.begin(), 0);
    CHECK(filters.look(all) + filters.look(all) + filters.look(all) == 1);
    CHECK_FALSE(filters.is_strict(*names.begin()));
}
