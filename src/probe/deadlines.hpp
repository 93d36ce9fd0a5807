// What is due next? The one deadline of each session (or gauge) in an indexed 4-ary heap (four children share a cache
// line), so that a change costs a few steps however many there are. The memory is taken at construction.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/time.hpp"
#include "probe/slot.hpp"

namespace probe {

template <class Slot>
class DeadlineHeap {
public:
    explicit DeadlineHeap(std::size_t capacity) { heap_.reserve(capacity); }

    void add(Slot& slot, base::TimePoint at);
    void move(Slot& slot, base::TimePoint at);
    void remove(Slot& slot);

    base::TimePoint earliest() const { return heap_.empty() ? base::never : heap_.front().at; }
    Slot& first() const { return *heap_.front().slot; }
    std::size_t size() const { return heap_.size(); }

    // Is there a session due at `now` that `matches`? Looks at the due ones alone.
    template <class Matches>
    bool any_due(base::TimePoint now, Matches&& matches, std::size_t from = 0) const {
        if (from >= heap_.size() || heap_[from].at > now) return false;
        if (matches(*heap_[from].slot)) return true;
        for (std::size_t child = 1; child <= arity; ++child)
            if (any_due(now, matches, from * arity + child)) return true;
        return false;
    }

private:
    static constexpr std::size_t arity = 4;
    struct Entry {
        base::TimePoint at;
        Slot* slot;
    };
    void place(std::size_t index, Entry entry);
    void sift(std::size_t index, Entry entry);

    std::vector<Entry> heap_;
};

using Deadlines = DeadlineHeap<Slot>;

template <class Slot>
void DeadlineHeap<Slot>::add(Slot& slot, base::TimePoint at) {
    assert(heap_.size() < heap_.capacity());
    heap_.push_back({at, &slot});
    sift(heap_.size() - 1, {at, &slot});
}

template <class Slot>
void DeadlineHeap<Slot>::move(Slot& slot, base::TimePoint at) {
    const std::size_t index = slot.engine.deadline_index;
    assert(index < heap_.size() && heap_[index].slot == &slot);
    if (heap_[index].at != at) sift(index, {at, &slot});
}

template <class Slot>
void DeadlineHeap<Slot>::remove(Slot& slot) {
    const std::size_t index = slot.engine.deadline_index;
    assert(index < heap_.size() && heap_[index].slot == &slot);
    const auto last = heap_.back();
    heap_.pop_back();
    slot.engine.deadline_index = UINT32_MAX;
    if (index < heap_.size()) sift(index, last);
}

template <class Slot>
void DeadlineHeap<Slot>::place(std::size_t index, Entry entry) {
    heap_[index] = entry;
    entry.slot->engine.deadline_index = static_cast<std::uint32_t>(index);
}

// Puts `entry` where it belongs, starting from the free place `index`.
template <class Slot>
void DeadlineHeap<Slot>::sift(std::size_t index, Entry entry) {
    while (index > 0) {
        const auto parent = (index - 1) / arity;
        if (heap_[parent].at <= entry.at) break;
        place(index, heap_[parent]);
        index = parent;
    }
    for (;;) {
        const auto begin = index * arity + 1;
        if (begin >= heap_.size()) break;
        const auto end = std::min(begin + arity, heap_.size());
        auto least = begin;
        for (auto child = begin + 1; child < end; ++child)
            if (heap_[child].at < heap_[least].at) least = child;
        if (heap_[least].at >= entry.at) break;
        place(index, heap_[least]);
        index = least;
    }
    place(index, entry);
}

}  // namespace probe
