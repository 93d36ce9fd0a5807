// What follows from an event? The controller holds the truth about adjacencies, sessions and verdicts; told what the
// host looks like, what bfdd asks for and what the probe thread saw, it says what to command, what to tell bfdd, what
// the feeds should show, and what happened. Pure: no fd, clock or log, so two of them run against each other in tests.
#pragma once

#include <cstdint>
#include <map>
#include <memory_resource>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "adjacency/adjacency.hpp"
#include "base/time.hpp"
#include "config/config.hpp"
#include "control/adjacencies.hpp"
#include "control/convergence.hpp"
#include "control/gauges.hpp"
#include "control/host.hpp"
#include "control/keeping.hpp"
#include "control/lids.hpp"
#include "control/memory.hpp"
#include "control/requests.hpp"
#include "control/sessions.hpp"
#include "control/trust.hpp"
#include "control/unsolicited.hpp"
#include "control/whereabouts.hpp"
#include "policy/evidence.hpp"
#include "policy/feed.hpp"
#include "policy/verdict.hpp"
#include "probe/command.hpp"
#include "probe/event.hpp"

namespace control {

// What bfdd must hear about one lid (BFD_STATE_CHANGE).
struct BfddUpdate {
    std::uint32_t lid = 0;
    bfd::Status status;
};

// One line of `wgbfd events`, and of the log.
struct Record {
    base::WallTime at;
    std::string adjacency;  // name; "" for the host as a whole
    std::string event;      // "verdict", "session", "stall", "peer", "unsolicited", …
    std::string from;
    std::string to;
    std::string cause;
    std::string detail;  // for the log alone
    bool logged = true;  // false: the verdict that follows from it is the line for the log
    std::optional<Failover> failover{};
};

// What one turn of the control thread has to do. Taken once per drained batch.
struct Turn {
    std::vector<probe::Command> commands;  // in order
    std::vector<BfddUpdate> bfdd;          // before any feed
    bool verdicts_changed = false;         // then apply the feeds: wanted(name)
    bool unfinished = false;               // so much has changed that the rest takes another turn, at once
    std::vector<Record> records;
    std::vector<std::string> refresh_devices;  // interfaces whose WireGuard device should be looked at now
    std::vector<std::string> looks;            // likewise, for on_look() alone
    std::vector<Lookup> lookups;
};

// A row of `status`.
struct Row {
    std::string name;
    const adjacency::Adjacency* adjacency = nullptr;  // null: a session outside WireGuard
    const adjacency::Peer* peer = nullptr;            // null: outside WireGuard, or never seen
    std::string interface;
    base::IpAddress local, remote;
    std::optional<adjacency::AddressSource> source;
    std::optional<adjacency::ResolveStep> unresolved;
    bool configured = false;  // by [[adjacency]] or [[session]]: counts for exit status 3
    policy::Verdict verdict;
    base::WallTime since;
    struct SessionView {
        bfd::SessionKey key;
        bfd::Status status;
        const probe::SlotCounters* counters = nullptr;  // null while not in the probe thread
        std::vector<std::string> asked_by;              // "config", "bfdd", "unsolicited"
    };
    std::optional<SessionView> session;  // the primary one
    std::vector<SessionView> further;
    std::optional<quality::Quality> quality;  // none: not measured in the last ten seconds
    const probe::GaugeCounters* measuring = nullptr;
    // What the verdict of an adjacency comes from; null, and nothing, outside WireGuard.
    const policy::Path* path = nullptr;
    policy::Rules rules;
    std::string group;                   // "": none
    std::uint16_t padding = 0;           // RFC 9764: bytes of its BFD packets; 0: as they are
    std::uint32_t interface_mtu = 0;     // 0: the interface is gone
    bool interface_down = false;         // it is there, and administratively down
    base::IpAddress lost_local;          // it was last Up from there, no address of the interface now; unset: not so
    quality::Passage passage;            // what comes through
    quality::ReversePath far_end{};      // its IPv4's, as its wgbfd says
    std::optional<Liveness> liveness{};  // none: its verdict comes from BFD
    bool allowed = true;
    base::TimePoint handshake_seen = base::never;
    const Refused* refused = nullptr;     // null: WireGuard takes what is sent there, as far as we know
    const Traffic* traffic = nullptr;     // null: outside WireGuard
    std::optional<std::size_t> prefixes;  // that routing sends over it; none: nobody tells
    const Failover* failover = nullptr;   // the last one that is over; null: there was none
};

// Where the next rows are. Each tells what holds when it is asked for, so others may act in between.
struct RowsAt {
    bool begun = false;
    std::optional<Adjacencies::Key> last;  // adjacency that was told
    std::map<Adjacencies::Key, std::vector<bfd::SessionKey>> further;
    std::vector<bfd::SessionKey> outside;  // WireGuard, that have yet to be told; last first
    std::size_t waiting = 0;               // [[session]]s looked at
};

class Controller {
public:
    Controller(config::Config config, std::uint64_t seed, base::Now now);
    Controller(const Controller&) = delete;
    Controller& operator=(const Controller&) = delete;

