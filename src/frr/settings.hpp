// What the feed `frr-vty` may change in FRR's running configuration, one line each: where it stands, how it is entered
// and taken out, and how it is written into an undo record. Pure.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "frr/neighbors_codec.hpp"
#include "io/undo_log.hpp"

namespace frr {

inline constexpr const char* vty_feed = "frr-vty";

enum class Setting : std::uint8_t { ospf_cost, ospf6_cost, ipv4_weight, ipv6_weight, graceful_shutdown };
constexpr std::string_view to_string(Setting setting) {
    switch (setting) {
        using enum Setting;
        case ospf_cost: return "ospf-cost";
        case ospf6_cost: return "ospf6-cost";
        case ipv4_weight: return "ipv4-weight";
        case ipv6_weight: return "ipv6-weight";
        case graceful_shutdown: return "graceful-shutdown";
    }
    return "?";
}
NeighborSource source_of(Setting setting);  // the daemon whose line it is

struct Place {
    Setting setting = Setting::ospf_cost;
    std::string where;  // the interface, or the neighbour as bgpd names it
    friend auto operator<=>(const Place&, const Place&) = default;
};
std::string to_string(const Place& place);  // "wg0's OSPF cost"

using Value = std::optional<std::uint32_t>;  // none: there is no such line; graceful-shutdown's is 1
std::string to_string(const Place& place, const Value& value);

// What is entered after `configure terminal`. `block` is the line that opens the interface or the BGP instance.
std::vector<std::string> commands_for(const Place& place, const Value& value, const std::string& block);

// A line that we hold: what stood there before, and what we made of it. `ours` is more than one value while it is not
// known which of them arrived, and empty once somebody has decided otherwise.
struct Held {
    Value before;
    std::uint32_t reckoned = 0;  // what OSPF took by itself where there was no line; 0: not known
    std::vector<std::uint32_t> ours;
    friend bool operator==(const Held&, const Held&) = default;
};
using Holdings = std::map<Place, Held>;
bool is_ours(const Held& held, const Value& present);

io::UndoRecord to_record(const std::string& directory, const Place& place, const Held& held);
std::string to_subject(const std::string& directory, const Place& place);
struct HeldRecord {
    std::string directory;  // of the vty sockets
    Place place;
    Held held;
    friend bool operator==(const HeldRecord&, const HeldRecord&) = default;
};
std::optional<HeldRecord> parse_record(const io::UndoRecord& record);  // none: not one of this feed's

}  // namespace frr
