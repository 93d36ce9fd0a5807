// What bfdd asks for, keyed by its lid, and which session serves each lid. The lid keys messages to bfdd and never goes
// on the wire.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "bfd/request.hpp"

namespace control {

class Adjacencies;
struct Host;

// A session bfdd asks for (DP_ADD_SESSION).
struct BfddRequest {
    std::uint32_t lid = 0;
    base::IfIndex ifindex{};   // 0 if none
    std::string interface {};  // its name; it stays when the interface comes back with another index
    base::IpAddress local{};   // unset: we choose
    base::IpAddress remote{};
    bool multihop = false;
    bfd::SessionRequest wish{};
    friend bool operator==(const BfddRequest&, const BfddRequest&) = default;
};

// A question the daemon answers with on_route: which source and interface lead to `remote`?
struct Lookup {
    std::uint32_t lid = 0;
    base::IpAddress remote;
    base::IpAddress local;  // unset: any
    base::IfIndex ifindex;  // 0: any
};

struct Lid {
    BfddRequest request;
    std::optional<bfd::SessionKey> key;  // the session that serves it; none while source or interface are unknown
    bool by_route = false;               // found by a route: asked again when addresses or links change
    bool stale = false;                  // of a connection that ended
};

class Lids {
public:
    // True when sessions must be thought over anew.
    bool add(base::TimePoint now, const BfddRequest& request);
    bool withdraw(std::uint32_t lid);
    void connection_gone(base::TimePoint now);
    // Drops the wishes of a connection that ended once its successor's are in, or after ten minutes.
    bool expire(base::TimePoint now);
    base::TimePoint deadline() const { return expire_at_; }

    // What bfdd asked a predecessor of ours for, on a connection that goes on.
    void recall(base::TimePoint now, const std::vector<Lid>& lids);

    // Finds the session key of each lid; what only a route can tell is asked for in `lookups`.
    void resolve(const Host& host, const Adjacencies& adjacencies, std::vector<Lookup>& lookups);
    bool on_route(const Lookup& asked, const std::optional<base::IpAddress>& local, base::IfIndex ifindex);
    void forget_routes();  // links or addresses changed

    const std::map<std::uint32_t, Lid>& all() const { return lids_; }

private:
    std::map<std::uint32_t, Lid> lids_;
    base::TimePoint expire_at_ = base::never;
    bool waiting_for_successor_ = false;
};

}  // namespace control
