// Who asks for which session: everybody's wishes by key, and what one key's wishes come to.
#pragma once

#include <cstdint>
#include <map>
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

struct Wish {
    Asker asker = Asker::config;
    bfd::SessionRequest request;
    friend bool operator==(const Wish&, const Wish&) = default;
};

// A session that should exist.
struct Desired {
    std::vector<Wish> wishes;
    config::Probe fallback;     // holds while nobody asks
    bool drained = false;       // AdminDown, whoever asks
    std::uint16_t padding = 0;  // the adjacency's, whoever asks for the timers: bfdd cannot ask for it
    bool wireguard = false;     // an adjacency's own: a peer never heard is probed ever more slowly
    friend bool operator==(const Desired&, const Desired&) = default;
};
using DesiredSessions = std::map<bfd::SessionKey, Desired>;

bfd::SessionRequest request_of(const config::Probe& probe);
bfd::Merged effective(const Desired& desired);

}  // namespace control
