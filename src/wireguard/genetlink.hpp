// The in-kernel WireGuard's answer to WG_CMD_GET_DEVICE (linux/wireguard.h): messages of a dump to a device. Pure.
// Secret keys are skipped unread: wiping the buffer they stand in is the client's part.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "adjacency/peer.hpp"
#include "base/bytes.hpp"
#include "base/result.hpp"
#include "io/netlink_message.hpp"

namespace wireguard {

enum class GenetlinkRefusal : std::uint8_t { truncated, bad_public_key, bad_endpoint, bad_allowed_ip, bad_number };
constexpr std::string_view to_string(GenetlinkRefusal r) {
    switch (r) {
        using enum GenetlinkRefusal;
        case truncated: return "a message is cut short";
        case bad_public_key: return "a peer has no public key of 32 bytes";
        case bad_endpoint: return "an endpoint is no IPv4 or IPv6 address";
        case bad_allowed_ip: return "an allowed-ip is no IPv4 or IPv6 prefix";
        case bad_number: return "a number has the wrong size";
    }
    return "?";
}

// Puts the parts of a dump together. A part that does not hold all of a peer's allowed-ips is followed by one that
// repeats the peer, with its key and the rest of them alone.
class DeviceDump {
public:
    // The payload of one message of the family: struct genlmsghdr and attributes.
    std::optional<GenetlinkRefusal> take(base::Bytes payload);
    adjacency::Device take_device();

private:
    std::optional<GenetlinkRefusal> take_peer(base::Bytes attributes);

    adjacency::Device device_;
};

// The id in an answer to CTRL_CMD_GETFAMILY.
std::optional<std::uint16_t> family_id(base::Bytes payload);

}  // namespace wireguard
