// The neighbours of bgpd, ospfd and ospf6d, from what their `show` commands print. Pure: text in, values out, as many
// neighbours at a time as the caller has time for.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adjacency/neighbor.hpp"
#include "base/ip_address.hpp"
#include "base/result.hpp"
#include "frr/json_members.hpp"

namespace frr {

enum class NeighborSource : std::uint8_t { bgp, ospf, ospf6 };
inline constexpr std::size_t neighbor_sources = 3;

// The daemon, and what it is asked.
constexpr std::string_view daemon_of(NeighborSource source) {
    switch (source) {
        using enum NeighborSource;
        case bgp: return "bgpd";
        case ospf: return "ospfd";
        case ospf6: return "ospf6d";
    }
    return "?";
}
constexpr std::string_view question_of(NeighborSource source) {
    switch (source) {
        using enum NeighborSource;
        case bgp: return "show bgp neighbors json";
        case ospf: return "show ip ospf neighbor json";
        case ospf6: return "show ipv6 ospf6 neighbor detail json";  // without `detail` no address is told
    }
    return "?";
}

class NeighborReader {
public:
    NeighborReader(NeighborSource source, std::string reply);
    NeighborReader(const NeighborReader&) = delete;  // views its own text
    NeighborReader& operator=(const NeighborReader&) = delete;

    bool read(std::size_t at_most);  // so many more members; false once there are none
    // All that were read; an error when the reply is not what the command prints.
    base::Result<std::vector<adjacency::Neighbor>, std::string> take();

private:
    void one(const JsonMember& member);

    NeighborSource source_;
    std::string text_;
    JsonMembers members_;
    std::vector<adjacency::Neighbor> found_;
};

base::Result<std::vector<adjacency::Neighbor>, std::string> read_neighbors(NeighborSource source, std::string reply);

// `neighbor ADDRESS interface NAME` of bgpd's `show running-config`: of a configured link-local neighbour nothing else
// tells the interface.
std::map<base::IpAddress, std::string> parse_neighbor_interfaces(std::string_view running_config);

// A neighbour whose interface only the configuration tells.
bool lacks_interface(const adjacency::Neighbor& neighbor);

}  // namespace frr
