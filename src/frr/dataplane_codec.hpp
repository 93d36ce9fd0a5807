// bfdd's distributed BFD ("data plane") protocol as values: what bfdd sends is decoded, what we send is encoded. No
// socket, no rules of conversation. Everything is in network byte order; a message opens with
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   | Version = 1   |     zero      |             Type              |
//   |  Id (0: not a request/reply)  |  Length, this header included |
//
// The protocol grows by longer messages and new types: longer ones are taken, unknown ones are the caller's to skip.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/ip_address.hpp"
#include "base/result.hpp"
#include "bfd/packet.hpp"

namespace frr {

inline constexpr std::size_t header_length = 8;
inline constexpr std::size_t echo_length = 24;
inline constexpr std::size_t session_length = 140;
inline constexpr std::size_t state_change_length = 36;
inline constexpr std::size_t counters_request_length = 12;
inline constexpr std::size_t counters_length = 80;
// bfdd keeps 8192 bytes a connection; a message beyond four times that is not one of its own.
inline constexpr std::size_t longest_message = 32768;

enum class MessageType : std::uint16_t {
    echo_request,
    echo_reply,
    add_session,
    delete_session,
    state_change,
    request_counters,
    counters,
};

enum class FrameError : std::uint8_t { bad_version, bad_length };
constexpr std::string_view to_string(FrameError e) {
    switch (e) {
        case FrameError::bad_version: return "version 0";
        case FrameError::bad_length: return "an impossible message length";
    }
    return "?";
}

struct Header {
    std::uint8_t version = 1;
    MessageType type{};  // may hold a value without a name
    std::uint16_t id = 0;
    std::uint16_t length = header_length;
    friend bool operator==(const Header&, const Header&) = default;
};
void encode(const Header& header, base::ByteWriter& out);

// The header of the message `buffered` starts with; none while the message is not whole. After an error nothing that
// follows can be found any more.
base::Result<std::optional<Header>, FrameError> next_message(base::Bytes buffered);

// DP_ADD_SESSION, decoded.
struct AddSession {
    std::uint32_t lid = 0;  // keys messages to bfdd, never used on the wire
    bool multihop = false;
    bool demand = false;
    bool control_plane_independent = false;
    bool echo = false;
    bool ipv6 = false;
    bool passive = false;
    bool shutdown = false;
    base::IpAddress source;  // unset when 0: the route decides
    base::IpAddress destination;
    bfd::Microseconds min_tx{}, min_rx{}, min_echo_tx{}, min_echo_rx{};
    std::uint8_t ttl = 255;  // multihop: the least accepted
    std::uint8_t detect_mult = 3;
    base::IfIndex ifindex;  // 0: none
    std::string ifname;
    friend bool operator==(const AddSession&, const AddSession&) = default;
};

struct CountersRequest {
    std::uint16_t id = 0;  // goes back in the answer
    std::uint32_t lid = 0;
    friend bool operator==(const CountersRequest&, const CountersRequest&) = default;
};

// `message` is one whole message of that type, header included; none when it is too short for its type.
std::optional<AddSession> decode_session(base::Bytes message);  // DP_ADD_SESSION, DP_DELETE_SESSION
std::optional<CountersRequest> decode_counters_request(base::Bytes message);
std::optional<std::uint64_t> decode_echo(base::Bytes message);  // our own time stamp, back

// BFD_STATE_CHANGE. Everything but `state` is the peer's.
struct StateMessage {
    std::uint32_t lid = 0;
    bfd::Discriminator remote_discriminator;
    bool control_plane_independent = false;
    bool demand = false;
    bfd::Microseconds desired_min_tx{}, required_min_rx{}, required_min_echo_rx{};
    bfd::State state = bfd::State::down;  // our own
    bfd::Diagnostic diagnostic = bfd::Diagnostic::none;
    std::uint8_t detect_mult = 0;
    friend bool operator==(const StateMessage&, const StateMessage&) = default;
};

struct Counters {
    std::uint64_t control_in_bytes = 0;
    std::uint64_t control_in_packets = 0;
    std::uint64_t control_out_bytes = 0;
    std::uint64_t control_out_packets = 0;
    friend bool operator==(const Counters&, const Counters&) = default;
};

std::array<std::byte, state_change_length> encode(const StateMessage& message);
std::array<std::byte, counters_length> encode(const CountersRequest& request, const Counters& counters);
std::array<std::byte, echo_length> encode_echo(MessageType type, std::uint64_t stamp);

}  // namespace frr
