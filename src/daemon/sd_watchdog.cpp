#include "daemon/sd_watchdog.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace wgbfd {

// sd_notify(3) may wait for its reader, and minds that $WATCHDOG_PID is the guardian's.
SdWatchdog::SdWatchdog() {
    const auto* path = std::getenv("NOTIFY_SOCKET");
    if (path == nullptr || std::getenv("WATCHDOG_USEC") == nullptr) return;
    const std::string_view name{path};
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (name.size() < 2 || name.size() >= sizeof address.sun_path) return;
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name.front() == '@') address.sun_path[0] = '\0';  // abstract
    base::UniqueFd fd{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    if (fd && ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0) socket_ = std::move(fd);
}

void SdWatchdog::feed() const {
    constexpr std::string_view fed = "WATCHDOG=1";
    if (socket_) static_cast<void>(::send(socket_.get(), fed.data(), fed.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
}

}  // namespace wgbfd
