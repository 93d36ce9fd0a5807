// The configuration as typed values. Text to values is config/parse; keys are those of design.md "Configuration".
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adjacency/peer.hpp"
#include "base/ip_address.hpp"
#include "bfd/packet.hpp"
#include "policy/path.hpp"
#include "quality/settings.hpp"

namespace config {

inline constexpr std::chrono::microseconds least_interval{3'300};
inline constexpr std::chrono::microseconds greatest_interval{60'000'000};

// A BFD packet without padding: IP and UDP headers, and the 24 bytes of RFC 5880 §4.1.
inline constexpr std::uint16_t least_padding_v4 = 20 + 8 + bfd::mandatory_length;
inline constexpr std::uint16_t least_padding_v6 = 40 + 8 + bfd::mandatory_length;

enum class Protocol : std::uint8_t { bfd, icmp };

// Keys that stand in [probe] and may stand in an [[adjacency]].
struct Probe {
    bfd::Microseconds interval{50'000};  // desired-min-tx and required-min-rx
    std::uint8_t multiplier = 3;         // 1 … 255
    bool require_proof = false;
    bool trust_data = false;                // the peer's data stands in for packets that got lost
    std::chrono::microseconds up_delay{0};  // after a Down
    Protocol protocol = Protocol::bfd;
    std::uint16_t padding = 0;  // RFC 9764: bytes of the inner IP packet that BFD proves; 0: off
    friend bool operator==(const Probe&, const Probe&) = default;
};

enum class Bind : std::uint8_t { any, addresses };

using Method = quality::Choice;  // automatic: STAMP when the peer answers it, else ICMP

// [quality], and the table `quality` of an [[adjacency]].
struct Quality {
    Method method = Method::automatic;
    std::chrono::microseconds interval{100'000};  // between two probes
    policy::Limits degraded{};
    friend bool operator==(const Quality&, const Quality&) = default;
};

enum class GroupMode : std::uint8_t { active_passive, active_active };
enum class WhenDown : std::uint8_t { keep, withdraw };

struct Group {  // adjacencies of one group lead to the same place and back each other up
    std::string name;
    // For the feed routes.
    std::vector<base::Prefix> prefixes{};  // without bits beyond their length
    GroupMode mode = GroupMode::active_passive;
    std::uint32_t table = 0;  // 0: that of the interfaces' VRF, or main
    std::uint32_t metric = 100;
    std::optional<base::IpAddress> source{};  // of what this host sends there itself
    std::chrono::microseconds fail_back_after = std::chrono::seconds{10};
    WhenDown when_down = WhenDown::keep;  // what becomes of the last route
    bool keep_on_exit = false;
    std::uint32_t rule_priority = 8700;
    friend bool operator==(const Group&, const Group&) = default;
};

struct Interface {
    std::string name;
    std::vector<std::string> feeds;
    std::vector<base::Prefix> unsolicited;  // RFC 9468 §2: prefixes of peers that may start a session
    std::uint32_t unsolicited_max = 64;
    friend bool operator==(const Interface&, const Interface&) = default;
};

struct Endpoint {      // where a peer may be reached
    std::string host;  // an address or a name
    std::uint16_t port = 0;
    std::optional<base::IpAddress> address{};  // none: `host` is a name
    std::string zone{};                        // of a link-local IPv6 address: its interface
    friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

struct EndpointRules {                                              // [endpoint], for the feed of that name
    std::chrono::microseconds fail_back = std::chrono::minutes{5};  // Up elsewhere for so long; 0: never
    std::chrono::microseconds resolve = std::chrono::minutes{5};    // the longest between two look-ups of a name
    bool kick = true;                                               // a handshake at once, while a peer is down
    friend bool operator==(const EndpointRules&, const EndpointRules&) = default;
};

struct Hook {                          // [hook], for the feed of that name
    std::vector<std::string> command;  // a program by its path, and its arguments; empty: each has its own
    std::chrono::microseconds timeout = std::chrono::seconds{10};
    std::uint32_t at_most = 4;  // at once
    friend bool operator==(const Hook&, const Hook&) = default;
};

struct Adjacency {
    std::optional<std::string> name;
    std::string interface;
    adjacency::PublicKey peer;
    std::optional<base::IpAddress> address;
    std::string group;                          // "": none
    std::uint32_t cost = policy::Rules{}.cost;  // at its best
    // For the feed routes.
    std::uint32_t priority = 100;  // of a group the lowest goes first
    std::uint32_t weight = 1;
    std::uint32_t source_table = 0;  // for a policy rule of its source address; 0: none
    bool probe = true;
    std::vector<std::string> feeds;
    std::string bird_protocol;  // for the feed bird-protocol; "": none
    // For the feed bird-include.
    std::uint32_t local_pref = 100;
    std::uint32_t dn42_latency = 0;   // the community 64511:1 … 9, until it is measured; 0: not known
    std::uint32_t dn42_loss = 0;      // 64511:91 … 94; 0: not known
    std::vector<Endpoint> endpoints;  // for the feed endpoint, the preferred one first
    std::vector<std::string> hook;    // for the feed hook: its own command, or that of [hook]
    Quality quality;                  // [quality] overlaid with this adjacency's own
    Probe timers;                     // [probe] overlaid with this adjacency's own keys
    bool own_timers = false;          // interval or multiplier stands here: a wish of its own, not a default
    friend bool operator==(const Adjacency&, const Adjacency&) = default;
};

struct Session {  // [[session]]: outside WireGuard, or multihop
    std::optional<std::string> name;
    base::IpAddress local;
    base::IpAddress remote;
    std::string interface;  // single hop: needed when link-local, else the one that has `local`
    std::string vrf;        // multihop: its interface's name; "": the default one
    bool multihop = false;
    std::uint8_t minimum_ttl = 254;  // multihop only
    Probe timers;
    friend bool operator==(const Session&, const Session&) = default;
};

struct Frr {
    std::optional<std::string> bfd_dataplane;  // "unix:/run/frr/bfddp.sock"
    std::optional<std::string> vty;            // directory of the vty sockets
    std::optional<std::string> fpm{};          // where we listen for zebra's FPM stream, with its port
    friend bool operator==(const Frr&, const Frr&) = default;
};

struct Bird {
    bool present = false;                        // [bird] stands in the file: BIRD is asked for its neighbours
    std::string control = "/run/bird/bird.ctl";  // asked once somebody needs it
    std::optional<std::uint32_t> nexthop_table;  // for the feed bird-nexthop
    std::optional<std::string> include;          // for the feed bird-include: the file that it writes
    std::chrono::microseconds include_interval = std::chrono::seconds{1};
    std::chrono::microseconds communities_interval = std::chrono::hours{1};
    bool measured_communities = true;  // false: they and the MED stay as configured
    friend bool operator==(const Bird&, const Bird&) = default;
};

struct Metrics {
    std::optional<std::string> listen;  // where scrapes are answered, with its port
    friend bool operator==(const Metrics&, const Metrics&) = default;
};

struct Process {
    int priority = 0;             // SCHED_FIFO, of the probe thread; 0: what wgbfd was started with
    std::optional<unsigned> cpu;  // the only one that the probe thread runs on
    friend bool operator==(const Process&, const Process&) = default;
};

struct Config {
    Process process;
    Probe probe;
    Bind bind = Bind::any;
    Quality quality;
    policy::DampingRules damping;
    std::vector<Group> groups;
    std::vector<Interface> interfaces;
    std::vector<Adjacency> adjacencies;
    std::vector<Session> sessions;
    Frr frr;
    Bird bird;
    Metrics metrics;
    EndpointRules endpoint;
    Hook hook;
    friend bool operator==(const Config&, const Config&) = default;
};

// Its own feeds, and those of its interface.
bool has_feed(const Config& config, const Adjacency& adjacency, std::string_view feed);

}  // namespace config
