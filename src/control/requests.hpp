// Who asks for which session: everybody's wishes by key, and what one key's wishes come to.
#pragma once

#include <cstdint>
#include <map>
#include <memory_resource>
#include <string_view>
#include <vector>

#include "bfd/request.hpp"
#include "config/config.hpp"

namespace control {

enum class Asker : std::uint8_t { config, bfdd, unsolicited };
constexpr std::string_view to_string(Asker a) {
    switch (a) {
        using enum Asker;
        case config: return "config";
        case bfdd: return "bfdd";
        case unsolicited: return "unsolicited";
    }
    return "?";
}

// Who asks for a session.
class Askers {
public:
    void add(Asker asker) { bits_ = static_cast<std::uint8_t>(bits_ | bit(asker)); }
    bool has(Asker asker) const { return (bits_ & bit(asker)) != 0; }

private:
    static constexpr unsigned bit(Asker asker) { return 1U << static_cast<unsigned>(asker); }
    std::uint8_t bits_ = 0;
};

// A session that should exist. All of them are thought of at once, and forgotten at once: they share a memory resource.
struct Desired {
    using allocator_type = std::pmr::polymorphic_allocator<bfd::SessionRequest>;
    explicit Desired(allocator_type room = {}) : wishes{room} {}

    void ask(Asker asker, const bfd::SessionRequest& request) {
        askers.add(asker);
        wishes.push_back(request);
    }

    Askers askers;
    std::pmr::vector<bfd::SessionRequest> wishes;
    config::Probe fallback;     // holds while nobody asks
    bool drained = false;       // AdminDown, whoever asks
    std::uint16_t padding = 0;  // the adjacency's, whoever asks for the timers: bfdd cannot ask for it
    bool wireguard = false;     // an adjacency's own: a peer never heard is probed ever more slowly
};
using DesiredSessions = std::pmr::map<bfd::SessionKey, Desired>;

bfd::SessionRequest request_of(const config::Probe& probe);
bfd::Merged effective(const Desired& desired);

}  // namespace control
