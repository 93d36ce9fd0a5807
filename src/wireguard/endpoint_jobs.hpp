// What the feed `endpoint` has done in children: changes of a device, the trial of the preferred endpoint, look-ups.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "adjacency/peer.hpp"
#include "base/ip_address.hpp"
#include "base/time.hpp"

namespace wireguard {

inline constexpr const char* change_job = "wireguard-change";
inline constexpr const char* trial_job = "wireguard-trial";
inline constexpr const char* revert_job = "wireguard-revert";
inline constexpr const char* resolve_job = "resolve";

// Their outputs: `did`, or `left`: the peer has been heard meanwhile, or the trial failed. Else what went wrong, and
// status 1. A look-up prints what parse_looked() reads.
inline constexpr const char* did = "did";
inline constexpr const char* left = "left";

struct ChangeOrder {
    std::string interface;
    adjacency::PublicKey peer;
    base::Endpoint to;
    bool fresh = false;
    // As last seen: fresh keys only while this is still the latest handshake, and the peer still allows that. It is
    // made again with what it allows, and a list that was read while it changed may lack something.
    std::optional<base::WallTime> seen_handshake;
    std::string seen_allowed;  // see fingerprint()
};
std::vector<std::string> to_words(const ChangeOrder& order);
// Of a list of allowed-ips, in whatever order: short, however long that is.
std::string fingerprint(std::span<const base::Prefix> allowed_ips);

// Sends what WireGuard sends to the preferred endpoint instead, for `window` at most, and goes back unless the peer is
// heard to answer from there. The peer sends on meanwhile, and so does whoever speaks to it: at most `window` of it is
// lost on the way out.
struct TrialOrder {
    std::string interface;
    adjacency::PublicKey peer;
    base::Endpoint to;
    base::IpAddress remote;  // the peer's tunnel address, which must answer echo requests
    base::Duration window{};
};
std::vector<std::string> to_words(const TrialOrder& order);

class DeviceSession;
std::string carry_out(DeviceSession& device, std::span<const std::string> words);  // a change's; the output
int run_change(std::span<const std::string> words);
int run_trial(std::span<const std::string> words);
int run_revert(std::span<const std::string> words);  // subject, before, ours of an undo record
int run_resolve(std::span<const std::string> words);

}  // namespace wireguard
