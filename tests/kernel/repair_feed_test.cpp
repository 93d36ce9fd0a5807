// How much the feed repair does in one turn of the control thread, against a kernel of the test's own.
#include <doctest/doctest.h>
#include <stdlib.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string>
#include <system_error>

#include "kernel/group_host.hpp"
#include "kernel/repair_feed.hpp"

using namespace kernel_test;

namespace {

constexpr unsigned count = 50;

// `count` members of one group that fail together, and one that lives.
struct Many {
    Many() {
        for (unsigned i = 0; i <= count; ++i) host.add(i, static_cast<std::uint8_t>(i + 1), {"0.0.0.0/0", "::/0"});
        apply();
        run();
    }
    ~Many() { std::filesystem::remove_all(folder); }
    void fail(VerdictState state) {
        for (unsigned i = 0; i < count; ++i) host.verdict(i).state = state;
        apply();
    }
    void apply() {
        asked = 0;
        const auto all = host.wanted();
        feed.apply(all);
        most = std::max(most, asked);
    }
    // Until nothing is ready (the next look is a second away); how many turns that took.
    unsigned run() {
        unsigned turns = 0;
        for (; turns < 1000 && context.run_one_for(50ms) > 0; ++turns) context.restart();
        context.restart();
        return turns;
    }
    std::size_t redirected() const {
        std::size_t out = 0;
        for (const auto& [index, egress] : kernel)
            out += std::ranges::any_of(egress.ours, [](const auto& f) { return f.to.value != 0; }) ? 1 : 0;
        return out;
    }
    kernel::EgressAccess access() {
        return {
            .read = [this](base::IfIndex index) -> base::Result<kernel::Egress, std::error_code> {
                ++asked;
                if (broken) return tl::unexpected{std::make_error_code(std::errc::io_error)};
                return kernel[index];
            },
            .add_clsact = [this](base::IfIndex index) -> std::error_code {
                kernel[index].qdisc = kernel::EgressQdisc::clsact;
                return {};
            },
            .remove_clsact = [](base::IfIndex) -> std::error_code { return {}; },
            .change = [this](base::IfIndex index, std::span<const std::uint16_t> remove,
                             std::span<const kernel::EgressFilter> add) -> std::error_code {
                ++asked;
                auto& ours = kernel[index].ours;
                const auto stays = [&](const auto& f) { return std::ranges::find(remove, f.number) == remove.end(); };
                if (std::ranges::any_of(ours, [&](const auto& f) { return f.to.value != 0 && stays(f); }))
                    bared |= add.empty() &&
                             !std::ranges::all_of(ours, [&](const auto& f) { return f.to.value != 0 || stays(f); });
                std::erase_if(ours, [&](const auto& f) { return std::ranges::find(remove, f.number) != remove.end(); });
                ours.insert(ours.end(), add.begin(), add.end());
                std::ranges::sort(ours);
                return {};
            },
            .remove_all = [this](base::IfIndex index) -> std::error_code {
                kernel[index].ours.clear();
                return {};
            }};
    }

    static std::filesystem::path fresh_folder() {
        auto name = (std::filesystem::temp_directory_path() / "wgbfd-repair-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) throw std::system_error{errno, std::generic_category(), name};
        return name;
    }

    const std::filesystem::path folder = fresh_folder();
    GroupHost host;
    std::map<base::IfIndex, kernel::Egress> kernel;
    unsigned asked = 0, most = 0;
    bool broken = false;
    bool bared = false;  // what passes was taken away from under a redirect
    base::Now now{base::TimePoint{1h}, base::WallTime{1h}};
    boost::asio::io_context context{1};
    io::UndoLog undo{folder / "undo"};
    kernel::RepairFeed feed{context,
                            undo,
                            {[this] { return now; },
                             [this](std::span<const policy::Wanted>) { return host.links(); },
                             {},
                             [](const adjacency::Adjacency&) { return true; },
                             [this] { apply(); }},
                            access()};
};

}  // namespace

TEST_CASE(
    "fifty interfaces that fail together are redirected in several turns, a few in each, and come back likewise") {
    Many many;
    REQUIRE(many.feed.status().problem.empty());
    many.most = 0;
    many.fail(VerdictState::down);
    CHECK(many.redirected() == 6);
    CHECK(many.run() >= 8);
    CHECK(many.redirected() == count);
    CHECK(many.most <= 12);  // each is read before it is changed
    CHECK(many.feed.status().told.front().told == "redirected to wg50");
    many.most = 0;
    many.fail(VerdictState::up);
    many.run();
    CHECK(many.redirected() == 0);
    CHECK(many.most <= 12);
    many.feed.withdraw_all();
    CHECK(many.feed.is_clear());
    CHECK(std::ranges::all_of(many.kernel, [](const auto& one) { return one.second.ours.empty(); }));
}

TEST_CASE("what cannot be redirected is tried once a second, and keeps nobody waiting") {
    Many many;
    many.broken = true;
    many.fail(VerdictState::down);
    CHECK(many.run() < 50);
    CHECK(many.redirected() == 0);
    CHECK(many.feed.status().told.front().told == "failed");
    many.broken = false;
    many.apply();
    many.run();
    CHECK(many.redirected() == count);
    many.feed.withdraw_all();
}

TEST_CASE("another group that fails adds what must pass, and takes nothing from under a redirect that stands") {
    Many many;
    many.host.add(51, 52, {"0.0.0.0/0"}, VerdictState::up, "rome");
    many.host.add(52, 53, {"0.0.0.0/0"}, VerdictState::up, "rome");
    many.host.peers["wg1"].front().endpoint = {address("192.0.2.9"), 51820};
    many.host.peers["wg52"].front().endpoint = {address("192.0.2.1"), 51820};
    many.host.verdict(0).state = VerdictState::down;
    many.apply();
    many.run();
    const auto passing = [&] {
        return std::ranges::count_if(many.kernel[{10}].ours, [](const auto& f) { return f.to.value == 0; });
    };
    CHECK(passing() == 7);  // the first of them 192.0.2.9
    many.host.verdict(51).state = VerdictState::down;
    many.apply();
    many.run();
    CHECK(many.redirected() == 2);
    CHECK(passing() == 8);
    CHECK_FALSE(many.bared);
    many.feed.withdraw_all();
}

TEST_CASE("what somebody takes away from under a cut is put back within a second, though news never ends") {
    Many many;
    many.host.verdict(0).state = VerdictState::down;
    many.apply();
    many.run();
    REQUIRE(many.redirected() == 1);
    for (auto& [index, egress] : many.kernel) std::erase_if(egress.ours, [](const auto& f) { return f.to.value != 0; });
    for (int i = 0; i < 9; ++i) {
        many.now.steady += 100ms;
        many.apply();
    }
    CHECK(many.redirected() == 0);  // not read each time
    many.now.steady += 100ms;
    many.apply();
    many.run();
    CHECK(many.redirected() == 1);
}
