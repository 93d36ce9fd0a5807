// Any text: the parser answers with a configuration that keeps its promises, or with errors that have a place.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "config/parse.hpp"

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

void check(const config::Probe& probe) {
    require(probe.interval >= config::least_interval && probe.interval <= config::greatest_interval);
    require(probe.multiplier >= 1);
}

void check(const config::Config& c) {
    check(c.probe);
    for (const auto& interface : c.interfaces) require(!interface.name.empty() && interface.unsolicited_max >= 1);
    for (const auto& adjacency : c.adjacencies) {
        check(adjacency.timers);
        require(!adjacency.interface.empty() && (!adjacency.name || !adjacency.name->empty()));
        require(!adjacency.address || adjacency.address->is_set());
    }
    for (const auto& session : c.sessions) {
        check(session.timers);
        require(session.local.is_set() && session.local.family == session.remote.family);
        require(session.minimum_ttl >= 1);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto parsed = config::parse({reinterpret_cast<const char*>(data), size});
    if (parsed) {
        check(*parsed);
        return 0;
    }
    require(!parsed.error().empty());
    for (const auto& error : parsed.error()) require(error.line != 0 && error.column != 0 && !error.message.empty());
    return 0;
}
