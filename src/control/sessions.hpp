// The sessions this side wants, their slots, and what the probe thread last said of each. Turns a picture of what
// should exist into Add, Change and Remove commands.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <vector>

#include "base/time.hpp"
#include "bfd/request.hpp"
#include "control/memory.hpp"
#include "control/requests.hpp"
#include "policy/verdict.hpp"
#include "probe/command.hpp"
#include "probe/event.hpp"
#include "probe/slot_pool.hpp"
#include "probe/store.hpp"

namespace control {

struct ManagedSession {
    probe::Slot* slot = nullptr;  // the probe thread's, but for what never changes and its counters
    bfd::Merged in_force{};
    Askers askers{};
    bool claimed = true;                        // false: a predecessor's, and nobody has asked for it again yet
    std::optional<policy::Cause> down_cause{};  // what BFD knew when it last left Up
    bfd::Status status{};                       // as last told by the probe thread
    base::TimePoint judged_from{};              // it had no time to come up before: not being Up is no evidence yet
    base::WallTime since{};                     // of its present state
    probe::Record record{};                     // where a successor finds all this

    const bfd::SessionKey& key() const { return slot->key; }
};
static_assert(sizeof(ManagedSession) <= 128);  // thousands of them

inline bool is_settling(const ManagedSession& session, base::TimePoint now) {
    return session.status.state != bfd::State::up && now < session.judged_from;
}

// What one Changed event meant.
struct SessionChange {
    const ManagedSession* session = nullptr;  // null: a stale id
    bfd::State before = bfd::State::down;
};

class Sessions {
public:
    explicit Sessions(std::uint64_t seed)
        : random_{seed}, pool_{probe::default_capacity, static_cast<std::uint32_t>(seed >> 32)} {}

    // Writes down, from now on, what a successor must know.
    void keep_in(probe::Store& store) { store_ = &store; }
    // Of the sessions from `next` on, `count` at most; false: that were the last.
    bool keep_some(bfd::SessionKey& next, std::size_t count);
    void keep_slots();  // as they stand, once the probe thread has stopped
    // What a predecessor left goes on; what nobody asks for again within some seconds ends.
    void recall(base::TimePoint now, const std::vector<SessionMemory>& sessions, std::vector<probe::Command>& commands);
    base::TimePoint claimed_by() const { return claimed_by_; }

    // False: more are to begin than a turn has time for; the next call goes on.
    bool reconcile(base::Now now, const DesiredSessions& desired, std::vector<probe::Command>& commands);
    SessionChange on_changed(base::Now now, const probe::Changed& event);
    void on_removed(const probe::Removed& event);
    void nudge(const bfd::SessionKey& key, std::vector<probe::Command>& commands) const;
    // Sessions that should have been judged between the last turn and now, and now is late: they begin their time anew.
    void forgive_lateness(base::TimePoint last_turn, base::TimePoint now);
    void shut_all(std::vector<probe::Command>& commands);

    const ManagedSession* find(const bfd::SessionKey& key) const;
    const ManagedSession* find(probe::SessionId id) const;
    const std::map<bfd::SessionKey, ManagedSession>& all() const { return sessions_; }
    base::Duration longest_detection() const;
    base::TimePoint next_judgement(base::TimePoint now) const;  // the next judged_from of a session that is not Up
    base::TimePoint last_judgement(base::TimePoint now) const;  // the last one; TimePoint{}: none is settling
    std::size_t refused() const { return refused_; }            // sessions there was no slot for

private:
    bool take_discriminator(bfd::Discriminator value);  // false: it is taken
    void free_discriminator(bfd::Discriminator value);
    bfd::Discriminator fresh_discriminator();
    bool add(base::Now now, const bfd::SessionKey& key, const Desired& desired, std::vector<probe::Command>& commands);
    void remove(ManagedSession& session, std::vector<probe::Command>& commands);
    void begin(ManagedSession&& session, std::vector<probe::Command>& commands);
    void keep(ManagedSession& session);
    bool is_over(const ManagedSession& session, const DesiredSessions& desired, base::TimePoint now) const;
    ManagedSession* at(probe::SessionId id) const;

    std::mt19937_64 random_;
    std::size_t refused_ = 0;
    probe::SlotPool pool_;
    std::map<bfd::SessionKey, ManagedSession> sessions_;
    std::vector<ManagedSession*> by_slot_;  // its number; null: none that is still wanted
    probe::Store* store_ = nullptr;         // none: nothing is kept
    MemoryWriter writer_;
    base::TimePoint claimed_by_ = base::never;
    std::vector<bfd::Discriminator> discriminators_;  // taken ones, in order; of sessions on their way out, too
};

}  // namespace control
