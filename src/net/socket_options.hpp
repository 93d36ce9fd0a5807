// What the receive sockets of the probe thread have in common.
#pragma once

#include <linux/filter.h>

#include <span>

#include "base/ip_address.hpp"

namespace net {

// Keeps an IPv6 socket to IPv6, and has the kernel tell TTL, destination, interface, receive time and drops of each
// datagram. Null, or the option that was refused (errno).
const char* tell_all(int fd, base::Family family);
void enlarge_buffer(int fd, int size);  // bytes
bool attach_filter(int fd, std::span<const sock_filter> program);

}  // namespace net
