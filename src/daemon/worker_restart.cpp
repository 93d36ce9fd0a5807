// How a worker takes over from the one before, and gives way to the next: its peers, FRR and BIRD notice neither.
#include <unistd.h>

#include <stdexcept>
#include <system_error>
#include <utility>

#include <boost/asio/post.hpp>

#include "daemon/worker.hpp"

namespace wgbfd {
namespace {

using namespace std::chrono_literals;

constexpr auto claimed_within = 5s;
constexpr const char* memory_name = "memory";

}  // namespace

// True when there was something to go on with.
bool Worker::recall() {
    if (!keeper_.has_guardian()) return false;
    control::Memory left;
    try {
        if (auto fd = keeper_.take(memory_name)) {
            MemoryFile before{std::move(fd)};
            if (!probe::Store::is_readable(before.bytes()))
                log_.write(Level::warning,
                           "restart problem=\"the worker before was of another kind: sessions begin anew\"");
            left = control::read_memory(before.bytes());
            recall_bfdd(before.bytes());
        }
        memory_.emplace(probe::Store::size());
        store_.emplace(memory_->bytes());
        controller_.keep_in(*store_);
        kept_bfdd_.open(*store_, probe::Shelf::bfdd);
    } catch (const std::system_error& error) {
        log_.write(Level::error,
                   std::string{"restart problem=\"nothing is kept for the next worker: "} + error.what() + "\"");
    }
    const bool any = !left.empty();
    if (any) controller_.recall(clock_now(), std::move(left));
    const auto commands = controller_.take_commands();
    pending_.insert(pending_.end(), commands.begin(), commands.end());
    claim_timer_.expires_after(claimed_within);
    claim_timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) keeper_.drop_left();
    });
    return any;
}

// Until all that was recalled is written down anew, the memory of the worker before is the better one.
void Worker::give_memory() {
    if (memory_) keeper_.keep(memory_name, memory_->fd());
}

// Counters, and what came of measuring: once a second, slice by slice.
void Worker::keep_round() {
    if (!memory_ || std::exchange(keeping_, true)) return;
    boost::asio::post(io_, [this] { keep_slice(); });
}

void Worker::keep_slice() {
    keeping_ = controller_.keep_some();
    if (keeping_) boost::asio::post(io_, [this] { keep_slice(); });
}

void Worker::begin_restart() {
    if (!keeper_.has_guardian())
        throw std::runtime_error{"this daemon runs without a guardian (--no-guardian): stop it and start it again"};
    if (stopping_) throw std::runtime_error{"wgbfd is stopping"};
    if (std::exchange(restarting_, true)) return;
    restart_problem_.clear();
    keeper_.tell(Word::restart);
}

nlohmann::json Worker::restart_state() const {
    return {{"restarts", settings_.restarts}, {"problem", restart_problem_}};
}

// The other one is prepared: the less there is to do from here on, the fewer packets wait. Nothing is withdrawn, closed
// or told; what this process holds, the guardian holds as well.
void Worker::give_way() {
    if (stopping_) return;
    log_.write(Level::notice, "gives way");
    flush_commands();
    loop_.stop();
    const auto now = clock_now();
    while (const auto event = loop_.next_event()) controller_.on_event(now, *event);
    controller_.keep_all();
    keeper_.tell_now(Word::yielded);
    static_cast<void>(rest_from_realtime());  // to end takes a while, and the next one has the same priority
    ::_exit(0);
}

}  // namespace wgbfd
