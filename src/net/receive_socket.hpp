// The sockets BFD packets come in by: UDP 3784 (RFC 5881 §4) and 4784 (RFC 5883 §5).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_address.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace net {

inline constexpr std::uint16_t single_hop_port = 3784;
inline constexpr std::uint16_t multihop_port = 4784;

struct BindFailure {
    int error = 0;     // errno
    std::string what;  // the step that failed: "bind 10.8.0.1:3784"
};

// A VRF (0: the default one): what comes in by its interfaces is heard in it and nowhere else. The kernel lets a port
// be bound in one beside a socket that is bound outside only where both agree to share it (SO_REUSEADDR): `sharers`,
// ours, do so for that moment, so that nobody else can join them later.
struct Room {
    base::IfIndex vrf{};
    std::vector<int> sharers{};
};
std::optional<BindFailure> bind_in(int fd, const Room& room, const base::Endpoint& place, base::IfIndex ifindex = {});

enum class Filter : bool { off, on };  // off: for tests of what the filter would hide

// Bound without SO_REUSEADDR, to `local` or, where that is unset, to the wildcard. Link-local IPv6 addresses need their
// interface. Not blocking; tells TTL, destination, interface, receive time and drops of each datagram.
base::Result<base::UniqueFd, BindFailure> bind_receive(base::Family family, bool multihop,
                                                       const base::IpAddress& local = {}, base::IfIndex ifindex = {},
                                                       Filter filter = Filter::on, const Room& room = {});

}  // namespace net
