#include "io/timer.hpp"

#include <doctest/doctest.h>

#include <optional>

using namespace std::chrono_literals;

TEST_CASE("a timer fires once for its last arming") {
    boost::asio::io_context context{1};
    int fired = 0;
    io::Timer timer{context, [&] { ++fired; }};
    timer.expire_after(0s);
    timer.expire_after(0s);
    CHECK(timer.is_armed());
    context.run();
    CHECK(fired == 1);
    CHECK_FALSE(timer.is_armed());
}

TEST_CASE("a timer whose completion is already queued does not fire once cancelled or destroyed") {
    boost::asio::io_context context{1};
    int fired = 0;
    std::optional<io::Timer> second;
    // Both are due in the same turn; the first to run takes the other away.
    io::Timer first{context, [&] {
                        ++fired;
                        second.reset();
                    }};
    second.emplace(context, [&] {
        ++fired;
        first.cancel();
    });
    first.expire_after(0s);
    second->expire_after(0s);
    context.run();
    CHECK(fired == 1);
}

TEST_CASE("a timer may be armed again, or destroyed, by its own expiry") {
    boost::asio::io_context context{1};
    int fired = 0;
    std::optional<io::Timer> timer;
    timer.emplace(context, [&] {
        if (++fired < 3) return timer->expire_after(0s);
        timer.reset();
    });
    timer->expire_after(0s);
    context.run();
    CHECK(fired == 3);
}