    void on_host(base::Now now, Host host);
    // A device as it is; `begun`: when that look began. True when there is something to take().
    bool on_look(base::TimePoint begun, base::TimePoint now, const adjacency::Device& device);
    void on_config(base::Now now, config::Config config);
    void on_reverse_paths(ReversePaths reverse_paths);                       // of our interfaces: for the peers
    void on_neighbors(base::Now now, std::vector<adjacency::Neighbor> all);  // those that the routing daemon has
    void on_event(base::Now now, const probe::Event& event);
    void on_request(base::Now now, const BfddRequest& request);  // ADD: new, or an update of a known lid
    void on_withdraw(base::Now now, std::uint32_t lid);          // DELETE
    void on_bfdd_gone(base::Now now);                            // EOF: its wishes stand, 10 minutes at most
    void on_route(base::Now now, const Lookup& asked, const std::optional<base::IpAddress>& local,
                  base::IfIndex ifindex);
    // What was measured of the path that this session probes.
    void on_quality(base::Now now, const bfd::SessionKey& key, const quality::Quality& quality);
    // False when there is no adjacency of that name. What the operator should know of it is told in `warning`.
    bool drain(base::Now now, const std::string& name, std::string& warning);
    bool undrain(base::Now now, const std::string& name);
    // What a check outside of us says of an adjacency, for `ttl`. False when there is none of that name.
    bool tell_outside(base::Now now, const std::string& name, policy::VerdictState state, base::Duration ttl,
                      std::string reason);
    // After a restart of ours: what was drained, also where its peer has yet to come.
    void on_drained(std::set<std::string> names);
    std::set<std::string> drained() const;  // for the next start
    // After a restart of ours: what was up then. Feeds stand as they are, and are judged anew after max(3 s, one
    // detection time).
    void on_adopt(base::Now now, WereUp were_up);
    // After a restart of ours that nobody is to notice: before anything else, all that a predecessor knew.
    void recall(base::Now now, Memory memory);
    // Writes down, from now on, what a successor must know: what others rely on at once, the rest by keep_some(), a
    // slice a call; false when a round is complete. keep_all(): as everything stands, the probe thread has stopped.
    std::vector<probe::Command> take_commands() { return std::exchange(turn_.commands, {}); }  // before the first turn
    void keep_in(probe::Store& store);
    bool keep_some();
    void keep_all();
    // Every session says AdminDown; the moment the peers have had time to hear it: one detection time, 2 s at most.
    base::TimePoint on_stop(base::Now now);
    void on_deadline(base::Now now);
    base::TimePoint deadline() const;

    // Thinks over what changed since the last turn. Call once a drained batch.
    Turn take(base::Now now);
    // The reports of failovers, which nobody waits for: call it when that turn has been carried out, before any change
    // of a route is told.
    std::vector<Record> report(base::Now now);

    // Every present adjacency that names `feed`; for "link" and "frr-vty" every peer of the interfaces that name it,
    // for "repair" every one of the groups of those that name it. The references hold until the next call of a
    // non-const member.
    std::vector<policy::Wanted> wanted(const std::string& feed) const;
    std::vector<Row> rows() const;
    std::vector<Row> rows(RowsAt& at, std::size_t most) const;  // the next; none: those were all
    WereUp were_up() const;                                     // for the next start
    std::vector<bfd::SessionKey> session_keys() const;
    std::vector<bfd::SessionKey> measured_keys() const;  // of paths that are measured, or whose peers may measure them
    bool wants_neighbors() const;  // some adjacency has, or may come to have, its address from them
    std::size_t refused_sessions() const { return sessions_.refused(); }  // there was no slot for them
    const config::Config& config() const { return config_; }
    Convergence& convergence() { return convergence_; }  // is told of routes as they change, outside any turn
    const Convergence& convergence() const { return convergence_; }
    bool wants_routes() const { return !whereabouts_.empty(); }  // some adjacency may have some
    const probe::SlotCounters* counters(std::uint32_t lid) const;

private:
    // Whose verdicts are thought over, a slice a turn.
    enum class Sweep : std::uint8_t { none, not_up, all };

