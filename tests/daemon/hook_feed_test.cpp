// The feed `hook`: what it runs, when, and what it remembers. The commands are real ones.
#include <doctest/doctest.h>

#include <sys/socket.h>

#include <array>
#include <chrono>
#include <deque>
#include <filesystem>
#include <fstream>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include <nlohmann/json.hpp>

#include "daemon/folder.hpp"
#include "daemon/hook_feed.hpp"
#include "io/job.hpp"
#include "io/job_runner.hpp"

using namespace std::chrono_literals;
using policy::Cause;
using policy::VerdictState;

namespace {

struct Bench {
    explicit Bench(const std::string& script = R"(echo "$WGBFD_NAME $WGBFD_FROM>$WGBFD_STATE $WGBFD_CAUSE" >>"$0")",
                   std::uint32_t at_most = 4) {
        config.hook.command = {"/bin/sh", "-c", script, (folder.path / "said").string()};
        config.hook.at_most = at_most;
        start();
    }
    void start() {
        feed.reset();
        jobs.emplace(context, io::start_job_runner({}));
        feed.emplace(
            context, *jobs, folder.path,
            [] {
                return base::Now{std::chrono::steady_clock::now(), std::chrono::system_clock::now()};
            },
            [this](const std::string& note) { notes.push_back(note); }, 20ms);
        feed->configure(config);
    }
    void apply(const std::vector<std::pair<std::string, policy::Verdict>>& verdicts) {
        adjacencies.clear();
        std::vector<policy::Wanted> all;
        for (const auto& [name, verdict] : verdicts) {
            auto& adjacency = adjacencies.emplace_back();
            adjacency.id = adjacency::AdjacencyId{static_cast<std::uint32_t>(adjacencies.size())};
            adjacency.name = name;
            adjacency.interface = "wg0";
            all.push_back({.id = adjacency.id, .adjacency = adjacency, .verdict = verdict});
        }
        feed->apply(all);
    }
    void until(std::size_t runs) {
        while (notes.size() < runs) context.run_one_for(20s);
    }
    std::vector<std::string> said() const {
        std::vector<std::string> out;
        std::ifstream in{folder.path / "said"};
        for (std::string line; std::getline(in, line);) out.push_back(line);
        return out;
    }
    Folder folder;
    boost::asio::io_context context{1};
    config::Config config;
    std::deque<adjacency::Adjacency> adjacencies;
    std::vector<std::string> notes;
    std::optional<io::Jobs> jobs;
    std::optional<wgbfd::HookFeed> feed;
};

const policy::Verdict unknown{VerdictState::unknown, Cause::never_up}, up{VerdictState::up, {}},
    down{VerdictState::down, Cause::detect_timeout};

}  // namespace

TEST_CASE("a hook runs once for each verdict, and not for what is not known yet") {
    Bench bench;
    bench.apply({{"b", unknown}});
    bench.apply({{"b", up}});
    bench.apply({{"b", up}});
    bench.until(1);
    bench.apply({{"b", {VerdictState::down, Cause::one_way}}});
    bench.apply({{"b", down}});  // a cause alone is not for feeds
    bench.until(2);
    bench.context.poll();
    CHECK(bench.said() == std::vector<std::string>{"b unknown>up ", "b up>down one-way"});
    CHECK(bench.notes[1] == "hook adjacency=b state=down");
    const auto status = bench.feed->status();
    CHECK(status.healthy);
    REQUIRE(status.told.size() == 1);
    CHECK(status.told[0].told == "down");
}

TEST_CASE("what changes while a hook runs is coalesced to the latest") {
    Bench bench{R"(read in; echo "$WGBFD_STATE" >>"$0"; while [ ! -e "$0.go" ]; do sleep 0.01; done)"};
    bench.apply({{"b", up}});
    for (int i = 0; i < 5; ++i) {
        bench.apply({{"b", down}});
        bench.apply({{"b", up}});
    }
    bench.apply({{"b", down}});
    std::ofstream{bench.folder.path / "said.go"};
    bench.until(2);
    CHECK(bench.said() == std::vector<std::string>{"up", "down"});
}

TEST_CASE("so many run at once and no more, and each has its turn") {
    Bench bench{R"(mkdir "$0.lock" || echo overlap >>"$0"; rmdir "$0.lock"; echo ran >>"$0")", 1};
    bench.apply({{"a", up}, {"b", up}, {"c", up}, {"d", up}});
    bench.until(4);
    CHECK(bench.said() == std::vector<std::string>(4, "ran"));
}

