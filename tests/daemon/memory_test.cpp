#include "daemon/memory.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace {

template <class Body>
int in_child(Body&& body) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(body());
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

#ifdef __SANITIZE_ADDRESS__
constexpr bool locks_at_all = false;  // AddressSanitizer makes mlockall a call that does nothing
#else
constexpr bool locks_at_all = true;
#endif

bool some_is_locked() {
    std::ifstream in{"/proc/self/status"};
    for (std::string line; std::getline(in, line);)
        if (line.starts_with("VmLck:")) return line.find(" 0 kB") == std::string::npos;
    return false;
}

}  // namespace

TEST_CASE("memory is locked where that is permitted without a limit") {
    const int status = in_child([] {
        if (::getuid() != 0) return 0;
        return !wgbfd::lock_memory() && some_is_locked() == locks_at_all ? 0 : 1;
    });
    CHECK(status == 0);
}

TEST_CASE("a limit that will be reached locks nothing, and says what to do") {
    const int status = in_child([] {
        rlimit limit{};
        ::getrlimit(RLIMIT_MEMLOCK, &limit);
        if (limit.rlim_max == RLIM_INFINITY) limit.rlim_max = 1UL << 40;  // mlockall itself would succeed
        limit.rlim_cur = limit.rlim_max;
        if (::setrlimit(RLIMIT_MEMLOCK, &limit) != 0 || (::getuid() == 0 && ::setuid(65534) != 0)) return 1;
        const auto problem = wgbfd::lock_memory();
        if (!problem || problem->find("LimitMEMLOCK=infinity") == std::string::npos) return 2;
        return some_is_locked() ? 3 : 0;
    });
    CHECK(status == 0);
}
