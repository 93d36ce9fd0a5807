// What this thread alone has used: what others do beside it is not counted.
#pragma once

#include <time.h>

#include <chrono>

namespace support {

inline std::chrono::nanoseconds cpu_now() {
    timespec t{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return std::chrono::seconds{t.tv_sec} + std::chrono::nanoseconds{t.tv_nsec};
}

}  // namespace support
