// The BFD control packet, RFC 5880 §4.1, as a value. Authentication (§4.2 ff.) has its own issue: a packet with the A
// bit decodes to DropReason::authentication_unsupported.
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   |Vers |  Diag   |Sta|P|F|C|A|D|M|  Detect Mult  |    Length     |
//   |                       My Discriminator                        |
//   |                      Your Discriminator                       |
//   |                    Desired Min TX Interval                    |
//   |                   Required Min RX Interval                    |
//   |                 Required Min Echo RX Interval                 |
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/strong.hpp"

namespace bfd {

using Discriminator = base::Strong<struct DiscriminatorTag, std::uint32_t>;
using Microseconds = std::chrono::duration<std::uint32_t, std::micro>;  // as on the wire

inline constexpr std::size_t mandatory_length = 24;  // bytes

enum class State : std::uint8_t { admin_down, down, init, up };  // values: RFC 5880 §4.1
constexpr std::string_view to_string(State s) {
    switch (s) {
        using enum State;
        case admin_down: return "AdminDown";
        case down: return "Down";
        case init: return "Init";
        case up: return "Up";
    }
    return "?";
}

enum class Diagnostic : std::uint8_t {  // values: RFC 5880 §4.1; 9–31 are reserved and kept as received
    none,
    control_detection_time_expired,
    echo_function_failed,
    neighbor_signaled_session_down,
    forwarding_plane_reset,
    path_down,
    concatenated_path_down,
    administratively_down,
    reverse_concatenated_path_down,
};
constexpr std::string_view to_string(Diagnostic d) {
    switch (d) {
        using enum Diagnostic;
        case none: return "none";
        case control_detection_time_expired: return "control-detection-time-expired";
        case echo_function_failed: return "echo-function-failed";
        case neighbor_signaled_session_down: return "neighbor-signaled-session-down";
        case forwarding_plane_reset: return "forwarding-plane-reset";
        case path_down: return "path-down";
        case concatenated_path_down: return "concatenated-path-down";
        case administratively_down: return "administratively-down";
        case reverse_concatenated_path_down: return "reverse-concatenated-path-down";
    }
    return "reserved";
}

enum class DropReason : std::uint8_t {
    truncated,
    bad_version,
    bad_length,
    zero_detect_mult,
    multipoint,
    zero_my_discriminator,
    zero_your_discriminator,  // and the state is neither Down nor AdminDown
    authentication_unsupported,
    // Decided by the table, not by the codec:
    ttl,               // RFC 5881 §5, RFC 5883
    unknown_session,   // no session with Your Discriminator, or none for this source
    wrong_interface,   // a session's discriminator from another interface
    wrong_source,      // … or from another address
    malformed_source,  // multicast or unspecified source, unknown family
};
inline constexpr std::size_t drop_reasons = 13;
constexpr std::string_view to_string(DropReason r) {
    switch (r) {
        using enum DropReason;
        case truncated: return "truncated";
        case bad_version: return "bad-version";
        case bad_length: return "bad-length";
        case zero_detect_mult: return "zero-detect-mult";
        case multipoint: return "multipoint";
        case zero_my_discriminator: return "zero-my-discriminator";
        case zero_your_discriminator: return "zero-your-discriminator";
        case authentication_unsupported: return "authentication-unsupported";
        case ttl: return "ttl";
        case unknown_session: return "unknown-session";
        case wrong_interface: return "wrong-interface";
        case wrong_source: return "wrong-source";
        case malformed_source: return "malformed-source";
    }
    return "?";
}

struct Packet {
    Diagnostic diagnostic = Diagnostic::none;
    State state = State::down;
    bool poll = false;
    bool final = false;
    bool control_plane_independent = false;
    bool demand = false;
    std::uint8_t detect_mult = 0;
    Discriminator my_discriminator;
    Discriminator your_discriminator;
    Microseconds desired_min_tx{};
    Microseconds required_min_rx{};
    Microseconds required_min_echo_rx{};
    friend bool operator==(const Packet&, const Packet&) = default;
};

void encode(const Packet& packet, std::span<std::byte, mandatory_length> out);

// Bytes after `Length` are ignored. Checks of RFC 5880 §6.8.6 that need no session, in its order.
base::Result<Packet, DropReason> decode(base::Bytes datagram);

}  // namespace bfd
