#include "daemon/handler_times.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <ctime>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

using namespace std::chrono_literals;

namespace {

// Processor time of this thread.
void work(std::chrono::nanoseconds length) {
    const auto now = [] {
        timespec t{};
        ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
        return std::chrono::seconds{t.tv_sec} + std::chrono::nanoseconds{t.tv_nsec};
    };
    for (const auto end = now() + length; now() < end;) {
    }
}

}  // namespace

TEST_CASE("handlers are counted, the long ones apart, and waiting is no work") {
    boost::asio::io_context context{1};
    boost::asio::steady_timer timer{context, 30ms};
    timer.async_wait([](const auto&) {});
    boost::asio::post(context, [] { work(3ms); });
    boost::asio::post(context, [] {});
    wgbfd::HandlerTimes times;
    times.run(context);
    CHECK(times.count() == 3);
    CHECK(times.long_ones() == 1);
    CHECK(times.longest() >= 3ms);
    CHECK(times.longest() < 30ms);
}
