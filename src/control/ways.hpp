// The ways that routes go, each kept once: a set of next hops, given by itself or by a next-hop object that routes
// refer to and that may change under them; with the adjacencies each rides on, and how many prefixes go by it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "adjacency/adjacency.hpp"
#include "adjacency/route_change.hpp"
#include "control/prefix_table.hpp"

namespace control {

// What a way comes to: adjacencies, in order, and whether it leads elsewhere, too. Neither: it carries nothing.
struct Riding {
    std::vector<adjacency::AdjacencyId> on;
    bool elsewhere = false;

    bool carries() const { return elsewhere || !on.empty(); }
    bool rides(adjacency::AdjacencyId id) const;
    friend bool operator==(const Riding&, const Riding&) = default;
};

class Ways {
public:
    using Locate = std::function<std::optional<adjacency::AdjacencyId>(const adjacency::Hop&)>;
    using OnMoved = std::function<void(std::size_t prefixes, const Riding& before, const Riding& after)>;

    struct Limits {
        std::size_t objects = 1'000'000;
        std::size_t hops = 256;  // of one route or object; the first ones count
    };
    struct Refused {
        std::size_t objects = 0;
        std::size_t hops = 0;
        friend bool operator==(const Refused&, const Refused&) = default;
    };

    explicit Ways(Locate locate) : Ways{std::move(locate), Limits{}} {}
    Ways(Locate locate, Limits limits) : locate_{std::move(locate)}, limits_{limits} {}

    // 0: there is no room for another. A way that no entry holds may be another's after the next call.
    Way through(std::span<const adjacency::Hop> hops);  // in order
    Way through_nexthop(std::uint32_t id);              // may be told later what it is
    // Entries of the table that go this way, and prefixes that it carries: those whose best route it is.
    void hold(Way way) { ++nodes_[way].entries; }
    void release(Way way);
    void carry(Way way, int prefixes);

    const Riding& riding(Way way) const { return nodes_[way].riding; }  // of 0: nothing
    std::span<const adjacency::Hop> hops(Way way) const { return nodes_[way].hops; }
    bool is_inline(Way way) const { return way != 0 && nodes_[way].object == 0 && !nodes_[way].frozen; }

    void set_nexthop(const adjacency::RouteChange& change, const OnMoved& on_moved);
    // True: entries go through it, and are to be swept.
    bool remove_nexthop(std::uint32_t id, const OnMoved& on_moved);
    bool is_dead(Way way) const { return nodes_[way].dead; }
    void freeze();    // what objects say now stands, and their numbers mean nothing any more
    void relocate();  // adjacencies are elsewhere than they were

    using Counts = std::unordered_map<adjacency::AdjacencyId, std::size_t>;
    std::size_t count(adjacency::AdjacencyId id) const;  // prefixes that ride on it
    const Counts& counts() const { return counts_; }     // some may be 0
    bool uses(base::IfIndex interface) const;            // some prefix leaves by it
    const Refused& refused() const { return refused_; }
    std::size_t size() const { return nodes_.size() - 1 - free_.size(); }

private:
    struct Node {
        std::vector<adjacency::Hop> hops;
        Riding riding;
        std::uint32_t object = 0;  // its number; 0: the hops are its name
        std::uint32_t entries = 0;
        std::uint32_t prefixes = 0;
        bool frozen = false;  // an object's, as it was when its number lost its meaning
        bool dead = false;    // an object's that is gone
    };
    struct Object {
        std::vector<adjacency::Hop> hops;
        std::vector<std::uint32_t> members;
        Way way = 0;  // 0: no route asked for it yet
    };
    struct Less {
        using is_transparent = void;
        bool operator()(std::span<const adjacency::Hop> a, std::span<const adjacency::Hop> b) const;
    };

    Way add(Node node);
    Riding riding_of(std::span<const adjacency::Hop> hops) const;
    std::vector<adjacency::Hop> hops_of(const Object& object) const;
    Object* place(std::uint32_t id);  // null: there is no room for another
    template <class T>
    std::span<const T> cut(std::span<const T> all);
    void leave(std::uint32_t group, std::span<const std::uint32_t> members);
    void renew_groups(std::uint32_t member, const OnMoved& on_moved);
    void renew(const Object& object, const OnMoved& on_moved);
    void count(const Riding& riding, std::int64_t prefixes);

    Locate locate_;
    Limits limits_;
    Refused refused_;
    std::vector<Node> nodes_{1};
    std::vector<Way> free_;
    std::map<std::vector<adjacency::Hop>, Way, Less> by_hops_;
    std::unordered_map<std::uint32_t, Object> objects_;
    std::unordered_map<std::uint32_t, std::vector<std::uint32_t>> groups_;  // by their members, told yet or not
    Counts counts_;  // kept as prefixes come and go: asked for each adjacency when all of them go at once
    Way last_ = 0;   // neighbours in a table often go the same way
};

}  // namespace control
