// Which tunnel addresses do this host and a peer have? The rules of design.md "Adjacencies", in their order.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "adjacency/link.hpp"
#include "adjacency/neighbor.hpp"
#include "adjacency/peer.hpp"
#include "base/result.hpp"

namespace adjacency {

enum class AddressSource : std::uint8_t { configured, point_to_point, subnet, allowed_ips, link_local, routing, bfdd };
constexpr std::string_view to_string(AddressSource s) {
    switch (s) {
        using enum AddressSource;
        case configured: return "configured";
        case point_to_point: return "point-to-point";
        case subnet: return "subnet";
        case allowed_ips: return "allowed-ips";
        case link_local: return "link-local";
        case routing: return "routing";
        case bfdd: return "bfdd";
    }
    return "?";
}

struct Addresses {
    base::IpAddress local;
    base::IpAddress remote;
    AddressSource source = AddressSource::configured;
    friend bool operator==(const Addresses&, const Addresses&) = default;
};

// The step that failed.
enum class ResolveStep : std::uint8_t {
    interface_without_address,  // the interface has no address at all
    no_local_for_remote,        // remote known, but no address of the interface has its family or scope
    no_candidate,               // allowed-ips name no host inside a prefix of the interface, routing no neighbour
    several_candidates,         // they name more than one
    address_taken,              // another peer of the interface has this address already
};
constexpr std::string_view to_string(ResolveStep s) {
    switch (s) {
        using enum ResolveStep;
        case interface_without_address: return "interface-without-address";
        case no_local_for_remote: return "no-local-for-remote";
        case no_candidate: return "no-candidate";
        case several_candidates: return "several-candidates";
        case address_taken: return "address-taken";
    }
    return "?";
}

struct Unresolved {
    ResolveStep step = ResolveStep::interface_without_address;
    friend bool operator==(const Unresolved&, const Unresolved&) = default;
};

// What the routing daemon knows of one interface.
struct Routing {
    std::span<const Neighbor> neighbors{};  // those that stand on it
    std::optional<Addresses> present{};     // the peer's by an earlier answer of it
};

// `configured` is the operator's `address`, when there is one. `device` is the whole device, `peer` one of its peers.
// An address that routing gave stays while no other neighbour of its kind is heard: a restart of the daemon, or a
// session that is down, takes nothing away.
base::Result<Addresses, Unresolved> resolve(const Link& link, const Device& device, const Peer& peer,
                                            const std::optional<base::IpAddress>& configured,
                                            const Routing& routing = {});

// The address of `link` to send from towards `remote`: same family, same scope (link-local or not), the one whose
// prefix holds `remote` first. None when there is none.
std::optional<base::IpAddress> local_for(const Link& link, const base::IpAddress& remote);

}  // namespace adjacency
