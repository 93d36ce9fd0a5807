// zebra's Forwarding Plane Manager (FPM) stream as values: frames, each with one or more whole netlink messages in host
// byte order. What those say is kernel/route_message's question. No socket. A frame opens with
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   | Version = 1   |  Type         |  Length, these 4 bytes included |
//
// in network byte order; type 1 is netlink, 2 protobuf, which Debian's zebra cannot send.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace frr {

inline constexpr std::size_t fpm_header_length = 4;
inline constexpr std::size_t longest_fpm_frame = 65'535;
inline constexpr std::uint16_t default_fpm_port = 2620;

enum class FpmError : std::uint8_t { bad_version, bad_type, bad_length, bad_netlink };
constexpr std::string_view to_string(FpmError e) {
    switch (e) {
        case FpmError::bad_version: return "a frame of another version than 1";
        case FpmError::bad_type: return "a frame that is not netlink";
        case FpmError::bad_length: return "an impossible frame length";
        case FpmError::bad_netlink: return "a frame that is not whole netlink messages";
    }
    return "?";
}

// The netlink messages of the frame that `buffered` starts with, fpm_header_length shorter than the frame; none while
// it is not whole. After an error nothing that follows can be found any more.
base::Result<std::optional<base::Bytes>, FpmError> next_fpm_frame(base::Bytes buffered);

}  // namespace frr
