// A bounded queue between one writer thread and one reader thread: the hand-over between the control thread and the
// probe thread. Nobody ever waits: a full queue refuses, an empty one has nothing.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <optional>
#include <type_traits>
#include <vector>

namespace net {

template <class T>
class SpscQueue {
    static_assert(std::is_trivially_copyable_v<T>);

public:
    // Holds at least `capacity` (a power of two).
    explicit SpscQueue(std::size_t capacity) : items_(std::bit_ceil(capacity)), mask_{items_.size() - 1} {}

    // The writer's.
    bool push(const T& item) {
        if (!has_room()) return false;
        items_[writer_.at & mask_] = item;
        written_.store(++writer_.at, std::memory_order_release);
        return true;
    }
    bool has_room() {
        if (writer_.at - writer_.seen < items_.size()) return true;
        writer_.seen = read_.load(std::memory_order_acquire);
        return writer_.at - writer_.seen < items_.size();
    }

    // The reader's.
    std::optional<T> pop() {
        if (reader_.at == reader_.seen) {
            reader_.seen = written_.load(std::memory_order_acquire);
            if (reader_.at == reader_.seen) return std::nullopt;
        }
        const T item = items_[reader_.at & mask_];
        read_.store(++reader_.at, std::memory_order_release);
        return item;
    }

    std::size_t capacity() const { return items_.size(); }

private:
    // Each side's own place, and where it last saw the other: a cache line of its own, so neither slows the other.
    struct alignas(64) Side {
        std::size_t at = 0;
        std::size_t seen = 0;
    };
    std::vector<T> items_;
    std::size_t mask_;
    Side writer_;
    Side reader_;
    alignas(64) std::atomic<std::size_t> written_{0};
    alignas(64) std::atomic<std::size_t> read_{0};
};

}  // namespace net
