#include "net/spsc_queue.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <thread>

TEST_CASE("two fit into a queue of two, a third is refused, and what comes out is what went in, in order") {
    net::SpscQueue<int> queue{2};
    CHECK_FALSE(queue.pop());
    CHECK(queue.has_room());
    CHECK(queue.push(1));
    CHECK(queue.push(2));
    CHECK_FALSE(queue.has_room());
    CHECK_FALSE(queue.push(3));
    CHECK(queue.pop() == 1);
    CHECK(queue.has_room());
    CHECK(queue.push(4));
    CHECK(queue.pop() == 2);
    CHECK(queue.pop() == 4);
    CHECK_FALSE(queue.pop());
}

TEST_CASE("a capacity is rounded up to a power of two") {
    CHECK(net::SpscQueue<int>{1}.capacity() == 1);
    CHECK(net::SpscQueue<int>{3}.capacity() == 4);
}

TEST_CASE("across two threads nothing is lost, doubled or torn, however small the queue") {
    struct Item {
        std::uint64_t number = 0;
        std::uint64_t copies[7] = {};
    };
    for (const std::size_t capacity : {1U, 2U, 64U}) {
        constexpr std::uint64_t count = 20'000;
        net::SpscQueue<Item> queue{capacity};
        std::thread writer{[&] {
            for (std::uint64_t n = 0; n < count;) {
                Item item{n};
                for (auto& copy : item.copies) copy = n;
                if (queue.push(item))
                    ++n;
                else
                    std::this_thread::yield();
            }
        }};
        bool is_whole = true;
        for (std::uint64_t n = 0; n < count;) {
            const auto item = queue.pop();
            if (!item) {
                std::this_thread::yield();
                continue;
            }
            is_whole = is_whole && item->number == n;
            for (const auto copy : item->copies) is_whole = is_whole && copy == n;
            ++n;
        }
        writer.join();
        CHECK(is_whole);
        CHECK_FALSE(queue.pop());
    }
}
