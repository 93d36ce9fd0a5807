// How a worker takes over from the one before, and gives way to the next: its peers, FRR and BIRD notice neither.
#include <unistd.h>

#include <array>
#include <span>
#include <stdexcept>
#include <system_error>

#include <boost/asio/post.hpp>

#include "daemon/worker.hpp"
#include "probe/archive.hpp"

namespace frr {

template <class A, probe::Either<StateMessage> T>
void fields(A& archive, T& value) {
    auto& [lid, remote, independent, demand, tx, rx, echo, state, diagnostic, multiplier] = value;
    archive(lid, remote, independent, demand, tx, rx, echo, state, diagnostic, multiplier);
}

template <class A, probe::Either<DataplaneMemory> T>
void fields(A& archive, T& value) {
    auto& [lid, connection, shutdown, was_up, told] = value;
    archive(lid, connection, shutdown, was_up, told);
}

}  // namespace frr

namespace wgbfd {
namespace {

using namespace std::chrono_literals;

constexpr auto claimed_within = 5s;
constexpr const char* memory_name = "memory";
constexpr const char* bfdd_name = "bfdd ";
// Keys of what is kept of bfdd: lids as they are, connections above them.
constexpr std::uint64_t connection_key = std::uint64_t{1} << 32;

// "bfdd ID ADDRESS"
std::string name_of(frr::ConnectionId id, const std::string& address) {
    return bfdd_name + std::to_string(id) + " " + address;
}

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

void Worker::recall_bfdd(base::Bytes before) {
    for (const auto& [place, payload] : probe::Store::all(before, probe::Shelf::bfdd)) {
        std::uint64_t key = 0;
        probe::Reader in{payload};
        in(key);
        if (key >= connection_key) {
            in(bfdd_rests_[key - connection_key]);
        } else if (frr::DataplaneMemory memory; (in(memory), in.done())) {
            bfdd_memory_.push_back(memory);
        }
    }
}

frr::DataplaneInheritance Worker::inherited_bfdd(const std::string& address) {
    frr::DataplaneInheritance out;
    for (const auto& name : keeper_.left(bfdd_name)) {
        const auto space = name.find(' ', std::char_traits<char>::length(bfdd_name));
        if (space == std::string::npos || name.substr(space + 1) != address) continue;
        const auto id = std::stoull(name.substr(std::char_traits<char>::length(bfdd_name)));
        const auto rest = std::as_bytes(std::span{bfdd_rests_[id]});
        out.connections.push_back({.id = id, .fd = keeper_.take(name), .rest = {rest.begin(), rest.end()}});
    }
    if (!out.connections.empty()) out.sessions = std::exchange(bfdd_memory_, {});
    out.stamp = static_cast<std::uint64_t>(clock_now().steady.time_since_epoch().count());
    for (const auto& session : out.sessions) keep_bfdd(session.lid, &session);
    for (const auto& connection : out.connections) keep_rest(connection.id, connection.rest);
    return out;
}

void Worker::keep_bfdd(std::uint32_t lid, const frr::DataplaneMemory* memory) {
    if (memory == nullptr) return kept_bfdd_.erase(lid);
    std::array<std::byte, 128> bytes;
    probe::Writer out{bytes};
    out(std::uint64_t{lid}, *memory);
    if (out.ok()) kept_bfdd_.put(lid, out.bytes());
}

void Worker::keep_rest(frr::ConnectionId id, base::Bytes rest) {
    if (rest.empty()) return kept_bfdd_.erase(connection_key + id);
    std::array<std::byte, 128> bytes;
    probe::Writer out{bytes};
    out(connection_key + id, std::string(reinterpret_cast<const char*>(rest.data()), rest.size()));
    if (out.ok()) kept_bfdd_.put(connection_key + id, out.bytes());
}

void Worker::keep_bfdd(frr::BfdDataplaneCallbacks& callbacks) {
    callbacks.on_open = [this, address = *controller_.config().frr.bfd_dataplane](frr::ConnectionId id, int fd) {
        fd >= 0 ? keeper_.keep(name_of(id, address), fd) : keeper_.drop(name_of(id, address));
    };
    callbacks.on_rest = [this](frr::ConnectionId id, base::Bytes rest) { keep_rest(id, rest); };
    callbacks.on_change = [this](std::uint32_t lid, const frr::DataplaneMemory* memory) { keep_bfdd(lid, memory); };
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
    ::_exit(0);
}

}  // namespace wgbfd
