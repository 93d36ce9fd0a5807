// A process that answers on NAME.sock in a folder of its own, in the ways a broken WireGuard might.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <filesystem>
#include <optional>

#include "support/private_net.hpp"

namespace support {

struct UapiFolder {
    UapiFolder() {
        char name[] = "/dev/shm/wgbfd-uapi-XXXXXX";
        path = ::mkdtemp(name);
    }
    ~UapiFolder() { std::filesystem::remove_all(path); }
    std::filesystem::path path;
};

class FakeUapi {
public:
    // `answer` gets each accepted connection, after the request was read; the connection is closed when it returns.
    FakeUapi(const UapiFolder& folder, const std::string& name, const std::function<void(int)>& answer) {
        const auto path = (folder.path / (name + ".sock")).string();
        std::filesystem::remove(path);
        const base::UniqueFd listener{::socket(AF_UNIX, SOCK_STREAM, 0)};
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.data(), path.size());
        REQUIRE(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(::listen(listener.get(), 8) == 0);
        process_.emplace([&] {
            ::signal(SIGPIPE, SIG_IGN);
            for (;;) {
                const base::UniqueFd peer{::accept(listener.get(), nullptr, nullptr)};
                char request[64];
                if (peer && ::read(peer.get(), request, sizeof request) > 0) answer(peer.get());
            }
        });
    }

private:
    std::optional<Process> process_;
};

inline void write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const auto n = ::write(fd, text.data(), text.size());
        if (n <= 0) return;
        text.remove_prefix(static_cast<std::size_t>(n));
    }
}

}  // namespace support
