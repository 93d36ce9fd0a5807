// The tables of the configuration, one function each: what design.md "Configuration" allows in this version.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "base/result.hpp"
#include "config/node.hpp"
#include "config/parse.hpp"
#include "config/reader.hpp"

namespace config {

base::Result<Config, Errors> read(const Table& root);

// What must not stand twice in a file, with the place where it stood first.
struct Seen {
    std::map<std::string, Place> names;
    std::map<std::string, Place> groups;
    std::map<std::pair<std::string, adjacency::PublicKey>, Place> peers;
    std::map<std::pair<std::string, base::IpAddress>, Place> addresses;
    std::map<std::tuple<std::string, base::IpAddress, base::IpAddress, bool>, Place> sessions;
};

// tables.cpp
std::vector<base::Prefix> prefixes_at(const Table& table, std::string_view key, Report& report);
std::vector<std::string> feeds_at(const Table& table, Report& report);
bool is_interface_name(std::string_view name);
std::optional<std::string> interface_name(std::string name, Place place, Report& report);
void overlay_timers(const Table& table, Probe& probe, Report& report);  // interval, multiplier
void overlay_probe(const Table& table, Probe& probe,
                   Report& report);  // these and the other keys of [probe] that an adjacency may have

// entries.cpp
// `defaults`: [probe], [quality] and the groups, which come first.
std::optional<Adjacency> read_adjacency(const Node& node, const Config& defaults, Seen& seen, Report& report);
std::optional<std::string> name_in(const Table& table, std::map<std::string, Place>& seen, std::string_view what,
                                   Report& report);  // `name`; what: "name", for one that stands twice
std::optional<Session> read_session(const Node& node, const Probe& defaults, Seen& seen, Report& report);

// policy_tables.cpp
void overlay_quality(const Table& table, std::string_view where, Quality& out, Report& report);
policy::DampingRules read_damping(const Table& table, Report& report);
// group, cost and quality of an [[adjacency]].
void overlay_policy(const Table& table, const Config& defaults, Adjacency& out, Report& report);

// group_table.cpp
std::optional<Group> read_group(const Node& node, Seen& seen, Report& report);
void overlay_routes(const Table& table, Adjacency& out, Report& report);  // priority, weight, source_table
// What the feeds `routes` and `repair` need of a group, and what a group's keys need of them.
void check_group_feeds(const Table& root, const Config& config, Report& report);

// frr_table.cpp
Frr read_frr(const Table& table, Report& report);
void check_frr_feeds(const Table& root, const Config& config, Report& report);  // they need a key of [frr]

// process_table.cpp
Process read_process(const Table& table, Report& report);

// metrics_table.cpp
Metrics read_metrics(const Table& table, Report& report);

// endpoint_table.cpp
EndpointRules read_endpoint(const Table& table, Report& report);
std::vector<Endpoint> endpoints_at(const Table& table, Report& report);
std::optional<Endpoint> parse_endpoint(std::string_view text);
void check_endpoint_feeds(const Table& root, const Config& config, Report& report);

// hook_table.cpp
Hook read_hook(const Table& table, Report& report);
void overlay_hook(const Table& table, const Config& defaults, Adjacency& out, Report& report);
void check_hook_feeds(const Table& root, const Config& config, Report& report);

// bird_table.cpp
Bird read_bird(const Table& table, Report& report);
std::string bird_protocol_at(const Table& table, Report& report);
void overlay_bird_include(const Table& table, Adjacency& out, Report& report);  // local_pref, dn42_latency, dn42_loss
// What a feed for BIRD needs stands in another table than the feed.
void check_bird_feeds(const Table& root, const Config& config, Report& report);

}  // namespace config
