// What is due next? Each session's one deadline in an indexed 4-ary heap (four children share a cache line), so that a
// change costs a few steps however many sessions there are. The memory is taken at construction.
#pragma once

#include <cstddef>
#include <vector>

#include "base/time.hpp"
#include "probe/slot.hpp"

namespace probe {

class Deadlines {
public:
    explicit Deadlines(std::size_t capacity) { heap_.reserve(capacity); }

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

}  // namespace probe
