#include "probe/deadlines.hpp"

#include <algorithm>
#include <cassert>

namespace probe {

void Deadlines::add(Slot& slot, base::TimePoint at) {
    assert(heap_.size() < heap_.capacity());
    heap_.push_back({at, &slot});
    sift(heap_.size() - 1, {at, &slot});
}

void Deadlines::move(Slot& slot, base::TimePoint at) {
    const std::size_t index = slot.engine.deadline_index;
    assert(index < heap_.size() && heap_[index].slot == &slot);
    if (heap_[index].at != at) sift(index, {at, &slot});
}

void Deadlines::remove(Slot& slot) {
    const std::size_t index = slot.engine.deadline_index;
    assert(index < heap_.size() && heap_[index].slot == &slot);
    const auto last = heap_.back();
    heap_.pop_back();
    slot.engine.deadline_index = UINT32_MAX;
    if (index < heap_.size()) sift(index, last);
}

void Deadlines::place(std::size_t index, Entry entry) {
    heap_[index] = entry;
    entry.slot->engine.deadline_index = static_cast<std::uint32_t>(index);
}

// Puts `entry` where it belongs, starting from the free place `index`.
void Deadlines::sift(std::size_t index, Entry entry) {
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
