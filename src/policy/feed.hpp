// A feed acts on verdicts. It is told everything it should show, so telling it twice is harmless, a reconnect just
// repeats it, and what is absent is withdrawn.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "adjacency/adjacency.hpp"
#include "adjacency/peer.hpp"
#include "base/time.hpp"
#include "policy/advertised.hpp"
#include "policy/verdict.hpp"

namespace policy {

// What its session knows, whatever came of it in the verdict: for the feed `endpoint`.
struct SessionView {
    bool probed = false;  // there is a session
    bool up = false;
    bool resting = false;  // AdminDown, ours or the peer's, or new: it has not failed
    bool ever_up = false;
    bool one_way = false;               // we hear the peer, and it does not hear us
    base::Duration patience{};          // how long the peer bears our silence; 0: not known
    std::optional<base::Duration> rtt;  // median of the last ten seconds measured
};

struct Wanted {
    adjacency::AdjacencyId id;
    const adjacency::Adjacency& adjacency;
    Verdict verdict;
    bool live = false;            // see `link` in design.md
    bool counts_as_down = false;  // down, or never-up with require_proof
    Classes classes{};
    SessionView session{};
    const adjacency::Peer* peer = nullptr;  // as WireGuard last showed it
    bool far_end_strict = false;            // its rp_filter, as its own wgbfd says; false where nobody says
};

struct Told {
    adjacency::AdjacencyId id;
    std::string told;  // "up", "down", …
    base::WallTime at;
};

struct FeedStatus {
    std::string name;  // "link"
    bool healthy = true;
    std::string problem;  // empty while healthy: what failed and what to do
    std::vector<Told> told;
};

class Feed {
public:
    Feed() = default;
    Feed(const Feed&) = delete;
    Feed& operator=(const Feed&) = delete;
    virtual ~Feed() = default;
    // Every adjacency that names this feed (for `link`: every peer of its interfaces); what is absent is withdrawn.
    virtual void apply(std::span<const Wanted> all) = 0;
    virtual FeedStatus status() const = 0;
};

}  // namespace policy
