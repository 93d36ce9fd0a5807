// What a worker leaves its successor, by the guardian's hand: sessions as the probe thread knows them, and what the
// control thread knows of them, of adjacencies and of bfdd's wishes. Fixed places in one piece of memory, most of which
// is never touched. A worker of another format takes nothing over, and starts as on the first day.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "probe/records.hpp"
#include "probe/slot_pool.hpp"

namespace probe {

enum class Shelf : std::uint8_t { sessions, managed, adjacencies, lids, bfdd, host };
inline constexpr std::size_t shelves = 6;

class Store {
public:
    static constexpr std::uint32_t version = 1;  // of the format: of everything that is written with an Archive

    static std::size_t size();  // bytes
    // `memory` is all zero, and stays where it is.
    explicit Store(std::span<std::byte> memory);

    Record record(Shelf shelf, std::size_t place);  // one that keeps nothing where the shelf is too short

    // Everything that `memory`, left by another, holds on the shelf; nothing when it is of another format.
    static bool is_readable(base::Bytes memory);
    static std::vector<std::pair<std::uint32_t, base::Bytes>> all(base::Bytes memory, Shelf shelf);

private:
    std::span<std::byte> memory_;
};

// Places of a shelf for what has keys of its own.
template <class Key>
class Places {
public:
    void open(Store& store, Shelf shelf) {
        store_ = &store;
        shelf_ = shelf;
    }
    bool is_open() const { return store_ != nullptr; }
    void put(const Key& key, base::Bytes payload) {
        if (store_ == nullptr) return;
        const auto [kept, fresh] = kept_.try_emplace(key);
        if (fresh) kept->second = take();
        kept->second.write(payload);
    }
    void erase(const Key& key) {
        const auto found = kept_.find(key);
        if (found == kept_.end()) return;
        found->second.clear();
        free_.push_back(found->second);
        kept_.erase(found);
    }
    template <class Lives>
    void keep_only(Lives&& lives) {
        std::vector<Key> gone;
        for (const auto& [key, record] : kept_)
            if (!lives(key)) gone.push_back(key);
        for (const auto& key : gone) erase(key);
    }

private:
    Record take() {
        if (free_.empty()) return store_->record(shelf_, next_++);
        const auto record = free_.back();
        free_.pop_back();
        return record;
    }
    Store* store_ = nullptr;
    Shelf shelf_{};
    std::size_t next_ = 0;
    std::vector<Record> free_;
    std::map<Key, Record> kept_;
};

}  // namespace probe
