// What `show running-config` of ospfd, ospf6d and bgpd says about the lines that the feed `frr-vty` may change, and
// what it must know to change them. Pure: text in, values out, as many bytes at a time as the caller has time for. Of
// BGP only the default instance, and of it IPv4 and IPv6 unicast.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "frr/settings.hpp"

namespace frr {

struct RunningInterface {
    std::string block;  // the line that opens it
    Value cost, cost6;
    bool address_cost = false;  // a cost for one of its addresses, which counts before `cost`
    friend bool operator==(const RunningInterface&, const RunningInterface&) = default;
};

inline constexpr std::size_t unicast_families = 2;  // IPv4, IPv6

struct RunningNeighbor {
    bool is_group = false;
    std::string group;        // the peer-group it belongs to; "": none
    std::string interface;    // of a link-local address
    bool unnumbered = false;  // it is named after its interface
    bool graceful_shutdown = false;
    std::array<std::optional<bool>, unicast_families> activate{};
    std::array<Value, unicast_families> weight{};
    std::array<bool, unicast_families> keeps_routes{};  // soft-reconfiguration inbound
    friend bool operator==(const RunningNeighbor&, const RunningNeighbor&) = default;
};

struct RunningBgp {
    std::string block;
    std::array<bool, unicast_families> by_default{true, false};  // active without `activate`
    bool listens = false;                                        // has neighbours that no line names
    std::map<std::string, RunningNeighbor> neighbors;            // groups among them
    friend bool operator==(const RunningBgp&, const RunningBgp&) = default;

    // What holds for a neighbour, its group's word included.
    bool is_active(const RunningNeighbor& neighbor, std::size_t family) const;
    bool keeps_routes(const RunningNeighbor& neighbor, std::size_t family) const;
    std::uint32_t weight_of(const RunningNeighbor& neighbor, std::size_t family, const Value& own) const;

private:
    const RunningNeighbor* group_of(const RunningNeighbor& neighbor) const;
};

struct RunningConfig {
    std::map<std::string, RunningInterface> interfaces;
    std::optional<RunningBgp> bgp;
    friend bool operator==(const RunningConfig&, const RunningConfig&) = default;
};
Value value_at(const RunningConfig& config, const Place& place);
// The line that opens the block where `place` stands, or would; none: there is no such neighbour any more.
std::optional<std::string> block_of(const RunningConfig& config, const Place& place);

class RunningReader {
public:
    explicit RunningReader(std::string text);
    RunningReader(const RunningReader&) = delete;  // views its own text
    RunningReader& operator=(const RunningReader&) = delete;

    bool read(std::size_t at_least);  // so many more bytes, to the end of a line; false once there are none
    RunningConfig take() { return std::move(config_); }

private:
    enum class Block : std::uint8_t { other, interface, bgp };

    void line(std::string_view text);
    void open(std::string_view text);
    void in_interface(std::string_view text);
    void in_bgp(std::string_view text);
    void in_family(std::string_view text);
    void about_neighbor(std::string_view rest, bool no);

    std::string text_;
    std::string_view rest_;
    Block block_ = Block::other;
    RunningInterface* interface_ = nullptr;
    bool in_family_ = false;
    std::optional<std::size_t> family_;  // none: another family than ours
    RunningConfig config_;
};

RunningConfig read_running_config(std::string text);

}  // namespace frr
