// Jobs in child processes: what comes of them, their limits, and that none outlives whoever asked for it.
#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "base/unique_fd.hpp"
#include "io/job_runner.hpp"
#include "io/jobs.hpp"

using namespace std::chrono_literals;
using io::JobEnd;

namespace {

int shout(std::span<const std::string> arguments) {
    const auto text = arguments[0] + "!";
    return ::write(STDOUT_FILENO, text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 3 : 1;
}

int stab(std::span<const std::string>) {
    ::kill(::getppid(), SIGKILL);
    return 0;
}

struct Bench {
    Bench() { jobs.emplace(context, io::start_job_runner({{"shout", shout}, {"stab", stab}})); }
    io::JobResult run(const io::Job& job) {
        std::optional<io::JobResult> result;
        jobs->run(job, [&](const io::JobResult& got) { result = got; });
        CHECK(!result);  // in a turn of its own
        while (!result) context.run_one_for(20s);
        return *result;
    }
    io::JobResult shell(const std::string& script, io::Job job = {}) {
        job.kind = io::exec_job;
        job.arguments = {"/bin/sh", "-c", script};
        return run(job);
    }
    boost::asio::io_context context{1};
    std::optional<io::Jobs> jobs;
};

}  // namespace

TEST_CASE("a job's words and its report cross the socket as they are; what is cut short is refused") {
    const io::RunJob run{7, {"exec", {"/bin/true", ""}, {"A=b"}, std::string("in\0put", 6), 250ms, 99}};
    const auto bytes = io::encode(run);
    const auto back = io::decode_request(bytes);
    REQUIRE(back);
    CHECK(std::get<io::RunJob>(*back).id == 7);
    CHECK(std::get<io::RunJob>(*back).job == run.job);
    for (std::size_t n = 0; n < bytes.size(); ++n) CHECK(!io::decode_request(std::span{bytes}.first(n)));
    const io::JobReport report{9, {JobEnd::killed, -2, "out", true}};
    CHECK(io::decode_report(io::encode(report))->result == report.result);
    auto wrong = io::encode(report);
    wrong[9] = std::byte{99};
    CHECK(!io::decode_report(wrong));
    CHECK(!io::decode_report(bytes));
}

TEST_CASE("a program runs with its input, its environment alone, and both its outputs") {
    Bench bench;
    io::Job job;
    job.input = "said\n";
    job.environment = {"WORD=given"};
    const auto result = bench.shell("read line; echo $line $WORD $HOME; echo oops >&2; exit 4", job);
    CHECK(result.end == JobEnd::exited);
    CHECK(result.status == 4);
    CHECK(result.output == "said given\noops\n");
    const auto none =
        bench.run({.kind = io::exec_job, .arguments = {"/nowhere/at-all"}, .environment = {}, .input = {}});
    CHECK(none.status == 127);
    CHECK(none.output == "/nowhere/at-all: No such file or directory");
}

TEST_CASE("a job of ours runs in a child; one that nobody knows, and a runner that is gone, start nothing") {
    Bench bench;
    CHECK(bench.run({.kind = "shout", .arguments = {"hey"}, .environment = {}, .input = {}}) ==
          io::JobResult{JobEnd::exited, 3, "hey!", false});
    CHECK(bench.run({.kind = "other", .arguments = {}, .environment = {}, .input = {}}).end == JobEnd::not_started);
    bench.jobs.emplace(bench.context, base::UniqueFd{});
    CHECK(!bench.jobs->is_alive());
    CHECK(bench.run({.kind = "shout", .arguments = {"hey"}, .environment = {}, .input = {}}).end ==
          JobEnd::not_started);
}

TEST_CASE("time and output have their limits, and take what a job started along") {
    Bench bench;
    io::Job job;
    job.output_limit = 5;
    const auto chatty = bench.shell("echo 123456789", job);
    CHECK(chatty.output == "12345");
    CHECK(chatty.truncated);
    job.output_limit = 100;
    job.time_limit = 50ms;
    const auto slow = bench.shell("sleep 100 & echo $!; wait", job);
    CHECK(slow.end == JobEnd::timed_out);
    CHECK(!slow.output.empty());
    while (::kill(std::stoi(slow.output), 0) == 0) ::usleep(1000);  // it dies with its group
    const auto killed = bench.shell("kill -9 $$");
    CHECK(killed.end == JobEnd::killed);
    CHECK(killed.status == SIGKILL);
}

TEST_CASE("a job that never stops talking neither holds the runner nor fills it") {
    Bench bench;
    io::Job job;
    job.time_limit = 200ms;
    std::optional<io::JobResult> loud;
    job.kind = io::exec_job;
    job.arguments = {"/bin/sh", "-c", "while :; do echo xxxxxxxxxxxxxxxx; done"};
    bench.jobs->run(job, [&](const io::JobResult& got) { loud = got; });
    CHECK(bench.shell("echo hello").output == "hello\n");
    while (!loud) bench.context.run_one_for(20s);
    CHECK(loud->end == JobEnd::timed_out);
    CHECK(loud->output.size() == 4096);
}

TEST_CASE("whoever asked goes, or calls it off: the job goes too") {
    Bench bench;
    const auto folder = std::filesystem::temp_directory_path() / ("wgbfd-jobs-" + std::to_string(::getpid()));
    std::filesystem::create_directory(folder);
    const auto start = [&](const std::string& name) {
        const auto file = (folder / name).string();
        const auto id =
            bench.jobs->run({.kind = io::exec_job,
                             .arguments = {"/bin/sh", "-c", "echo $$ >$0.new; mv $0.new $0; exec sleep 100", file},
                             .environment = {"PATH=/bin:/usr/bin"},
                             .input = {},
                             .time_limit = 60s},
                            [](const io::JobResult&) { FAIL("nobody is called"); });
        while (!std::filesystem::exists(file)) ::usleep(1000);
        auto* in = std::fopen(file.c_str(), "r");
        int pid = 0;
        REQUIRE(std::fscanf(in, "%d", &pid) == 1);
        std::fclose(in);
        return std::pair{id, pid};
    };
    const auto [off, first] = start("first");
    bench.jobs->cancel(off);
    while (::kill(first, 0) == 0) ::usleep(1000);
    const auto [on, second] = start("second");
    CHECK(::kill(second, 0) == 0);
    bench.jobs.reset();
    while (::kill(second, 0) == 0) ::usleep(1000);
    std::filesystem::remove_all(folder);
}

TEST_CASE("a runner that dies takes its jobs along, says so, and is followed by another") {
    Bench bench;
    for (int i = 0; i < 2; ++i) {
        std::optional<io::JobResult> other, after;
        const auto run = [&](const char* kind, std::vector<std::string> arguments, auto& result) {
            bench.jobs->run({.kind = kind, .arguments = std::move(arguments), .environment = {}, .input = {}},
                            [&](const io::JobResult& got) { result = got; });
        };
        run(io::exec_job, {"/bin/sleep", "100"}, other);
        CHECK(bench.run({.kind = "stab", .arguments = {}, .environment = {}, .input = {}}).end == JobEnd::not_started);
        run("shout", {"hey"}, after);
        while (!other || !after) bench.context.run_one_for(20s);
        CHECK(other->end == JobEnd::not_started);
        CHECK(after->output == "hey!");
        CHECK(bench.jobs->is_alive());
    }
}

TEST_CASE("one job more than there are places waits for one") {
    Bench bench;
    const auto folder = std::filesystem::temp_directory_path() / ("wgbfd-places-" + std::to_string(::getpid()));
    std::filesystem::create_directory(folder);
    const auto door = folder / "door";
    REQUIRE(::mkfifo(door.c_str(), 0600) == 0);
    std::size_t ended = 0, well = 0;
    constexpr std::size_t all = io::most_jobs + 2;
    const auto run = [&](std::size_t i) {
        return bench.jobs->run(
            {.kind = io::exec_job,
             .arguments = {"/bin/sh", "-c", ": >$1; read line <$0", door, folder / std::to_string(i)},
             .environment = {},
             .input = {},
             .time_limit = 60s},
            [&](const io::JobResult& got) {
                ++ended;
                well += got.end == JobEnd::exited ? 1U : 0U;
            });
    };
    const auto begun = [&] {
        return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator{folder}, {})) - 1;
    };
    for (std::size_t i = 0; i < all; ++i) run(i);
    bench.jobs->cancel(run(all));  // before it had a place
    while (begun() < io::most_jobs) bench.context.run_one_for(10ms);
    while (ended < all) {
        const base::UniqueFd open{::open(door.c_str(), O_WRONLY | O_NONBLOCK)};  // whoever reads goes on
        bench.context.run_one_for(10ms);
    }
    CHECK(well == all);
    CHECK(begun() == all);
    std::filesystem::remove_all(folder);
}
