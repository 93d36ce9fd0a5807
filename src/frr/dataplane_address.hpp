// Where bfdd listens, as its `--dplaneaddr` writes it: "unix:/path", "ipv4:A.B.C.D[:port]", "ipv6:[X::Y][:port]".
// The forms in which bfdd would connect to us ("unixc:" …) are refused: broken in FRR 8.4.
#pragma once

#include <sys/socket.h>

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace frr {

inline constexpr std::uint16_t default_dataplane_port = 50700;

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t length = 0;
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

SocketAddress unix_address(std::string_view path);  // length 0 when the path is too long or empty
base::Result<SocketAddress, std::string> parse_dataplane_address(std::string_view text);

}  // namespace frr
