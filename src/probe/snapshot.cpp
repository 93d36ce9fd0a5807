#include "probe/snapshot.hpp"

#include <array>
#include <span>

#include "probe/archive.hpp"

// Each names every member: one that is added to the type does not compile until it is added here, and to
// Store::version.
namespace bfd {

template <class A, probe::Either<Parameters> T>
void fields(A& archive, T& value) {
    auto& [tx, rx, multiplier, passive, independent, admin_down, back_off, trust_data] = value;
    archive(tx, rx, multiplier, passive, independent, admin_down, back_off, trust_data);
}

template <class A, probe::Either<Status> T>
void fields(A& archive, T& value) {
    auto& [state, remote_state, diagnostic, remote_diagnostic, remote_multiplier, independent, demand, heard, up, local,
           remote, tx, rx, detection, remote_tx, remote_rx, remote_echo] = value;
    archive(state, remote_state, diagnostic, remote_diagnostic, remote_multiplier, independent, demand, heard, up,
            local, remote, tx, rx, detection, remote_tx, remote_rx, remote_echo);
}

template <class A, probe::Either<Packet> T>
void fields(A& archive, T& value) {
    auto& [diagnostic, state, poll, final, independent, demand, multiplier, mine, yours, tx, rx, echo] = value;
    archive(diagnostic, state, poll, final, independent, demand, multiplier, mine, yours, tx, rx, echo);
}

template <class A, probe::Either<Snapshot> T>
void fields(A& archive, T& value) {
    auto& [parameters, status, received, sent, next, grace, late, quiet, first_poll, last_poll, settled, jitter, slow,
           told_tx, told_rx, polled_tx, polled_rx, told, told_once, polling, poll_sent, poll_queued, extended, vouched,
           revision] = value;
    archive(parameters, status, received, sent, next, grace, late, quiet, first_poll, last_poll, settled, jitter, slow,
            told_tx, told_rx, polled_tx, polled_rx, told, told_once, polling, poll_sent, poll_queued, extended, vouched,
            revision);
}

}  // namespace bfd

namespace probe {
namespace {

bool is_possible(const bfd::Snapshot& s) {
    const auto& wish = s.parameters;
    return wish.detect_mult != 0 && wish.desired_min_tx.count() != 0 && wish.required_min_rx.count() != 0 &&
           s.status.state <= bfd::State::up && s.status.remote_state <= bfd::State::up &&
           s.status.local_discriminator.value != 0 && s.status.detection_time >= base::Duration{} &&
           s.status.tx_interval.count() != 0;
}

}  // namespace

void keep(Slot& slot) {
    if (!slot.record) return;
    std::array<std::byte, 256> bytes;
    Writer out{bytes};
    out(slot.id.generation, slot.session.snapshot());
    if (out.ok()) slot.record.write(out.bytes());
}

std::optional<Kept> decode_kept(base::Bytes payload) {
    Kept out;
    Reader in{payload};
    in(out.generation, out.snapshot);
    if (!in.done() || out.generation == 0 || !is_possible(out.snapshot)) return std::nullopt;
    return out;
}

}  // namespace probe