TEST_CASE("a hook that fails, or takes too long, is told, and not run again for that verdict") {
    Bench bench{"echo 'no \"such\" luck'; exit 3"};
    bench.apply({{"b", up}});
    bench.until(1);
    CHECK(bench.notes[0] == "hook adjacency=b state=up problem=\"exit status 3\" said=\"no  such  luck\"");
    CHECK(bench.feed->status().problem == "b: exit status 3: see the log");
    bench.config.hook.command = {"/bin/sleep", "100"};
    bench.config.hook.timeout = 50ms;
    bench.feed->configure(bench.config);
    bench.apply({{"b", down}});
    bench.until(2);
    CHECK(bench.notes[1] == "hook adjacency=b state=down problem=\"not done in time\"");
    bench.apply({{"b", down}});
    bench.context.poll();
    CHECK(bench.notes.size() == 2);
}

TEST_CASE("what it ran for outlives a restart; what a dead worker took along runs again") {
    Bench bench;
    bench.apply({{"b", down}, {"c", up}});
    bench.until(2);
    bench.start();
    bench.apply({{"b", down}, {"c", down}});
    bench.until(3);
    CHECK(bench.said().back() == "c up>down detect-timeout");
    CHECK(bench.said().size() == 3);
    bench.config.hook.command = {"/bin/sleep", "100"};
    bench.feed->configure(bench.config);
    bench.apply({{"b", up}, {"c", down}});  // and the worker dies
    bench.config.hook.command = {"/bin/sh", "-c", "exit 0"};
    bench.start();
    bench.apply({{"b", up}, {"c", down}});
    bench.until(4);
    CHECK(bench.notes[3] == "hook adjacency=b state=up");
}

TEST_CASE("its input is one line of JSON with the verdict") {
    Bench bench{R"(cat >"$0")"};
    bench.apply({{"b", {VerdictState::down, Cause::detect_timeout, 10}}});
    bench.until(1);
    const auto json = nlohmann::json::parse(bench.said().at(0));
    CHECK(json.at("name") == "b");
    CHECK(json.at("state") == "down");
    CHECK(json.at("from") == "unknown");
    CHECK(json.at("cause") == "detect-timeout");
    CHECK(json.at("cost") == 10);
}

TEST_CASE("a stop tells `unknown` to those that were told anything but up, and takes two seconds at most") {
    Bench bench;
    bench.apply({{"a", up}, {"b", down}});
    bench.until(2);
    bool done = false;
    bench.feed->withdraw_all([&] { done = true; });
    while (!done) bench.context.run_one_for(20s);
    CHECK(bench.said().back() == "b down>unknown ");
    CHECK(bench.said().size() == 3);
}

TEST_CASE("a hook that could not be started has not run: it is tried again, which status says, and then is well") {
    Bench bench;
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) == 0);
    bench.jobs.emplace(bench.context, base::UniqueFd{ends[0]});
    const base::UniqueFd runner{ends[1]};
    const auto answer = [&](io::JobEnd end) {
        std::array<std::byte, 4096> buffer{};
        ssize_t n = 0;
        while ((n = ::recv(runner.get(), buffer.data(), buffer.size(), MSG_DONTWAIT)) <= 0)
            bench.context.run_one_for(5ms);
        const auto id = io::id_of_run(std::span{buffer}.first(static_cast<std::size_t>(n)));
        REQUIRE(id);
        const auto bytes = io::encode(io::JobReport{*id, {end, 0, "", false}});
        REQUIRE(::send(runner.get(), bytes.data(), bytes.size(), 0) > 0);
    };
    bench.apply({{"b", down}});
    answer(io::JobEnd::not_started);
    bench.until(1);
    CHECK(bench.notes[0] == "hook adjacency=b state=down problem=\"could not be started, and is tried again\"");
    CHECK(bench.feed->status().problem.find("b: could not be started, and is tried again") != std::string::npos);
    CHECK(bench.feed->status().told.empty());
    CHECK(!std::filesystem::exists(bench.folder.path / "hooks"));
    answer(io::JobEnd::not_started);  // told no more
    answer(io::JobEnd::exited);
    bench.until(2);
    CHECK(bench.notes.size() == 2);
    CHECK(bench.notes[1] == "hook adjacency=b state=down");
    CHECK(bench.feed->status().healthy);
}