    bool is_awaited(base::Now now, const Host& host) const;
    void end_recall(base::Now now);
    void index_sessions();
    void on_changed(base::Now now, const probe::Changed& event);
    void on_path_changed(base::Now now, const probe::PathChanged& event);
    void on_far_end(base::Now now, const Tracked& tracked, quality::ReversePath before);
    quality::ReversePath reverse_path_of(const Tracked& tracked) const;
    void on_liveness(base::Now now, Tracked& tracked, quality::EchoState before);
    void came_up(base::Now now, Tracked& tracked, const bfd::SessionKey& on);
    void went_down(base::Now now, Tracked& tracked, policy::Cause cause);
    static bfd::Status status_of(const Liveness& liveness);
    bool is_icmp(const Tracked& tracked) const;  // its verdict comes from ICMP echo
    void on_send_failed(base::Now now, const probe::SendFailed& event);
    void on_echo_sent(base::Now now, Tracked& tracked, int error);
    bool on_counted(base::TimePoint begun, const adjacency::Device& device);
    bool pads_too_much(const Tracked& tracked, base::TimePoint now) const;
    void on_unmatched(base::Now now, const probe::Unmatched& event);
    void on_late(const probe::Late& event);
    void on_quality(base::Now now, adjacency::AdjacencyId id, const quality::Quality& quality);
    bool is_sliced(base::Now now) const;
    bool reconcile(base::Now now);
    bool reconcile_sessions(base::Now now);
    void reconcile_places();
    DesiredSessions desired_sessions(std::pmr::memory_resource& room) const;
    WantedGauges wanted_gauges(std::pmr::memory_resource& room) const;
    void adjust_gauge(base::Now now, const Tracked& tracked);
    std::uint32_t silence_of(const Tracked& tracked) const;
    probe::Asked asked_of(const Tracked& tracked) const;
    std::optional<bfd::SessionKey> key_of(const config::Session& session, const Homes& homes) const;
    void tell_bfdd();
    std::string name_of(adjacency::AdjacencyId id) const;
    void end_settling(base::TimePoint now);
    void pass_time(base::Now now);
    void think_over(Tracked& tracked);
    void think_over(Sweep whom);
    bool is_whole(const Tracked& tracked) const;
    bool assess_due(base::Now now, bool reconciled);
    bool sweep(base::Now now);
    bool assess(base::Now now, const std::vector<Tracked*>& some);
    policy::Verdict assess(base::Now now, Tracked& tracked) const;
    bool publish(base::Now now, Tracked& tracked, const policy::Verdict& verdict);
    void resume_drains();
    void shut_drained(DesiredSessions& desired) const;
    bool is_last_usable(const Tracked& tracked) const;
    policy::Evidence evidence(const Tracked& tracked, base::TimePoint now) const;
    base::TimePoint next_handshake_expiry() const;
    void record(base::Now now, std::string adjacency, std::string event, std::string from, std::string to,
                std::string cause, std::string detail = {});
    std::string name_of(const bfd::SessionKey& key) const;
    std::string told(const Tracked& tracked) const;
    policy::SessionView session_view(const Tracked& tracked) const;
    bool speaks_for(const Tracked& tracked, const ManagedSession& session) const;
    Row::SessionView view_of(const bfd::SessionKey& key, const ManagedSession& session) const;
    Row row_of(const Tracked& tracked) const;
    void list_sessions(RowsAt& at) const;
    Row row_waiting(const config::Session& session) const;
    Row row_outside(const bfd::SessionKey& key, const ManagedSession& session) const;
    const Tracked* adjacency_of(const bfd::SessionKey& key) const;

    config::Config config_;
    // Of [[session]]s that have one, by the interface or VRF they name, and the key without it.
    std::map<std::pair<std::string, bfd::SessionKey>, std::string> session_names_;
    Host host_;
    ReversePaths reverse_paths_;
    Adjacencies adjacencies_;
    Lids lids_;
    Unsolicited unsolicited_;
    Sessions sessions_;
    Gauges gauges_;
    Trust trust_;
    Whereabouts whereabouts_;
    Convergence convergence_;
    std::map<adjacency::AdjacencyId, Failover> failovers_;  // the last of each
    struct Changed {
        base::Now at;
        adjacency::AdjacencyId id;
        policy::Verdict before, verdict;
    };
    std::vector<Changed> unreported_;  // verdicts, since the last report()
    Keeping keeping_;
    std::vector<adjacency::Neighbor> neighbors_;  // as last told
    struct Recall {
        base::TimePoint until;
        std::set<std::string> interfaces;  // whose devices must be known again
        Host host;                         // as far as it is
    };
    std::optional<Recall> recall_;  // while what a predecessor knew stands, and is not compared yet
    Turn turn_;
    std::map<std::uint32_t, bfd::Status> told_bfdd_;
    std::set<std::string> drained_;                  // whose peers have yet to come
    WereUp remembered_;                              // until settle_at_
    base::TimePoint settle_at_ = base::TimePoint{};  // feeds stand as they are until then
    base::TimePoint taken_at_{};                     // the last turn
    bool waited_for_sessions_ = false;
    bool structure_dirty_ = true;
    bool places_dirty_ = true;
    bool gauges_dirty_ = true;
    bool some_due_ = false;  // verdicts of single ones, which wait for no sweep
    Sweep sweep_ = Sweep::all;
    bool sweep_again_ = false;
    std::optional<Adjacencies::Key> swept_{};  // as far as here
    bool all_judged_ = false;                  // since our start, and since the end of settling
    bool feeds_due_ = false;
    bool urgent_ = false;                                // of some, since feeds were told
    std::optional<base::TimePoint> unfinished_since_{};  // turns that leave something to the next
    bool stopping_ = false;
};

}  // namespace control
