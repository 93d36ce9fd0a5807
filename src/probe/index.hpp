// By a hash, in memory that is taken at construction: open addressing with linear probing, at most half full; removal
// shifts back, so there are no tombstones.
#pragma once

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace probe {

template <class Slot>
class Index {
public:
    explicit Index(std::size_t capacity)
        : entries_(std::bit_ceil(std::max<std::size_t>(capacity, 1) * 2)),
          mask_{static_cast<std::uint32_t>(entries_.size() - 1)} {}

    template <class Matches>
    Slot* find(std::uint32_t hash, Matches&& matches) const {
        for (auto at = hash & mask_; entries_[at].slot != nullptr; at = (at + 1) & mask_)
            if (entries_[at].hash == hash && matches(*entries_[at].slot)) return entries_[at].slot;
        return nullptr;
    }
    void insert(std::uint32_t hash, Slot& slot) {
        auto at = hash & mask_;
        while (entries_[at].slot != nullptr) at = (at + 1) & mask_;
        entries_[at] = {&slot, hash};
    }
    void erase(std::uint32_t hash, const Slot& slot);

private:
    struct Entry {
        Slot* slot = nullptr;
        std::uint32_t hash = 0;
    };
    std::vector<Entry> entries_;
    std::uint32_t mask_;
};

template <class Slot>
void Index<Slot>::erase(std::uint32_t hash, const Slot& slot) {
    auto hole = hash & mask_;
    while (entries_[hole].slot != &slot) {
        assert(entries_[hole].slot != nullptr);
        hole = (hole + 1) & mask_;
    }
    // Whatever stands behind the hole and wanted to stand at or before it moves up.
    for (auto at = (hole + 1) & mask_; entries_[at].slot != nullptr; at = (at + 1) & mask_) {
        const auto home = entries_[at].hash & mask_;
        if (((at - home) & mask_) < ((at - hole) & mask_)) continue;
        entries_[hole] = entries_[at];
        hole = at;
    }
    entries_[hole] = {};
}

}  // namespace probe
