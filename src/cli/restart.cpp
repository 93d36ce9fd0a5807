// `wgbfd restart`: asks for another worker, and waits until it has taken over or was refused.
#include <chrono>
#include <stdexcept>
#include <thread>

#include "cli/client.hpp"
#include "cli/commands.hpp"
#include "cli/options.hpp"

namespace cli {
namespace {

using namespace std::chrono_literals;

constexpr auto look_again_after = 20ms;
constexpr auto over_within = 20s;

// Null while the two workers change places.
nlohmann::json state_of(const wgbfd::RunDir& run_dir) {
    try {
        return ask(run_dir, {{"command", "restart-state"}});
    } catch (const std::runtime_error&) {
        return nullptr;
    }
}

}  // namespace

int restart(const Arguments& arguments) {
    Options options{"restart",
                    "wgbfd restart: another worker takes over, of the program as it is on disk now and with the "
                    "configuration as it is now. Sessions go on; peers, FRR and BIRD notice nothing. One that cannot "
                    "work changes nothing."};
    if (!options.parse(arguments)) return ok;
    const auto run_dir = options.run_dir();
    const auto before = ask(run_dir, {{"command", "restart"}});
    const auto until = std::chrono::steady_clock::now() + over_within;
    while (std::chrono::steady_clock::now() < until) {
        std::this_thread::sleep_for(look_again_after);
        const auto now = state_of(run_dir);
        if (now.is_null()) continue;
        if (now["restarts"] != before["restarts"]) return ok;
        if (now["problem"] != "")
            throw std::runtime_error{now["problem"].get<std::string>() + "; the worker before goes on"};
    }
    throw std::runtime_error{"no other worker has taken over: see the log of the daemon"};
}

}  // namespace cli
