#include "daemon/memory.hpp"

#include <malloc.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <cerrno>
#include <cstring>

#include <cap-ng.h>

namespace wgbfd {
namespace {

constexpr int large = 128 << 10, kept_on_top = 1 << 20;  // bytes
constexpr const char* fix = "run wgbfd as root, or give it CAP_IPC_LOCK or LimitMEMLOCK=infinity";

bool may_lock_all() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur == RLIM_INFINITY) return true;
    return ::capng_get_caps_process() == 0 && ::capng_have_capability(CAPNG_EFFECTIVE, CAP_IPC_LOCK) != 0;
}

}  // namespace

void return_unused() { ::malloc_trim(0); }

std::optional<std::string> lock_memory() {
    if (!may_lock_all())
        return std::string{
                   "memory is not locked: RLIMIT_MEMLOCK is too small; under memory pressure probes may wait "
                   "for the disk; "} +
               fix;
    if (::mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0) return std::nullopt;
    return std::string{"memory is not locked: mlockall: "} + std::strerror(errno) + "; " + fix;
}

void return_large_blocks() {
    ::mallopt(M_MMAP_THRESHOLD, large);  // which stops glibc's adapting it to what was freed
    ::mallopt(M_TRIM_THRESHOLD, kept_on_top);
}

}  // namespace wgbfd
