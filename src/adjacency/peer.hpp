// A WireGuard device and its peers, as generic netlink or a UAPI socket tells them. Holds no secret key, ever.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.hpp"
#include "base/time.hpp"

namespace adjacency {

struct PublicKey {
    std::array<std::uint8_t, 32> bytes{};

    static std::optional<PublicKey> from_base64(std::string_view text);  // 44 characters, as `wg` prints it
    static std::optional<PublicKey> from_hex(std::string_view text);     // 64 digits, as UAPI writes it
    friend constexpr auto operator<=>(const PublicKey&, const PublicKey&) = default;
};
std::string to_base64(const PublicKey& key);

struct Peer {
    PublicKey key;
    std::optional<base::Endpoint> endpoint;
    std::optional<base::WallTime> latest_handshake;  // none: there never was one
    std::uint64_t rx_bytes = 0;
    std::uint64_t tx_bytes = 0;
    std::uint16_t persistent_keepalive = 0;  // seconds, 0: off
    std::vector<base::Prefix> allowed_ips;
    friend bool operator==(const Peer&, const Peer&) = default;
};

struct Device {
    base::IfIndex index;
    std::string interface;
    std::uint16_t listen_port = 0;
    std::vector<Peer> peers;
    friend bool operator==(const Device&, const Device&) = default;
};

}  // namespace adjacency
