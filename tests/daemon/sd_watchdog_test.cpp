#include "daemon/sd_watchdog.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

#include "folder.hpp"

namespace {

struct Manager {  // as systemd listens
    base::UniqueFd fd{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};

    explicit Manager(const std::string& name) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, name.data(), name.size());
        if (name[0] == '@') address.sun_path[0] = '\0';
        const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
        REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0);
        ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
        ::setenv("WATCHDOG_USEC", "30000000", 1);
    }
    ~Manager() {
        ::unsetenv("NOTIFY_SOCKET");
        ::unsetenv("WATCHDOG_USEC");
    }
    std::string heard() const {
        std::array<char, 64> bytes{};
        const auto n = ::recv(fd.get(), bytes.data(), bytes.size(), 0);
        return n < 0 ? "" : std::string{bytes.data(), static_cast<std::size_t>(n)};
    }
};

}  // namespace

TEST_CASE("systemd's watchdog is fed at its socket, also at an abstract one") {
    const Folder folder;
    for (const auto& name : {(folder.path / "notify").string(), "@wgbfd-test-" + std::to_string(::getpid())}) {
        CAPTURE(name);
        const Manager manager{name};
        const wgbfd::SdWatchdog watchdog;
        CHECK(manager.heard().empty());
        watchdog.feed();
        CHECK(manager.heard() == "WATCHDOG=1");
        for (int i = 0; i < 10'000; ++i) watchdog.feed();  // nobody reads: it waits for nobody
        CHECK(manager.heard() == "WATCHDOG=1");
    }
}

TEST_CASE("without a watchdog, or without systemd, nothing is fed") {
    const Folder folder;
    const auto name = (folder.path / "notify").string();
    const Manager manager{name};
    ::unsetenv("WATCHDOG_USEC");
    wgbfd::SdWatchdog{}.feed();
    ::setenv("WATCHDOG_USEC", "1", 1);
    ::setenv("NOTIFY_SOCKET", (folder.path / "nobody").c_str(), 1);
    wgbfd::SdWatchdog{}.feed();
    ::unsetenv("NOTIFY_SOCKET");
    wgbfd::SdWatchdog{}.feed();
    CHECK(manager.heard().empty());
}
