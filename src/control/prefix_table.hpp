// Routes by the hash of their prefix, 16 bytes each, in many small open-addressing tables: one that grows moves
// hundreds of entries, never all. Several routes of one prefix (with metrics of their own) share a key. Prefixes
// themselves are not kept: of a million routes two share 64 bits by chance once in thirty million times.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/ip_address.hpp"

namespace control {

// A set of next hops, interned by control::Ways. 0: none.
using Way = std::uint32_t;

struct PrefixEntry {
    std::uint64_t key = 0;  // 0: nobody
    std::uint32_t metric = 0;
    std::uint32_t way : 23 = 0;
    std::uint32_t withdrawn : 1 = 0;  // no route any more: the way it had, while a failover wants to know
    std::uint32_t told : 8 = 0;       // the telling it was last heard in
};
static_assert(sizeof(PrefixEntry) == 16);
inline constexpr Way most_ways = (1U << 23) - 1;

class PrefixTable {
public:
    static constexpr std::size_t shards = 256;

    explicit PrefixTable(std::uint64_t seed) : seed_{seed} {}

    std::uint64_t key(const base::Prefix& prefix, std::uint32_t table) const;  // never 0

    PrefixEntry* find(std::uint64_t key, std::uint32_t metric, bool withdrawn = false);
    void insert(const PrefixEntry& entry);  // which is not there
    void erase(const PrefixEntry* entry);   // of find() or pick(); every pointer is stale then

    template <class Visit>
    void each(std::uint64_t key, Visit visit) const {
        const auto& slots = shard(key);
        if (slots.empty()) return;
        for (auto i = home(slots, key); slots[i].key != 0; i = next(slots, i))
            if (slots[i].key == key) visit(slots[i]);
    }
    // The first entry of a shard, from place `from` on, that `wanted` picks, and `from` moves to it; null: there is
    // none. What insert() and erase() do to a shard while it is walked is seen in its room().
    template <class Wanted>
    const PrefixEntry* pick(std::size_t of_shard, std::size_t& from, Wanted wanted) const {
        const auto& slots = shards_[of_shard].slots;
        for (; from < slots.size(); ++from)
            if (slots[from].key != 0 && wanted(slots[from])) return &slots[from];
        return nullptr;
    }

    std::size_t room(std::size_t of_shard) const { return shards_[of_shard].slots.size(); }
    std::size_t size() const { return size_; }
    std::size_t bytes() const;

private:
    using Slots = std::vector<PrefixEntry>;  // a power of two of them, or none
    struct Shard {
        Slots slots;
        std::size_t used = 0;
    };
    static std::size_t place(std::uint64_t key) { return key >> 56; }
    static std::size_t home(const Slots& slots, std::uint64_t key) { return key & (slots.size() - 1); }
    static std::size_t next(const Slots& slots, std::size_t i) { return (i + 1) & (slots.size() - 1); }
    const Slots& shard(std::uint64_t key) const { return shards_[place(key)].slots; }
    static void put(Slots& slots, const PrefixEntry& entry);
    static void resize(Shard& shard, std::size_t size);

    std::uint64_t seed_;
    std::array<Shard, shards> shards_;
    std::size_t size_ = 0;
};

}  // namespace control
