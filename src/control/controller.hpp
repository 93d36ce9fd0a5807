// What follows from an event? The controller holds the truth about adjacencies, sessions and verdicts; told what the
// host looks like, what bfdd asks for and what the probe thread saw, it says what to command, what to tell bfdd, what
// the feeds should show, and what happened. Pure: no fd, clock or log, so two of them run against each other in tests.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "adjacency/adjacency.hpp"
#include "adjacency/link.hpp"
#include "adjacency/peer.hpp"
#include "base/time.hpp"
#include "config/config.hpp"
#include "control/requests.hpp"
#include "policy/evidence.hpp"
#include "policy/feed.hpp"
#include "policy/verdict.hpp"
#include "probe/command.hpp"
#include "probe/event.hpp"

namespace control {

// What this host has: replaced as a whole at each change.
struct Host {
    std::vector<adjacency::Link> links;
    std::vector<adjacency::Device> devices;  // WireGuard
    // Routes asked of the kernel for sessions that name no source or no interface: see Turn::lookups.
    friend bool operator==(const Host&, const Host&) = default;
};

// A session bfdd asks for (DP_ADD_SESSION), keyed by its lid.
struct BfddRequest {
    std::uint32_t lid = 0;
    base::IfIndex ifindex;      // 0 if none
    base::IpAddress local;      // unset: we choose
    base::IpAddress remote;
    bool multihop = false;
    bfd::SessionRequest wish;
};

// What bfdd must hear about one lid (BFD_STATE_CHANGE).
struct BfddUpdate {
    std::uint32_t lid = 0;
    bfd::Status status;  // status.state is what to tell: never Init after Up, AdminDown for a peer's AdminDown
};

// One line of `wgbfd events`, and of the log.
struct Record {
    base::WallTime at;
    std::string adjacency;  // name; "" for the host as a whole
    std::string event;      // "verdict", "session", "stall", "address", "peer", "interface", "request", …
    std::string from;
    std::string to;
    std::string cause;
    std::string detail;     // for the log alone
};

// A route question the daemon answers with on_route: which source and interface lead to `remote`?
struct Lookup {
    std::uint32_t lid = 0;
    base::IpAddress remote;
    base::IpAddress local;  // unset: any
    base::IfIndex ifindex;
};

// What one turn of the control thread has to do. Taken once per drained batch.
struct Turn {
    std::vector<probe::Command> commands;     // in order
    std::vector<BfddUpdate> bfdd;             // before any feed
    bool verdicts_changed = false;            // then apply the feeds: wanted(name)
    std::vector<Record> records;
    std::vector<std::string> refresh_devices;  // interfaces whose WireGuard device should be looked at now
    std::vector<Lookup> lookups;
};

// A row of `status`.
struct Row {
    std::string name;
    const adjacency::Adjacency* adjacency = nullptr;  // null: a session outside WireGuard
    const adjacency::Peer* peer = nullptr;            // null: outside WireGuard, or gone
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
};

class Controller {
public:
    Controller(config::Config config, std::uint64_t seed, base::Now now);
    ~Controller();

    void on_host(base::Now now, Host host);
    void on_config(base::Now now, config::Config config);
    void on_event(base::Now now, const probe::Event& event);
    void on_request(base::Now now, const BfddRequest& request);  // ADD: new, or an update of a known lid
    void on_withdraw(base::Now now, std::uint32_t lid);          // DELETE
    void on_bfdd_gone(base::Now now);                            // EOF: its wishes stand, 10 minutes at most
    void on_route(base::Now now, const Lookup& asked, std::optional<base::IpAddress> local, base::IfIndex ifindex);
    void on_adopt(base::Now now, const std::vector<std::string>& were_up);  // names that were up before our restart
    void on_stop(base::Now now);  // every session AdminDown; deadline() then says when the goodbye has been heard
    void on_deadline(base::Now now);
    base::TimePoint deadline() const;

    Turn take();
    std::vector<policy::Wanted> wanted(const std::string& feed) const;
    std::vector<Row> rows() const;
    const config::Config& config() const;
    const probe::SlotCounters* counters(std::uint32_t lid) const;  // for bfdd's counters request, at any time
    bool goodbye_done() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace control
