// The worker and FRR's bfdd: what bfdd asks for, and what of their conversation outlives a worker.
#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <utility>

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

constexpr const char* bfdd_name = "bfdd ";
// Keys of what is kept of bfdd: lids as they are, connections above them.
constexpr std::uint64_t connection_key = std::uint64_t{1} << 32;

// "bfdd ID ADDRESS"
std::string name_of(frr::ConnectionId id, const std::string& address) {
    return bfdd_name + std::to_string(id) + " " + address;
}

// bfdd of later versions allows over an hour; what configuration refuses is clamped here.
bfd::Microseconds clamped(bfd::Microseconds interval) {
    return std::clamp(interval, bfd::Microseconds{config::least_interval},
                      bfd::Microseconds{config::greatest_interval});
}

}  // namespace

frr::BfdDataplaneCallbacks Worker::bfdd_callbacks() {
    frr::BfdDataplaneCallbacks callbacks;
    callbacks.on_add = [this](const frr::AddSession& add) {
        controller_.on_request(clock_now(), {.lid = add.lid,
                                             .ifindex = add.ifindex,
                                             .interface = add.ifname,
                                             .local = add.source,
                                             .remote = add.destination,
                                             .multihop = add.multihop,
                                             .wish = {.desired_min_tx = clamped(add.min_tx),
                                                      .required_min_rx = clamped(add.min_rx),
                                                      .detect_mult = std::max<std::uint8_t>(add.detect_mult, 1),
                                                      .passive = add.passive,
                                                      .control_plane_independent = add.control_plane_independent,
                                                      .shutdown = add.shutdown,
                                                      .minimum_ttl = add.ttl}});
        schedule_turn();
    };
    callbacks.on_delete = [this](std::uint32_t lid) {
        controller_.on_withdraw(clock_now(), lid);
        schedule_turn();
    };
    callbacks.counters = [this](std::uint32_t lid) -> std::optional<frr::Counters> {
        const auto* counters = controller_.counters(lid);
        if (counters == nullptr) return std::nullopt;
        return frr::Counters{counters->bytes_received.value(), counters->packets_received.value(),
                             counters->bytes_sent.value(), counters->packets_sent.value()};
    };
    callbacks.on_gone = [this] {
        controller_.on_bfdd_gone(clock_now());
        schedule_turn();
    };
    callbacks.on_note = [this](const std::string& note) { log_.write(Level::notice, "frr-bfd " + note); };
    callbacks.on_problem = [this](const std::string& problem) {
        if (problem == bfdd_problem_) return;
        bfdd_problem_ = problem;
        log_.write(problem.empty() ? Level::notice : Level::warning, "frr-bfd problem=\"" + problem + "\"");
    };
    return callbacks;
}

void Worker::connect_bfdd() {
    const auto& address = controller_.config().frr.bfd_dataplane;
    bfdd_problem_.clear();
    if (!address) return;
    auto callbacks = bfdd_callbacks();
    keep_bfdd(callbacks);
    auto inheritance = inherited_bfdd(*address);
    const bool anew = inheritance.connections.empty();
    dataplane_ = std::make_unique<frr::BfdDataplane>(io_, *address, std::move(callbacks), std::move(inheritance));
    if (recalled_ && anew) controller_.on_bfdd_gone(clock_now());
}

// A bfdd that is left without a word takes its BGP down 3 s later.
void Worker::change_bfdd() {
    if (leaving_) return;  // what is configured when it has left is connected to then
    if (!dataplane_) return connect_bfdd();
    controller_.on_bfdd_gone(clock_now());
    leaving_ = std::move(dataplane_);
    leaving_->stop([this] {
        boost::asio::post(io_, [this] {
            leaving_.reset();
            if (!stopping_) connect_bfdd();
        });
    });
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

}  // namespace wgbfd
