#include "io/jobs.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <utility>

#include "io/fd_watch.hpp"
#include "io/timer.hpp"

namespace io {
namespace {

constexpr base::Duration again_after = std::chrono::milliseconds{5};

}  // namespace

struct Jobs::State {
    State(boost::asio::io_context& context, base::UniqueFd end)
        : runner{std::move(end)},
          buffer(2 * longest_job_output),
          flush_timer{context, [this] { flush(); }},
          failures{context, [this] { fail(); }} {
        if (runner) watch.emplace(context, runner.get(), [this] { receive(); });
    }

    void receive();
    void flush();
    void lose();
    void lose_up_to(JobId last);
    void fail();

    base::UniqueFd runner;
    std::vector<std::byte> buffer;
    std::map<JobId, OnEnd> running;
    std::deque<std::vector<std::byte>> unsent;
    std::deque<OnEnd> failed;
    JobId next = 1;
    bool lost = false;
    Timer flush_timer, failures;
    std::optional<FdWatch> watch;  // after the descriptor: it goes first
};

Jobs::Jobs(boost::asio::io_context& context, base::UniqueFd runner)
    : state_{std::make_unique<State>(context, std::move(runner))} {}
Jobs::~Jobs() = default;

bool Jobs::is_alive() const { return state_->runner && !state_->lost; }

JobId Jobs::run(const Job& job, OnEnd on_end) {
    auto& s = *state_;
    const auto id = s.next++;
    auto message = encode(RunJob{id, job});
    if (!is_alive() || message.size() > longest_job || job.input.size() > longest_job_input) {
        s.failed.push_back(std::move(on_end));
        s.failures.expire_after({});
        return id;
    }
    s.running.emplace(id, std::move(on_end));
    s.unsent.push_back(std::move(message));
    s.flush();
    return id;
}

void Jobs::cancel(JobId id) {
    auto& s = *state_;
    if (s.running.erase(id) == 0) return;
    s.unsent.push_back(encode(CancelJob{id}));
    s.flush();
}

void Jobs::State::flush() {
    while (runner && !lost && !unsent.empty()) {
        const auto& message = unsent.front();
        const auto n = ::send(runner.get(), message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && (errno == EAGAIN || errno == ENOBUFS)) return flush_timer.expire_after(again_after);
        if (n < 0) return lose();
        unsent.pop_front();
    }
}

void Jobs::State::receive() {
    if (lost) return;
    const auto n = ::recv(runner.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) return lose();
    const auto report = decode_report(std::span{buffer}.first(static_cast<std::size_t>(n)));
    if (!report) return;
    if (report->is_last_lost) return lose_up_to(report->id);
    const auto at = running.find(report->id);
    if (at == running.end()) return;  // it was called off meanwhile
    const auto on_end = std::move(at->second);
    running.erase(at);
    on_end(report->result);
}

void Jobs::State::lose() {
    if (std::exchange(lost, true)) return;
    unsent.clear();
    for (auto& [id, on_end] : running) failed.push_back(std::move(on_end));
    running.clear();
    failures.expire_after({});
}

void Jobs::State::lose_up_to(JobId last) {
    const auto end = running.upper_bound(last);
    for (auto at = running.begin(); at != end; ++at) failed.push_back(std::move(at->second));
    running.erase(running.begin(), end);
    failures.expire_after({});
}

void Jobs::State::fail() {
    if (lost) {  // not before: the watch must not hold what is closed
        watch.reset();
        runner.reset();
    }
    for (auto all = std::exchange(failed, {}); !all.empty(); all.pop_front()) all.front()(JobResult{});
}

}  // namespace io
