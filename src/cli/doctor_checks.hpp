// What `wgbfd doctor` makes of a host: values in, findings out, each with its fix. Pure: doctor_gather does the
// looking, and looks without touching: it takes no lock and never connects to bfdd's data plane, which would unsettle
// its BGP.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "adjacency/link.hpp"
#include "adjacency/neighbor.hpp"
#include "adjacency/peer.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "bird/protocols.hpp"
#include "cli/doctor_network.hpp"
#include "config/config.hpp"
#include "daemon/preflight.hpp"
#include "frr/vty_show.hpp"

namespace cli {

enum class Severity : std::uint8_t { ok, info, warning, error };  // info: a hint, no fault
constexpr std::string_view to_string(Severity s) {
    switch (s) {
        using enum Severity;
        case ok: return "ok";
        case info: return "info";
        case warning: return "warning";
        case error: return "error";
    }
    return "?";
}

struct Finding {
    std::string check;  // "ports"
    Severity severity = Severity::ok;
    std::string subject;  // interface, adjacency, file; "" for the host as a whole
    std::string message;
    std::string fix;  // "" when there is nothing to mend
    friend bool operator==(const Finding&, const Finding&) = default;
};
using Findings = std::vector<Finding>;

struct ConfigFacts {
    std::string file;                 // "": none, the defaults hold
    std::vector<std::string> errors;  // as FILE:LINE:COLUMN: message
    config::Config config;            // the defaults where there are errors
};
Findings check_config(const ConfigFacts& facts);

struct PermissionFacts {
    bool net_admin = false, net_raw = false;
    std::vector<std::string> unreadable;  // sockets that exist and that we may not use
};
Findings check_permission(const PermissionFacts& facts);

// The daemon of this run directory.
struct DaemonFacts {
    std::string run_dir;
    std::optional<pid_t> lock_holder;    // 0: in another process namespace
    pid_t answers = 0;                   // the pid behind the control socket; 0: nobody answers
    std::vector<std::string> problems;   // as it tells them itself
    std::vector<std::string> left_over;  // what an ended daemon left changed
    std::vector<std::string> frr_lines;  // of FRR's running configuration that are a daemon's, for now
    struct Path {                        // that is up and has a group
        std::string name, interface, group;
        adjacency::PublicKey peer;
        std::uint32_t cost = 0;
    };
    std::vector<Path> paths{};
    std::set<std::pair<std::string, adjacency::PublicKey>> strict_far_ends{};  // interface and peer; their rp_filter
};
Findings check_daemon(const DaemonFacts& facts);

struct PortFacts {
    std::uint16_t port = 0;
    bool taken = false;
    std::vector<wgbfd::ProcessInfo> owners;
};
Findings check_ports(const std::vector<PortFacts>& ports, const DaemonFacts& daemon, config::Bind bind);

struct BfddFacts {
    std::vector<wgbfd::ProcessInfo> running;
    std::optional<wgbfd::FrrDaemons> enabled;  // none: no /etc/frr/daemons
    std::optional<bool> socket_exists;         // of [frr] bfd_dataplane, when that is a unix one
};
Findings check_bfdd(const BfddFacts& facts, const std::optional<std::string>& bfd_dataplane);

// The value of --dplaneaddr, in either spelling; none when it is not among them.
std::optional<std::string> data_plane_of(const std::vector<std::string>& arguments);

// The words of bfdd_options in /etc/frr/daemons, with or without quotes.
std::vector<std::string> words_of(const std::string& options);

struct VtyFacts {
    std::string directory;  // "": no FRR here
    bool configured = false;
    std::optional<base::Result<std::string, std::string>> version;                          // zebra's `show version`
    std::optional<base::Result<std::vector<frr::InterfaceShown>, std::string>> interfaces;  // none: not asked
    std::map<std::string, base::Result<std::string, std::string>> configurations{};  // by daemon, for the feed frr-vty
};
Findings check_frr_version(const VtyFacts& facts);
Findings check_link_detect(const VtyFacts& facts, const config::Config& config);
Findings check_frr_vty(const VtyFacts& facts, const config::Config& config);

struct ZebraFacts {
    std::vector<wgbfd::ProcessInfo> running;
    std::optional<wgbfd::FrrDaemons> enabled;   // none: no /etc/frr/daemons
    std::optional<std::string> running_config;  // none: not asked, or zebra does not say
};
Findings check_fpm(const ZebraFacts& facts, const std::optional<std::string>& fpm);

struct BirdFacts {
    std::string control;
    std::optional<base::Result<std::string, std::string>> version;  // none: no feed for BIRD, and not asked
    std::vector<bird::Protocol> protocols;
    std::set<std::uint32_t> looked_up;  // tables that policy rules name
    bool include_exists = false;        // the file of [bird] include
    bool include_read = false;          // BIRD's running configuration has its constants
};
bool has_feed(const config::Config& config, const std::string& feed);  // some interface or adjacency names it
Findings check_bird(const BirdFacts& facts, const config::Config& config);

struct HostFacts {
    std::vector<adjacency::Link> links;
    std::vector<adjacency::Device> devices;
    std::vector<std::string> expected;           // interfaces that are WireGuard's
    std::vector<std::string> problems;           // "wg0: what failed and what to do"
    std::map<std::string, int> rp_filter;        // net.ipv4.conf.NAME.rp_filter, "all" among them
    std::map<std::string, int> hash_policy{};    // net.ipv4 and net.ipv6.fib_multipath_hash_policy
    std::vector<adjacency::Neighbor> neighbors;  // of the routing daemon
};
Findings check_wireguard(const HostFacts& facts);
Findings check_addresses(const HostFacts& facts, const config::Config& config);  // unresolved ones
Findings check_allowed_ips(const HostFacts& facts,
                           const config::Config& config);  // resolved ones that cannot be sent to
Findings check_rp_filter(const HostFacts& facts);
Findings check_padding(const HostFacts& facts, const config::Config& config);  // longer than the interface takes
Findings check_groups(const HostFacts& facts, const config::Config& config,
                      const DaemonFacts& daemon = {});  // for the feeds repair and routes
Findings check_nexthops(const HostFacts& facts,
                        const config::Config& config);  // link-local ones, which BIRD cannot look up

// doctor_firewall
Findings check_firewall(const NetworkFacts& facts, const HostFacts& host, const config::Config& config);
Findings check_input(const NetworkFacts& facts, const HostFacts& host, const config::Config& config);
// doctor_paths
Findings check_mtu(const NetworkFacts& facts, const HostFacts& host);
Findings check_routes(const NetworkFacts& facts, const HostFacts& host, const config::Config& config);
Findings check_dns(const NetworkFacts& facts, const HostFacts& host, base::WallTime now);
Findings check_directions(const NetworkFacts& facts);  // do both ends of a group choose the same path?
// doctor_files
Findings check_files(const NetworkFacts& facts);
// doctor_overlap
Findings check_overlap(const NetworkFacts& facts, const HostFacts& host, const config::Config& config);

const adjacency::Device* device_of(const HostFacts& host, const std::string& interface);  // null: there is none

struct DoctorFacts {
    ConfigFacts config;
    PermissionFacts permission;
    DaemonFacts daemon;
    std::vector<PortFacts> ports;
    BfddFacts bfdd;
    VtyFacts vty;
    ZebraFacts zebra;
    BirdFacts bird;
    HostFacts host;
    NetworkFacts network;
    base::WallTime now{};
};
Findings check_all(const DoctorFacts& facts);

}  // namespace cli
