#include "control/prefix_table.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

namespace control {
namespace {

constexpr std::size_t smallest = 16;

// The finalizer of SplitMix64: each bit in changes half of the bits out.
constexpr std::uint64_t mixed(std::uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
}

}  // namespace

// Peers announce prefixes of their choice: without the seed they could choose such that collide.
std::uint64_t PrefixTable::key(const base::Prefix& prefix, std::uint32_t table) const {
    std::uint64_t high = 0, low = 0;
    std::memcpy(&high, prefix.address.bytes.data(), sizeof high);
    std::memcpy(&low, prefix.address.bytes.data() + sizeof high, sizeof low);
    auto hash = mixed(seed_ ^ high);
    hash = mixed(hash ^ low);
    hash = mixed(hash ^ (std::uint64_t{table} << 32 | std::uint64_t{prefix.length} << 8 |
                         static_cast<std::uint64_t>(prefix.address.family)));
    return hash != 0 ? hash : 1;
}

PrefixEntry* PrefixTable::find(std::uint64_t key, std::uint32_t metric, bool withdrawn) {
    auto& slots = shards_[place(key)].slots;
    if (slots.empty()) return nullptr;
    for (auto i = home(slots, key); slots[i].key != 0; i = next(slots, i))
        if (slots[i].key == key && slots[i].withdrawn == withdrawn && (withdrawn || slots[i].metric == metric))
            return &slots[i];
    return nullptr;
}

void PrefixTable::put(Slots& slots, const PrefixEntry& entry) {
    auto i = home(slots, entry.key);
    while (slots[i].key != 0) i = next(slots, i);
    slots[i] = entry;
}

void PrefixTable::resize(Shard& shard, std::size_t size) {
    Slots fresh(size);
    for (const auto& entry : shard.slots)
        if (entry.key != 0) put(fresh, entry);
    shard.slots = std::move(fresh);
}

void PrefixTable::insert(const PrefixEntry& entry) {
    auto& shard = shards_[place(entry.key)];
    if ((shard.used + 1) * 4 > shard.slots.size() * 3) resize(shard, std::max(smallest, shard.slots.size() * 2));
    put(shard.slots, entry);
    ++shard.used;
    ++size_;
}

void PrefixTable::erase(const PrefixEntry* entry) {
    auto& shard = shards_[place(entry->key)];
    auto& slots = shard.slots;
    auto hole = static_cast<std::size_t>(entry - slots.data());
    assert(hole < slots.size());
    // What was put behind it for want of room moves up, so that every search still ends at a free place.
    for (auto i = next(slots, hole); slots[i].key != 0; i = next(slots, i)) {
        const auto from_home = (i - home(slots, slots[i].key)) & (slots.size() - 1);
        if (from_home < ((i - hole) & (slots.size() - 1))) continue;
        slots[hole] = slots[i];
        hole = i;
    }
    slots[hole] = {};
    --size_;
    --shard.used;
    if (slots.size() > smallest && shard.used * 4 < slots.size()) resize(shard, slots.size() / 2);
}

std::size_t PrefixTable::bytes() const {
    auto out = sizeof *this;
    for (const auto& shard : shards_) out += shard.slots.capacity() * sizeof(PrefixEntry);
    return out;
}

}  // namespace control
