#include "daemon/handler_times.hpp"

#include <algorithm>
#include <ctime>

namespace wgbfd {
namespace {

// It stands still while the thread waits, for events or for a processor.
base::Duration thread_time() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec};
}

}  // namespace

void HandlerTimes::run(boost::asio::io_context& context) {
    for (auto before = thread_time(); context.run_one() > 0;) {
        const auto after = thread_time();
        const auto took = after - before;
        before = after;
        ++count_;
        longest_ = std::max(longest_, took);
        if (took > long_from) ++long_ones_;
    }
}

}  // namespace wgbfd
