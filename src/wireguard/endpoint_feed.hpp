// The feed `endpoint`: moves a peer that is not heard to its next endpoint, has its names looked up, and makes
// WireGuard handshake at once. What touches a device runs in children (see io::Jobs): removing a peer makes the kernel
// wait, and its preshared key is read there alone. A peer without configured endpoints is never touched.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "adjacency/peer.hpp"
#include "base/time.hpp"
#include "io/jobs.hpp"
#include "io/timer.hpp"
#include "io/undo_log.hpp"
#include "policy/feed.hpp"
#include "wireguard/endpoint_choice.hpp"
#include "wireguard/endpoint_records.hpp"
#include "wireguard/name_cache.hpp"

namespace wireguard {

struct EndpointPlace {  // as configured
    std::string host;
    std::uint16_t port = 0;
    std::optional<base::IpAddress> address;
    std::string zone{};  // of a link-local IPv6 address: its interface
    friend bool operator==(const EndpointPlace&, const EndpointPlace&) = default;
};
struct EndpointSettings {
    EndpointTimes times;
    base::Duration resolve = std::chrono::minutes{5};
    std::map<PeerKey, std::vector<EndpointPlace>> places;
};

class EndpointFeed final : public policy::Feed {
public:
    struct Handlers {
        std::function<std::vector<policy::Wanted>()> wanted;     // as of now
        std::function<void(const std::string& interface)> look;  // read that device now
        std::function<void(const std::string& note)> note;       // a line for the log
    };
    EndpointFeed(boost::asio::io_context& context, io::Jobs& jobs, io::UndoLog& undo, std::function<base::Now()> now,
                 Handlers handlers);

    void configure(EndpointSettings settings);
    void apply(std::span<const policy::Wanted> all) override;
    policy::FeedStatus status() const override;
    bool is_clear() const { return peers_.empty(); }
    void refresh();  // what is seen of the peers may have changed
    // As WireGuard shows it: `begun` is when this device was asked. Older news may tell of a change that is over, or of
    // a trial.
    void on_look(base::TimePoint begun, const adjacency::Device& device);
    // For stop: every endpoint that is still ours goes back, within 2 s; then `done` is called.
    void withdraw_all(std::function<void()> done);

private:
    struct Peer {
        adjacency::Adjacency adjacency;
        adjacency::Peer seen;
        base::TimePoint seen_at{};  // when WireGuard was asked
        policy::SessionView session;
        EndpointChoice choice;
        std::optional<io::JobId> job;
        std::optional<base::Endpoint> tried_from;  // by the last trial
        base::TimePoint done_at{};                 // end of the last change of ours, or of a trial
        base::TimePoint alone_from{};              // a killed worker's change has ended by then
        std::size_t looks = 0;                     // since the last change
        base::TimePoint look_at = base::never;
        std::string problem;
        std::optional<base::WallTime> changed_at;
        std::string told;
        bool wanted = false;
    };
    using Entry = std::map<PeerKey, Peer>::value_type;

    void settle();
    void update(Entry& entry, base::TimePoint now);
    void take_candidates(Entry& entry);
    void carry_out(Entry& entry, const EndpointAction& action);
    void on_end(const PeerKey& key, const EndpointAction& action, const io::JobResult& result);
    void put_back(const io::UndoRecord& record);
    void leave(const std::string& subject);
    bool is_busy(const std::string& subject) const;
    bool is_left() const;
    void go_on();
    void look_up_names(base::TimePoint now);
    void finish();

    io::Jobs& jobs_;
    EndpointRecords records_;
    std::function<base::Now()> now_;
    Handlers handlers_;
    EndpointSettings settings_;
    std::map<PeerKey, Peer> peers_;
    NameCache names_;
    base::TimePoint next_change_{};  // no two changes of devices sooner than this: a host full of dead peers
    std::function<void()> on_withdrawn_;
    std::set<std::string> leaving_;  // subjects of records that are being put back: nothing else is done to those peers
    io::Timer timer_, withdrawal_;
};

// For `undo`: puts an endpoint back where the present one is still ours. False: it is not, or the peer has gone.
base::Result<bool, std::string> revert_endpoint(const io::UndoRecord& record);

}  // namespace wireguard
