// What changes one peer of a WireGuard device, as messages to the kernel (WG_CMD_SET_DEVICE, linux/wireguard.h) and as
// text to a userspace process (`set=1`, https://www.wireguard.com/xplatform/). Pure.
//  - keep: another endpoint, and a keepalive at once (turning the persistent one off and on sends it), so that the peer
//    learns where we are; its keys and counters stay.
//  - fresh: the peer is removed and made again as it was, at one go: WireGuard then handshakes at once, whenever
//    it did so last. Its keys go, and its counters begin anew; what it allows, its preshared key and its keepalive
//    stay.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adjacency/peer.hpp"
#include "base/bytes.hpp"

namespace wireguard {

using PresharedKey = std::array<std::byte, 32>;  // zero: none. Wiped by whoever holds it

// `peer`: as it is, with the endpoint it is to have (none: only `fresh`).
std::vector<std::byte> compose_keep(std::uint16_t family, const std::string& interface, const adjacency::Peer& peer);
// Several only for a peer that allows more than a message holds: all of them go in one datagram (see send_whole).
std::vector<std::vector<std::byte>> compose_fresh(std::uint16_t family, const std::string& interface,
                                                  const adjacency::Peer& peer, const PresharedKey& psk);
std::string compose_keep(const adjacency::Peer& peer);
std::string compose_fresh(const adjacency::Peer& peer, const PresharedKey& psk);

// The preshared key of `key`'s peer, from one message of a dump (struct genlmsghdr and attributes), or from an answer
// to `get=1`.
std::optional<PresharedKey> preshared_key(base::Bytes payload, const adjacency::PublicKey& key);
std::optional<PresharedKey> preshared_key(std::string_view answer, const adjacency::PublicKey& key);

std::string to_hex(const adjacency::PublicKey& key);

}  // namespace wireguard
