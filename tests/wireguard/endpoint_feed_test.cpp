// The feed `endpoint` before a job runner that the test plays: what is recorded while a change is under way, and what a
// stop waits for.
#include <doctest/doctest.h>

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "io/job.hpp"
#include "io/jobs.hpp"
#include "io/undo_log.hpp"
#include "wireguard/endpoint_feed.hpp"
#include "wireguard/endpoint_jobs.hpp"

using namespace std::chrono_literals;

namespace {

base::Endpoint endpoint(const char* address) { return {*base::IpAddress::parse(address), 51820}; }

const auto first = endpoint("192.0.2.1"), second = endpoint("198.51.100.1"), third = endpoint("203.0.113.1");

struct Bench {
    Bench() {
        std::array<int, 2> ends{};
        REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) == 0);
        runner = base::UniqueFd{ends[1]};
        jobs.emplace(context, base::UniqueFd{ends[0]});
        std::filesystem::remove(path);
        undo.emplace(path);
        adjacency.name = "to-b";
        adjacency.interface = "wg0";
        adjacency.peer.bytes.fill(0xab);
        peer.key = adjacency.peer;
        peer.endpoint = first;
        peer.latest_handshake = now.wall - 10s;
        feed.emplace(
            context, *jobs, *undo, [this] { return now; },
            wireguard::EndpointFeed::Handlers{[] { return std::vector<policy::Wanted>{}; }, [](const std::string&) {},
                                              [](const std::string&) {}});
        feed->configure(with_endpoints());
    }
    wireguard::EndpointSettings with_endpoints() const {
        wireguard::EndpointSettings settings;
        for (const auto& one : {first, second, third})
            settings.places[{"wg0", adjacency.peer}].push_back({to_string(one.address), one.port, one.address});
        return settings;
    }
    ~Bench() { std::filesystem::remove(path); }

    void look(base::TimePoint begun) {
        peer.key = adjacency.peer;
        feed->on_look(begun, {base::IfIndex{7}, "wg0", 51820, {peer}});
    }
    void see(bool up) {
        look(now.steady);
        judge(up);
    }
    void judge(bool up) {  // without a look at WireGuard
        policy::Wanted wanted{{}, adjacency, {}};
        wanted.session.probed = wanted.session.ever_up = true;
        wanted.session.up = up;
        wanted.peer = &peer;
        feed->apply(std::span{&wanted, 1});
    }
    // The next job that was asked for; none within the time: nothing was.
    std::optional<io::RunJob> asked(std::chrono::milliseconds within = 2s) {
        std::array<std::byte, 4096> buffer{};
        for (const auto until = std::chrono::steady_clock::now() + within; std::chrono::steady_clock::now() < until;) {
            const auto n = ::recv(runner.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
            if (n > 0) {
                const auto request = io::decode_request(std::span{buffer}.first(static_cast<std::size_t>(n)));
                REQUIRE(request);
                if (const auto* run = std::get_if<io::RunJob>(&*request)) return *run;
                cancelled = true;
            }
            turn();
        }
        return std::nullopt;
    }
    void answer(const io::RunJob& job, const char* word, int status = 0) { end(job, io::JobEnd::exited, word, status); }
    void end(const io::RunJob& job, io::JobEnd how, const char* word = "", int status = 0) {
        const auto bytes = io::encode(io::JobReport{job.id, {how, status, word, false}});
        REQUIRE(::send(runner.get(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
        for (int i = 0; i < 5; ++i) turn();
    }
    void turn() {
        context.restart();
        context.run_one_for(5ms);
    }
    // Down at the first endpoint: the second is under way.
    io::RunJob first_change() {
        see(true);
        see(false);
        const auto job = asked();
        REQUIRE(job);
        CHECK(job->job.kind == wireguard::change_job);
        CHECK(job->job.arguments[2] == to_string(second));
        return *job;
    }
    // Up at the second for longer than fail_back: the first is tried.
    io::RunJob trial() {
        peer.endpoint = second;
        see(true);
        now.steady += 6min;
        see(true);
        const auto job = asked();
        REQUIRE(job);
        CHECK(job->job.kind == wireguard::trial_job);
        return *job;
    }
    // Once that change is done.
    io::RunJob asked_to_put_back_after(const io::RunJob& change) {
        answer(change, wireguard::did);
        const auto revert = asked();
        REQUIRE(revert);
        CHECK(revert->job.kind == wireguard::revert_job);
        CHECK(revert->job.arguments[1] == to_string(first));
        CHECK(revert->job.arguments[2] == to_string(second));
        return *revert;
    }
    std::string ours() const {
        const auto records = undo->records(wireguard::endpoint_feed);
        return records.size() == 1 ? records[0].ours : "";
    }

    boost::asio::io_context context{1};
    base::Now now{base::TimePoint{1h}, base::WallTime{100h}};
    base::UniqueFd runner;
    std::filesystem::path path =
        std::filesystem::temp_directory_path() / ("wgbfd-endpoint-feed-" + std::to_string(::getpid()));
    std::optional<io::Jobs> jobs;
    std::optional<io::UndoLog> undo;
    std::optional<wireguard::EndpointFeed> feed;
    adjacency::Adjacency adjacency;
    adjacency::Peer peer;
    bool cancelled = false, withdrawn = false;
};

}  // namespace

TEST_CASE("while a change is under way its record names what may stand: the endpoint before, and the one that comes") {
    Bench bench;
    const auto change = bench.first_change();
    CHECK(bench.ours() == to_string(second));
    bench.peer.endpoint = second;
    bench.answer(change, wireguard::did);
    CHECK(bench.ours() == to_string(second));
    bench.now.steady += 3s;
    bench.see(false);
    const auto next = bench.asked();
    REQUIRE(next);
    CHECK(next->job.arguments[2] == to_string(third));
    CHECK(bench.ours() == to_string(second) + " " + to_string(third));
    SUBCASE("done: the one that came") {
        bench.answer(*next, wireguard::did);
        CHECK(bench.ours() == to_string(third));
    }
    SUBCASE("it fails, maybe after it has begun: either") {
        bench.answer(*next, "WG_CMD_SET_DEVICE: Connection timed out", 1);
        CHECK(bench.ours() == to_string(second) + " " + to_string(third));
    }
    SUBCASE("left: the one before") {
        bench.answer(*next, wireguard::left);
        CHECK(bench.ours() == to_string(second));
    }
    REQUIRE(bench.undo->records().size() == 1);
    CHECK(bench.undo->records().front().before == to_string(first));
}

TEST_CASE("a stop lets the change that is under way end, then puts back") {
    Bench bench;
    const auto change = bench.first_change();
    bench.feed->withdraw_all([&] { bench.withdrawn = true; });
    CHECK(!bench.asked(50ms));
    CHECK(!bench.cancelled);
    CHECK(!bench.withdrawn);
    SUBCASE("it is done") {
        const auto revert = bench.asked_to_put_back_after(change);
        CHECK(!bench.withdrawn);
        bench.answer(revert, wireguard::did);
    }
    SUBCASE("it left what stood there: nothing is to be put back") { bench.answer(change, wireguard::left); }
    CHECK(bench.withdrawn);
    CHECK(bench.undo->records().empty());
}

TEST_CASE("a reload without its endpoints lets the change that is under way end, then puts back") {
    Bench bench;
    const auto change = bench.first_change();
    bench.feed->configure({});
    bench.feed->apply({});
    CHECK(!bench.asked(50ms));
    CHECK(!bench.cancelled);
    SUBCASE("it is done") {
        const auto revert = bench.asked_to_put_back_after(change);
        SUBCASE("") { bench.answer(revert, wireguard::did); }
        SUBCASE("and endpoints that come back wait for its end") {
            bench.feed->configure(bench.with_endpoints());
            bench.now.steady += 1s;
            bench.see(true);
            bench.see(false);
            CHECK(!bench.asked(50ms));
            bench.answer(revert, wireguard::did);
            const auto again = bench.asked();
            REQUIRE(again);
            CHECK(again->job.kind == wireguard::change_job);
            return;
        }
    }
    SUBCASE("it left what stood there: nothing is to be put back") { bench.answer(change, wireguard::left); }
    CHECK(!bench.asked(50ms));
    CHECK(bench.undo->records().empty());
    CHECK(bench.feed->is_clear());
}

TEST_CASE("a record is forgotten where what stood before us stands again, by a look that began after our last change") {
    Bench bench;
    bench.now.steady += 1min;
    const auto change = bench.first_change();
    const auto asked_at = bench.now.steady;
    bench.now.steady += 20ms;
    bench.answer(change, wireguard::did);
    bench.judge(true);  // up before WireGuard was looked at again: `first` is old news
    CHECK(bench.ours() == to_string(second));
    bench.look(asked_at + 10ms);
    CHECK(bench.ours() == to_string(second));
    bench.peer.endpoint = second;
    bench.see(true);
    bench.look(bench.now.steady += 50ms);
    CHECK(bench.ours() == to_string(second));
    bench.peer.endpoint = first;
    bench.look(bench.now.steady += 3s);
    CHECK(bench.undo->records().empty());
}

TEST_CASE("a trial that ends in vain, of this worker or of a killed one, leaves the record") {
    Bench bench;
    bench.undo->record(
        {wireguard::endpoint_feed, "wg0 " + to_base64(bench.adjacency.peer), to_string(first), to_string(second)});
    bench.peer.endpoint = first;  // for the time of the killed worker's trial
    bench.see(true);
    bench.look(bench.now.steady += 300ms);
    CHECK(bench.ours() == to_string(second));
    const auto trial = bench.trial();
    const auto during = bench.now.steady += 100ms;
    bench.peer.endpoint = first;
    bench.look(during);
    bench.see(true);
    bench.now.steady += 300ms;
    bench.answer(trial, wireguard::left);
    bench.look(during);
    bench.see(true);
    CHECK(bench.ours() == to_string(second));
    bench.look(bench.now.steady += 1s);
    CHECK(bench.undo->records().empty());
}

TEST_CASE("a trial that is cut short may stand where it tried: what stood before is put back") {
    Bench bench;
    const auto trial = bench.trial();
    bench.peer.endpoint = first;
    bench.look(bench.now.steady += 100ms);
    bench.end(trial, io::JobEnd::timed_out);
    const auto back = bench.asked();
    REQUIRE(back);
    CHECK(back->job.kind == wireguard::change_job);
    CHECK(back->job.arguments[2] == to_string(second));
    CHECK(back->job.arguments[3] == "keep");
}

TEST_CASE("what WireGuard shows amid a trial in vain makes nobody try again at once") {
    Bench bench;
    const auto trial = bench.trial();
    bench.peer.endpoint = first;
    const auto during = bench.now.steady += 100ms;
    bench.see(true);
    bench.now.steady += 300ms;
    bench.answer(trial, wireguard::left);
    bench.look(during);
    bench.judge(true);
    bench.peer.endpoint = second;
    bench.now.steady += 50ms;
    bench.see(true);
    bench.now.steady += 1s;
    bench.see(true);
    CHECK(!bench.asked(50ms));
}

TEST_CASE("a trial that is answered is not made again before WireGuard is looked at") {
    Bench bench;
    const auto trial = bench.trial();
    bench.answer(trial, wireguard::did);
    bench.now.steady += 1s;
    bench.judge(true);
    CHECK(!bench.asked(50ms));
}
