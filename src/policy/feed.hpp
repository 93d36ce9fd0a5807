// A feed acts on verdicts. It is told everything it should show, so telling it twice is harmless, a reconnect just
// repeats it, and what is absent is withdrawn.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "adjacency/adjacency.hpp"
#include "base/time.hpp"
#include "policy/advertised.hpp"
#include "policy/verdict.hpp"

namespace policy {

struct Wanted {
    adjacency::AdjacencyId id;
    const adjacency::Adjacency& adjacency;
    Verdict verdict;
    bool live = false;            // see `link` in design.md
    bool counts_as_down = false;  // down, or never-up with require_proof
    Classes classes{};
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
