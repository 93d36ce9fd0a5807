// The sockets that measure paths: UDP 862, where peers' STAMP requests come in and are answered from (RFC 8762 §4.1);
// one of ours a family for our own probes; a raw one for ICMP echo. Not blocking; they tell what the BFD sockets tell.
#pragma once

#include <cstdint>

#include "base/ip_address.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "net/receive_socket.hpp"

namespace net {

// Without SO_REUSEADDR: two reflectors on one port would take each other's packets. `local` unset: all addresses;
// `ifindex`: of a link-local one.
base::Result<base::UniqueFd, BindFailure> bind_reflector(base::Family family, const base::IpAddress& local = {},
                                                         base::IfIndex ifindex = {}, const Room& room = {});

// RFC 8762 §4.1: "a Session-Sender … MUST use … the range of the Dynamic Ports 49152-65535" unless told otherwise.
// `seed` spreads the ports. They hear what comes from port 862 and may be an answer.
base::Result<base::UniqueFd, BindFailure> bind_prober(base::Family family, std::uint32_t seed);
// In a VRF the answers come to the port of the default one, which sends for all.
base::Result<base::UniqueFd, BindFailure> bind_prober_in(const Room& room, base::Family family, std::uint16_t port);
std::uint16_t port_of(int fd);  // that a socket is bound to

// Hears echo replies to `identifier` alone, in all VRFs where net.ipv4.raw_l3mdev_accept is 1, in `vrf` where it is 0.
base::Result<base::UniqueFd, BindFailure> open_echo(base::Family family, std::uint16_t identifier,
                                                    base::IfIndex vrf = {});

}  // namespace net
