#include "control/memory.hpp"

#include <map>

#include "probe/archive.hpp"
#include "probe/snapshot.hpp"
#include "probe/store.hpp"

// Each names every member: one that is added to the type does not compile until it is added here, and to
// Store::version.
namespace bfd {

template <class A, probe::Either<SessionKey> T>
void fields(A& archive, T& value) {
    auto& [ifindex, local, remote, multihop] = value;
    archive(ifindex, local, remote, multihop);
}

template <class A, probe::Either<SessionRequest> T>
void fields(A& archive, T& value) {
    auto& [tx, rx, multiplier, passive, independent, shutdown, ttl] = value;
    archive(tx, rx, multiplier, passive, independent, shutdown, ttl);
}

}  // namespace bfd

namespace adjacency {

template <class A, probe::Either<PublicKey> T>
void fields(A& archive, T& value) {
    archive(value.bytes);
}

template <class A, probe::Either<Addresses> T>
void fields(A& archive, T& value) {
    auto& [local, remote, source] = value;
    archive(local, remote, source);
}

template <class A, probe::Either<Neighbor> T>
void fields(A& archive, T& value) {
    auto& [interface, local, remote, direct, heard] = value;
    archive(interface, local, remote, direct, heard);
}

}  // namespace adjacency

namespace policy {

template <class A, probe::Either<Verdict> T>
void fields(A& archive, T& value) {
    auto& [state, cause, cost, base_cost] = value;
    archive(state, cause, cost, base_cost);
}

}  // namespace policy

namespace control {

template <class A, probe::Either<SessionMemory> T>
void fields(A& archive, T& value) {  // but for the snapshot
    archive(value.generation, value.key, value.minimum_ttl, value.source_port, value.judged_from, value.since,
            value.down_cause, value.counters);
}

template <class A, probe::Either<AdjacencyMemory> T>
void fields(A& archive, T& value) {
    auto& [interface, peer, name, ifindex, addresses, handshake, seen, present, was_up, up_on, down_cause, path,
           verdict, live, counts_as_down, since] = value;
    archive(interface, peer, name, ifindex, addresses, handshake, seen, present, was_up, up_on, down_cause, path,
            verdict, live, counts_as_down, since);
}

template <class A, probe::Either<BfddRequest> T>
void fields(A& archive, T& value) {
    auto& [lid, ifindex, interface, local, remote, multihop, wish] = value;
    archive(lid, ifindex, interface, local, remote, multihop, wish);
}

template <class A, probe::Either<Lid> T>
void fields(A& archive, T& value) {
    auto& [request, key, by_route, stale] = value;
    archive(request, key, by_route, stale);
}

template <class A, probe::Either<UnsolicitedSession> T>
void fields(A& archive, T& value) {
    auto& [key, ends] = value;
    archive(key, ends);
}

namespace {

constexpr std::size_t short_record = 768, long_record = 64UL << 10;  // bytes, no less than any shelf's

template <class T>
std::optional<T> read(base::Bytes payload) {
    T out;
    probe::Reader in{payload};
    in(out);
    return in.done() ? std::optional{std::move(out)} : std::nullopt;
}

bool is_possible(const SessionMemory& session) {
    const auto& key = session.key;
    return key.local.is_set() && key.remote.is_set() && key.local.family == key.remote.family &&
           session.source_port >= probe::first_source_port;
}

bool is_possible(const AdjacencyMemory& adjacency) {
    return !adjacency.interface.empty() && (!adjacency.addresses || adjacency.addresses->remote.is_set()) &&
           adjacency.verdict.state <= policy::VerdictState::admin_down;
}

// What the probe thread knows and what the control thread knows of a session name the same slot and generation.
std::vector<SessionMemory> read_sessions(base::Bytes store) {
    std::map<std::uint32_t, probe::Kept> kept;
    for (const auto& [place, payload] : probe::Store::all(store, probe::Shelf::sessions))
        if (const auto one = probe::decode_kept(payload)) kept.emplace(place, *one);
    std::vector<SessionMemory> out;
    for (const auto& [place, payload] : probe::Store::all(store, probe::Shelf::managed)) {
        const auto found = kept.find(place);
        auto session = read<SessionMemory>(payload);
        if (!session || found == kept.end() || found->second.generation != session->generation) continue;
        if (!is_possible(*session)) continue;
        session->snapshot = found->second.snapshot;
        out.push_back(std::move(*session));
    }
    return out;
}

}  // namespace

CounterValues values_of(const probe::SlotCounters& c) {
    return {c.packets_sent.value(),  c.packets_received.value(),
            c.bytes_sent.value(),    c.bytes_received.value(),
            c.ups.value(),           c.downs.value(),
            c.send_failures.value(), c.last_send_errno.value(),
            c.refused.value(),       c.extended.value(),
            c.vouched.value()};
}

void set(probe::SlotCounters& c, const CounterValues& values) {
    auto value = values.begin();
    for (auto* const counter : {&c.packets_sent, &c.packets_received, &c.bytes_sent, &c.bytes_received, &c.ups,
                                &c.downs, &c.send_failures, &c.last_send_errno, &c.refused, &c.extended, &c.vouched})
        counter->set(*value++);
}

Memory read_memory(base::Bytes store) {
    Memory out;
    out.sessions = read_sessions(store);
    for (const auto& [place, payload] : probe::Store::all(store, probe::Shelf::adjacencies))
        if (auto one = read<AdjacencyMemory>(payload); one && is_possible(*one))
            out.adjacencies.push_back(std::move(*one));
    for (const auto& [place, payload] : probe::Store::all(store, probe::Shelf::lids))
        if (auto one = read<Lid>(payload); one && one->request.remote.is_set() && one->request.wish.detect_mult != 0)
            out.lids.push_back(std::move(*one));
    for (const auto& [place, payload] : probe::Store::all(store, probe::Shelf::host)) {
        if (place == neighbors_place)
            out.neighbors = read<std::vector<adjacency::Neighbor>>(payload).value_or(out.neighbors);
        if (place == unsolicited_place) out.unsolicited = read<UnsolicitedMemory>(payload).value_or(out.unsolicited);
    }
    return out;
}

template <class T>
base::Bytes MemoryWriter::write(const T& value, std::size_t room) {
    if (bytes_.size() < room) bytes_.resize(room);
    probe::Writer out{bytes_};
    out(value);
    return out.ok() ? out.bytes() : base::Bytes{};
}

base::Bytes MemoryWriter::operator()(const SessionMemory& session) { return write(session, short_record); }
base::Bytes MemoryWriter::operator()(const AdjacencyMemory& adjacency) { return write(adjacency, short_record); }
base::Bytes MemoryWriter::operator()(const Lid& lid) { return write(lid, short_record); }
base::Bytes MemoryWriter::operator()(const UnsolicitedMemory& all) { return write(all, long_record); }
base::Bytes MemoryWriter::operator()(const std::vector<adjacency::Neighbor>& all) { return write(all, long_record); }

}  // namespace control
