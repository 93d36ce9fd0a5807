#include "probe/engine.hpp"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <utility>

#include "probe/snapshot.hpp"

namespace probe {

namespace {

using namespace std::chrono_literals;

template <class... F>
struct Overloaded : F... {
    using F::operator()...;
};

// Out of room on this host: says nothing about the path.
bool is_shortage(int error) { return error == EAGAIN || error == ENOBUFS || error == ENOMEM; }

// RFC 5881 §3: single hop counts the interface; RFC 5883 §3: multihop does not, and is of a VRF.
base::IfIndex place_of(const Datagram& datagram) { return datagram.multihop ? datagram.vrf : datagram.ifindex; }

}  // namespace

Engine::Engine(std::size_t capacity) : table_{capacity}, deadlines_{capacity} { outbox_.reserve(batch); }

void Engine::on_command(base::TimePoint now, const Command& command) {
    const auto with = [&](SessionId id, auto&& act) {  // a stale id is dropped
        if (auto* const slot = table_.find(id)) act(*slot);
    };
    std::visit(Overloaded{
                   [&](const Add& c) { add(*c.slot); },
                   [&](const Change& c) {
                       with(c.id, [&](Slot& slot) {
                           slot.minimum_ttl = c.minimum_ttl;
                           slot.padding = c.padding;
                           take(slot, slot.session.change(c.parameters, now), now);
                       });
                   },
                   [&](const Nudge& c) {
                       with(c.id, [&](Slot& slot) {
                           slot.session.nudge(now);
                           take(slot, {}, now);
                       });
                   },
                   [&](const Extend& c) {
                       with(c.id, [&](Slot& slot) {
                           if (slot.session.vouch(c.deadline)) slot.counters.vouched.add();
                           take(slot, {}, now);
                       });
                   },
                   [&](const Remove& c) { with(c.id, [&](Slot& slot) { remove(slot, now); }); },
                   [](const Listen&) {},
                   [](const Unlisten&) {},
                   [](const AddGauge&) {},
                   [](const ChangeGauge&) {},
                   [](const NudgeGauge&) {},
                   [](const RemoveGauge&) {},
               },
               command);
}

void Engine::add(Slot& slot) {
    if (!table_.insert(slot)) return events_.tell_removed(slot);  // no room: straight back to its owner
    deadlines_.add(slot, slot.session.deadline());
    keep(slot);
}

// What we stop probing on purpose is no failure of the path: the peer hears AdminDown (RFC 5880 §6.8.16), once.
void Engine::remove(Slot& slot, base::TimePoint now) {
    auto parameters = slot.session.parameters();
    parameters.admin_down = true;
    const auto output = slot.session.change(parameters, now);
    if (output.send && slot.session.status().ever_heard && !outbox_full()) put(slot, *output.send);
    slot.record.clear();
    table_.erase(slot);
    deadlines_.remove(slot);
    events_.tell_removed(slot);
}

// Whose datagram is this? RFC 5880 §6.3, §6.8.6; RFC 5881 §3, §5; RFC 5883 §3, §5. Any source port is accepted.
void Engine::on_datagram(base::TimePoint now, const Datagram& datagram) {
    const bfd::SessionKey key{place_of(datagram), datagram.local, datagram.remote, datagram.multihop};
    if (key.remote.is_unspecified() || key.remote.is_multicast())
        return refuse(bfd::DropReason::malformed_source, nullptr);
    const auto packet = bfd::decode(datagram.payload);
    if (!packet) return refuse(packet.error(), table_.find(key));
    // RFC 5880 §6.8.6: "If the Your Discriminator field is nonzero, it MUST be used to select the session".
    const bool is_first = packet->your_discriminator.value == 0;
    auto* const slot = is_first ? table_.find(key) : table_.find(packet->your_discriminator);
    if (const auto reason = objection(datagram, slot)) {
        refuse(*reason, slot);
        // RFC 9468 §1: single hop alone.
        const bool is_wanted =
            *reason == bfd::DropReason::unknown_session && is_first && !datagram.multihop && !key.local.is_multicast();
        if (is_wanted && !events_.tell_stranger({key.ifindex, key.local, key.remote, key.multihop}))
            counters_.unmatched_dropped.add();
        return;
    }
    slot->counters.packets_received.add();
    slot->counters.bytes_received.add(datagram.payload.size());
    take(*slot, slot->session.on_packet(datagram.arrival, *packet, now), datagram.arrival);
}

std::optional<bfd::DropReason> Engine::objection(const Datagram& datagram, const Slot* slot) const {
    using enum bfd::DropReason;
    // RFC 5881 §5: packets that are not authenticated "MUST be discarded if the received TTL … is not equal to 255".
    if (!datagram.multihop && datagram.ttl != 255) return ttl;
    if (slot == nullptr || slot->key.multihop != datagram.multihop) return unknown_session;
    // WireGuard vouches for the source, so a right discriminator from elsewhere is somebody else's: one spoke must not
    // take another's session down.
    if (slot->key.ifindex != place_of(datagram)) return wrong_interface;
    if (slot->key.remote != datagram.remote || slot->key.local != datagram.local) return wrong_source;
    if (datagram.ttl < slot->minimum_ttl) return ttl;  // RFC 5883 §5
    return std::nullopt;
}

void Engine::refuse(bfd::DropReason reason, Slot* named) {
    counters_.dropped[static_cast<std::size_t>(reason)].add();
    if (named != nullptr) named->counters.refused.add();
}

void Engine::take(Slot& slot, const bfd::Output& output, base::TimePoint at) {
    if (const auto& transition = output.transition) {
        if (transition->to == bfd::State::up) slot.counters.ups.add();
        if (transition->from == bfd::State::up) slot.counters.downs.add();
    }
    if (output.transition || output.status_changed) {
        events_.tell_changed(slot, output.transition ? output.transition->at : at);
        keep(slot);
    } else if (slot.session.snapshot().revision != slot.engine.kept_revision) {
        keep(slot);
    }
    if (output.late && !events_.tell(Late{slot.id, at, slot.session.detect_deadline()}))
        counters_.late_events_dropped.add();
    if (output.send) put(slot, *output.send);
    deadlines_.move(slot, std::max(slot.session.deadline(), at));  // by a shorter interval it is due at once, not late
}

// For a successor: whatever becomes of this process, it goes on from here.
void Engine::keep(Slot& slot) {
    slot.engine.kept_revision = slot.session.snapshot().revision;
    probe::keep(slot);
}

// A packet that has not gone out gives way to the session's next, which says all it said and more: a peer that polls or
// changes with every packet costs one send a batch, not one for each. F stays apart: RFC 5880 §6.5.
void Engine::put(Slot& slot, const bfd::Packet& packet) {
    auto& place = slot.engine.place_in_outbox[packet.final ? 1 : 0];
    const bool waits = place < outbox_.size() && outbox_[place].id == slot.id && outbox_[place].final == packet.final;
    if (!waits) {
        assert(!outbox_full());
        place = static_cast<std::uint8_t>(outbox_.size());
        outbox_.push_back({.id = slot.id, .key = slot.key, .source_port = slot.source_port, .final = packet.final});
    }
    outbox_[place].padding = slot.padding;
    bfd::encode(packet, outbox_[place].payload);
}

void Engine::count_lateness() {
    counters_.max_lateness_us.raise_to(static_cast<std::uint64_t>(wake_.lateness / 1us));
    const auto place = std::ranges::lower_bound(lateness_bounds, wake_.lateness) - lateness_bounds.begin();
    counters_.lateness[static_cast<std::size_t>(place)].add();
    counters_.lateness_ns.add(static_cast<std::uint64_t>(wake_.lateness.count()));
}

base::Duration Engine::on_wake(base::TimePoint now) {
    events_.on_time(now);
    woke_at_ = now;
    const auto overdue = std::exchange(overdue_, base::never);
    wake_ = {};
    if (overdue != base::never) wake_.lateness = last_send_time_ - overdue;
    if (deadlines_.earliest() < now) wake_.lateness = std::max(wake_.lateness, now - deadlines_.earliest());
    if (wake_.lateness == 0ns || deadlines_.size() == 0) return {};
    count_lateness();
    const auto detection_time = deadlines_.first().session.status().detection_time;
    if (detection_time > 0ns && wake_.lateness > detection_time / 2) count_late_wake();
    return wake_.lateness;
}

void Engine::on_send_times(base::TimePoint now) {
    last_send_time_ = now;
    if (deadlines_.earliest() > now || outbox_full()) return;
    overdue_ = std::min(overdue_, std::max(deadlines_.earliest(), woke_at_));  // what came before this wake is counted
    send_some(
        now, now, [now](const bfd::Session& session) { return session.send_deadline() <= now; },
        [now](bfd::Session& session) { return session.on_send_time(now); });
}

// Of the sessions whose deadline is not after `until`, as many as the outbox has room for.
template <class May, class Send>
void Engine::send_some(base::TimePoint until, base::TimePoint now, May&& may, Send&& send) {
    std::array<Slot*, batch> due{};
    std::size_t count = 0;
    const auto room = batch - outbox_.size();
    if (room == 0) return;
    deadlines_.any_due(until, [&](Slot& slot) {
        if (may(slot.session)) due[count++] = &slot;
        return count == room;
    });
    for (auto* const slot : std::span{due}.first(count)) take(*slot, send(slot->session), now);
}

bool Engine::judges(base::TimePoint now) const {
    return deadlines_.any_due(now, [now](const Slot& slot) { return slot.session.detect_deadline() <= now; });
}

bool Engine::on_deadlines(base::TimePoint now, base::Duration ahead) {
    while (deadlines_.earliest() <= now) {
        if (outbox_full()) return false;
        auto& slot = deadlines_.first();
        if (slot.session.detect_deadline() <= now) grace(slot, now);
        take(slot, slot.session.on_deadline(now), now);
        assert(slot.session.deadline() > now);
    }
    tell_stall(now);
    if (ahead == 0ns) return true;
    const auto until = now + ahead;
    send_some(
        until, now,
        [=](const bfd::Session& session) { return session.send_deadline() <= until && session.earliest_send() <= now; },
        [now](bfd::Session& session) { return session.on_send_ahead(now); });
    return !outbox_full();
}

// Our own lateness is no evidence: when this turn is late by more than half the session's detection time, it may be
// that the peer's packets could not be sent, queued or read, so the session gets one more remote interval before it is
// judged (once a detection time: a stall that goes on does not keep a dead peer up).
void Engine::grace(Slot& slot, base::TimePoint now) {
    if (wake_.lateness <= slot.session.status().detection_time / 2) return;
    count_late_wake();
    if (wake_.expired++ == 0) wake_.ifindex = slot.key.ifindex;
    if (slot.key.ifindex != wake_.ifindex) wake_.several_interfaces = true;
    if (slot.session.extend(now)) slot.counters.extended.add();
}

void Engine::count_late_wake() {
    if (!wake_.counted) counters_.late_wakes.add();
    wake_.counted = true;
}

// Disjoint paths do not fail in the same moment: that was us.
void Engine::tell_stall(base::TimePoint now) {
    if (!wake_.several_interfaces) return;
    counters_.stalls.add();
    if (!events_.tell(Stall{now, wake_.lateness, wake_.expired})) counters_.stall_events_dropped.add();
    wake_.several_interfaces = false;
}

void Engine::on_sent(base::TimePoint now, const Outgoing& packet, int error) {
    if (error != 0) counters_.send_failures.add();
    auto* const slot = table_.find(packet.id);
    if (slot == nullptr) return;  // removed meanwhile
    if (error == 0) {
        slot->counters.packets_sent.add();
        slot->counters.bytes_sent.add(packet.payload.size());
        return;
    }
    slot->counters.send_failures.add();
    slot->counters.last_send_errno.set(static_cast<std::uint64_t>(error));
    if (!is_shortage(error)) events_.tell_send_failed(*slot, now, error);
}

}  // namespace probe
