// What a command says of a daemon that does not answer: a socket somebody listens on, and nobody reads.
#include "cli/client.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <string>

#include "base/unique_fd.hpp"

namespace {

using namespace std::chrono_literals;

struct HangingDaemon {
    HangingDaemon() {
        char name[] = "/tmp/wgbfd-client-XXXXXX";
        folder = ::mkdtemp(name);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        const auto path = wgbfd::RunDir{folder}.control_socket().string();
        std::memcpy(address.sun_path, path.c_str(), path.size());
        REQUIRE(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(::listen(fd.get(), 4) == 0);
    }
    ~HangingDaemon() { std::filesystem::remove_all(folder); }

    std::filesystem::path folder;
    base::UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM, 0)};
};

}  // namespace

TEST_CASE("a daemon that hangs is told of, with what to do, instead of waited for") {
    const HangingDaemon daemon;
    const wgbfd::RunDir run_dir{daemon.folder};
    CHECK_THROWS_WITH_AS(cli::ask(run_dir, {{"command", "status"}}, 1ms), doctest::Contains("wgbfd doctor"),
                         std::runtime_error);
    CHECK_THROWS_WITH_AS(cli::follow(
                             run_dir, [](const nlohmann::json&) { return true; }, 1ms),
                         doctest::Contains("does not answer"), std::runtime_error);
}
